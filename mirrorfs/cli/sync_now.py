"""Have a mirror that runs look at everything at once, also at what is owed, and not when it is due.

MIRROR is the destination, or a name that `status` shows; without it all that run. It does not wait:
`mirrorfs sync --wait SRC DST` does. SIGUSR1 asks for the same.
"""

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.meant import meant
from mirrorfs.errors import ExitCode
from mirrorfs.service.client import NotRunning, ask


def run(call: Call) -> int:
    asked = 0
    trouble: NotRunning | None = None
    for directory in meant(call):
        try:
            ask(directory, "sync-now")
            asked += 1
        except NotRunning as error:
            trouble = error
    if trouble is not None and not asked:
        raise trouble
    return ExitCode.OK
