"""Write nothing to a destination until told to go on, or for so long: what changes is kept in the
journal meanwhile, and replayed then.

MIRROR is the destination, or a name that `status` shows; without it all are paused. When the
command ends nothing of the destination is in use: its drive can be unmounted. The pause outlives
restarts; one that does not run begins paused. A copy that is under way is given up, and made again
afterwards. `mirrorfs sync` by hand writes to it all the same.
"""

import time

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.lookup import places_of
from mirrorfs.cli.meant import meant
from mirrorfs.errors import ExitCode
from mirrorfs.mirror.paused import Pause, PauseFile
from mirrorfs.output.escape import printable
from mirrorfs.service.client import NotRunning, ask


def run(call: Call) -> int:
    wanted = call.flags.pausing
    now = time.time_ns()
    until_ns = now + wanted.for_ if wanted.for_ else 0
    for directory in meant(call):
        try:
            pause = Pause(
                **ask(directory, "pause", within=None, until_ns=until_ns, reason=wanted.reason)
            )
        except NotRunning:
            pause = Pause(now, until_ns, wanted.reason)
            PauseFile(directory).store(pause)
        _, destination = places_of(directory) or ("", directory)
        call.log.notice(printable(f"{destination} is {pause.said()}"))
    return ExitCode.OK
