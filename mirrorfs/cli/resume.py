"""Go on after a pause: what changed meanwhile is replayed from the journal.

MIRROR is the destination, or a name that `status` shows; without it all go on.
"""

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.meant import meant
from mirrorfs.errors import ExitCode
from mirrorfs.mirror.paused import PauseFile
from mirrorfs.service.client import NotRunning, ask


def run(call: Call) -> int:
    for directory in meant(call):
        try:
            ask(directory, "resume")
        except NotRunning:
            PauseFile(directory).remove()
    return ExitCode.OK
