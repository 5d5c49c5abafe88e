"""Mirror SRC to DST and keep it true until stopped (Ctrl-C, SIGTERM).

Everything faithful is kept (--archive); nothing is deleted while a plan looks like a disaster: an
emptied source, more than half of DST at once, a DST that holds other things and was never mirrored
to (--adopt says that they may go). On a terminal the last line shows how things are; elsewhere see
`mirrorfs status`.
"""

import os
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
    from mirrorfs.run import Run, Target

    source, destination = call.places
    made = read_settings(call)
    limit = pace(call.flags, call.log.notice)
    with Voice(call.flags, call.log, destination) as voice:
        target = Target(
            destination,
            options=made.options,
            filter=made.filter,
            settings=made.settings,
            fsync=call.flags.copying.fsync,
            adopt=call.flags.deleting.adopt,
            wait=call.flags.state.wait / NANOSECONDS,
            audit_interval=call.flags.state.audit_interval / NANOSECONDS,
            pace=limit,
            recipe=made.recipe,
            listener=voice.listener,
            said=lambda line: call.log.notice(printable(line)),
        )
        state = State.find(call.flags.state.state_dir)
        mirrors = Run(source, [target], state=state, noticing=noticing(call.flags))
        view = None
        if point := call.flags.viewing.mount:
            wanted = (source, destination, made.options, made.filter, made.settings)
            view = make_view(call, point, *wanted)
        with toggling(limit), StatusLine(mirrors.news, call.log, sys.stderr) as line:
            trio.run(_until_told, call, mirrors, line, view)
    if mirrors.abandoned:
        sys.stdout.flush()
        os._exit(ExitCode.OK)  # the interpreter would wait for what could not be ended
    return ExitCode.OK


async def _until_told(call: Call, mirrors: "Run", line: "StatusLine", view: "View | None") -> None:
    import trio

    async def obey(
        nursery: trio.Nursery, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
        with trio.open_signal_receiver(*numbers) as signals:
            task_status.started()
            async for number in signals:
                if number == signal.SIGUSR1:
                    mirrors.hurry()
                elif number == signal.SIGHUP:
                    call.log.notice("SIGHUP: there is no configuration to read again")
                else:
                    mirrors.stop()
                    nursery.cancel_scope.cancel()
                    return

    trouble: Exception | None = None
    async with trio.open_nursery() as nursery:
        await nursery.start(obey, nursery)
        nursery.start_soon(line.keep_drawing)
        if view is not None:
            nursery.start_soon(_show, call, mirrors, view)
        try:
            await mirrors()
        except Exception as error:
            trouble = error  # raised outside: a nursery would wrap it in a group
        nursery.cancel_scope.cancel()
    if trouble is not None:
        raise trouble


async def _show(call: Call, mirrors: "Run", view: "View") -> None:
    """The view, once the source is being recorded. Whatever ends it, the mirror goes on."""
    from mirrorfs.status import Phase

    (condition,) = mirrors.conditions
    while condition.status.phase is Phase.STARTING:
        await mirrors.news.news.wait()
    try:
        await told(view, call)
    except MirrorError as error:
        remedy = f" ({error.remedy})" if error.remedy else ""
        call.log.error(printable(f"the plan is not shown: {error}{remedy}"))
