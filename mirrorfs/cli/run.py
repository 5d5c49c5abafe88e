"""Mirror SRC to DST and keep it true until stopped (Ctrl-C, SIGTERM).

Everything faithful is kept (--archive); nothing is deleted while a plan looks like a disaster: an
emptied source, more than half of DST at once, a DST that holds other things and was never mirrored
to (--adopt says that they may go). On a terminal the last line shows how things are; elsewhere see
`mirrorfs status`.

`run NAME` takes SRC, all its destinations and the options from a file (`mirrorfs init` makes one),
and takes up what changes in it: at once, and on SIGHUP. SIGUSR1 has everything looked at now.
"""

import os
import sys

from mirrorfs.cli.invocation import Call
from mirrorfs.errors import ExitCode


def run(call: Call) -> int:
    return several([call])


def several(calls: list[Call]) -> int:
    """All destinations of one source, in one process."""
    import trio

    from mirrorfs.cli.serving import Serving

    serving = Serving(calls)
    trio.run(serving)
    if serving.abandoned:
        sys.stdout.flush()
        os._exit(ExitCode.OK)  # the interpreter would wait for what could not be ended
    return ExitCode.OK
