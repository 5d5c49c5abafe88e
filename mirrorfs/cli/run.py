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
from mirrorfs.cli.mount import make_view, told
from mirrorfs.cli.settings import NANOSECONDS, noticing, pace
from mirrorfs.cli.toggling import toggling
from mirrorfs.cli.voice import Voice
from mirrorfs.errors import ExitCode, MirrorError
from mirrorfs.output.escape import printable
from mirrorfs.state import State

if TYPE_CHECKING:
    from mirrorfs.output.statusline import StatusLine
    from mirrorfs.run import Run
    from mirrorfs.view.live import View


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
        view = None
        if point := call.flags.viewing.mount:
            wanted = (source, destination, made.options, made.filter, made.settings)
            view = make_view(call, point, *wanted)
        with toggling(limit), StatusLine(mirror.condition, call.log, sys.stderr) as line:
            trio.run(_until_told, call, mirror, line, view)
    return ExitCode.OK


async def _until_told(call: Call, mirror: "Run", line: "StatusLine", view: "View | None") -> None:
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
        nursery.start_soon(line.keep_drawing)
        if view is not None:
            nursery.start_soon(_show, call, mirror, view)
        try:
            await mirror()
        except Exception as error:
            trouble = error  # raised outside: a nursery would wrap it in a group
        nursery.cancel_scope.cancel()
    if trouble is not None:
        raise trouble


async def _show(call: Call, mirror: "Run", view: "View") -> None:
    """The view, once the source is being recorded. Whatever ends it, the mirror goes on."""
    from mirrorfs.status import Phase

    while mirror.condition.status.phase is Phase.STARTING:
        await mirror.condition.news.wait()
    try:
        await told(view, call)
    except MirrorError as error:
        remedy = f" ({error.remedy})" if error.remedy else ""
        call.log.error(printable(f"the plan is not shown: {error}{remedy}"))
