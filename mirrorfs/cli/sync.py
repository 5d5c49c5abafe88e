"""Make DST identical to the contents of SRC: copy what is new or differs, delete the rest.

DST is created if it is not there. Where a journal vouches for SRC, only what changed since the last
sync is looked at; --full compares everything. Nothing is deleted in a run that had an error. If SRC
is a file, it is copied into the directory DST and nothing is deleted.
"""

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.mirroring import mirror


def run(call: Call) -> int:
    return mirror(call)
