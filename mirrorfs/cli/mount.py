"""Show the pending plan as a file system at MOUNTPOINT, until unmounted or stopped (Ctrl-C,
SIGTERM).

MOUNTPOINT/after is DST as it will be; MOUNTPOINT/pending has what changes, by verb; plan.txt,
plan.json and summary tell why. Nothing is written, and the view follows what happens. Takes the
flags of run, and like run keeps everything (--archive); give it the same flags to see the same
plan. `run --mount MOUNTPOINT` does both.
"""

import signal
from types import ModuleType
from typing import TYPE_CHECKING

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.mirroring import read_settings
from mirrorfs.core.filter import Filter
from mirrorfs.core.options import Options
from mirrorfs.errors import ExitCode, PermanentError
from mirrorfs.output.escape import printable
from mirrorfs.state import State
from mirrorfs.sync.settings import Settings

if TYPE_CHECKING:
    from mirrorfs.view.live import View


def run(call: Call) -> int:
    import trio

    source, destination, point = call.places
    made = read_settings(call)
    view = make_view(call, point, source, destination, made.options, made.filter, made.settings)
    trio.run(_until_told, view, call)
    return ExitCode.OK


def make_view(
    call: Call,
    point: str,
    source: str,
    destination: str,
    options: Options,
    filter: Filter,
    settings: Settings,
) -> "View":
    """What will show the plan at ``point``. Raises PermanentError, DirectoryMissing, FatalError."""
    live = _room()
    state = State.find(call.flags.state.state_dir)
    wanted = live.Wanted(source, destination, options, filter, settings, state)
    view: View = live.View(
        wanted,
        point,
        allow_other=call.flags.viewing.allow_other,
        said=lambda line: call.log.notice(printable(line)),
    )
    view.prepare()
    return view


async def told(view: "View", call: Call) -> None:
    """The view, which says when it can be looked at. Raises MirrorError."""
    from mirrorfs.service.beside import beside

    async def tell() -> None:
        await view.ready.wait()
        call.log.notice(f"the plan is shown at {printable(view.point)}")

    await beside(view, tell)


def _room() -> ModuleType:
    """The room of the view. Raises PermanentError where pyfuse3 is not installed."""
    try:
        from mirrorfs.view import live
    except ImportError as error:
        raise PermanentError(
            f"the view needs pyfuse3 ({error})",
            remedy="install mirrorfs[fuse]; it is built from source and needs libfuse3-dev, "
            "pkg-config, a C compiler and fuse3",
        ) from None
    return live


async def _until_told(view: "View", call: Call) -> None:
    import trio

    from mirrorfs.service.beside import beside

    with trio.CancelScope() as scope:

        async def obey() -> None:
            with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                async for _ in signals:
                    scope.cancel()

        await beside(lambda: told(view, call), obey)
