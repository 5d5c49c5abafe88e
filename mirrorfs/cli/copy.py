"""Copy what is new in SRC or differs to DST; delete nothing there.

DST is created if it is not there. If SRC is a file, it is copied into the directory DST.
"""

import os

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.mirroring import mirror
from mirrorfs.drives import located, name


def run(call: Call) -> int:
    source, destination = call.places
    if name(source) == name(destination) and os.path.exists(located(source)):
        call.log.notice("Nothing to do as source and destination are the same")
        return 0
    return mirror(call)
