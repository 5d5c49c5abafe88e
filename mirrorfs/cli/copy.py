"""Copy what is new in SRC or differs to DST; delete nothing there.

DST is created if it is not there. If SRC is a file, it is copied into the directory DST.
"""

import os

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.mirroring import mirror


def run(call: Call) -> int:
    source, destination = call.places
    if os.path.realpath(source) == os.path.realpath(destination) and os.path.exists(source):
        call.log.notice("Nothing to do as source and destination are the same")
        return 0
    return mirror(call)
