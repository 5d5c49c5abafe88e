"""Mirror SRC to DST and keep it true until stopped (Ctrl-C, SIGTERM).

Everything faithful is kept (--archive); nothing is deleted while a plan looks like a disaster: an
emptied source, more than half of DST at once, a DST that holds other things and was never mirrored
to (--adopt says that they may go). On a terminal the last line shows how things are; elsewhere see
`mirrorfs status`.
"""

import signal
import sys
from typing import TYPE_CHECKING

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.mirroring import read_settings
from mirrorfs.cli.settings import NANOSECONDS, noticing, pace
from mirrorfs.cli.toggling import toggling
from mirrorfs.cli.voice import Voice
from mirrorfs.errors import ExitCode
from mirrorfs.output.escape import printable
from mirrorfs.state import State

if TYPE_CHECKING:
    from mirrorfs.output.statusline import StatusLine
    from mirrorfs.run import Run


def run(call: Call) -> int:
    import trio

    from mirrorfs.output.statusline import StatusLine
    from mirrorfs.run import Run

    source, destination = call.places
    made = read_settings(call)
    limit = pace(call.flags, call.log.notice)
    with Voice(call.flags, call.log, destination) as voice:
        mirror = Run(
            source,
            destination,
            options=made.options,
            filter=made.filter,
            settings=made.settings,
            state=State.find(call.flags.state.state_dir),
            fsync=call.flags.copying.fsync,
            adopt=call.flags.deleting.adopt,
            listener=voice.listener,
            said=lambda line: call.log.notice(printable(line)),
            wait=call.flags.state.wait / NANOSECONDS,
            pace=limit,
            audit_interval=call.flags.state.audit_interval / NANOSECONDS,
            noticing=noticing(call.flags),
            recipe=made.recipe,
        )
        with toggling(limit), StatusLine(mirror.status, call.log, sys.stderr) as line:
            trio.run(_until_told, mirror, line)
    return ExitCode.OK


async def _until_told(mirror: "Run", line: "StatusLine") -> None:
    import trio

    async def obey(nursery: trio.Nursery) -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                mirror.stop()
                nursery.cancel_scope.cancel()
                return

    trouble: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(obey, nursery)
        nursery.start_soon(line.keep_drawing, mirror)
        try:
            await mirror()
        except Exception as error:
            trouble = error  # raised outside: a nursery would wrap it in a group
        nursery.cancel_scope.cancel()
    if trouble is not None:
        raise trouble
