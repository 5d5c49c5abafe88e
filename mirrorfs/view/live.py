"""A mounted view that follows what happens.

Law: the kernel is told what it must forget from a thread, after the new picture is in place:
telling it can wait for a question that is being answered here.
"""

import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import pyfuse3
import trio

from mirrorfs.core.record import replace
from mirrorfs.drives import located
from mirrorfs.errors import MirrorError
from mirrorfs.service.beside import beside
from mirrorfs.state import make
from mirrorfs.trees.local.read import entry_of
from mirrorfs.view.mount import mounted, prepare
from mirrorfs.view.operations import Operations
from mirrorfs.view.planner import Planner, Wanted
from mirrorfs.watch.inotify import CREATE, DELETE, MODIFY, MOVED_TO, Inotify

SETTLE_SECONDS = 0.1
RETRY_SECONDS = 2.0
CLOSE_SECONDS = 2.0  # for a tree on a file system that hangs
TASKS = 256  # questions answered at the same time


class View:
    """An async callable: mounts, serves until cancelled or unmounted by somebody, unmounts.

    ``said`` hears what people should know; ``ready`` is set once the view can be looked at. Raises
    MirrorError.
    """

    def __init__(
        self, wanted: Wanted, point: str, *, allow_other: bool, said: Callable[[str], None]
    ) -> None:
        self._wanted = wanted
        self.point = os.path.abspath(point)
        self._allow_other = allow_other
        self._said = said
        self._news = trio.Event()
        self.ready = trio.Event()

    def prepare(self) -> None:
        """Look at the mount point, and clear away a dead view. Raises MirrorError."""
        prepare(self.point, (located(self._wanted.source), located(self._wanted.destination)))

    async def __call__(self) -> None:
        token = trio.lowlevel.current_trio_token()
        planner = Planner(self._wanted, lambda: token.run_sync_soon(self._wake))
        try:
            picture = await trio.to_thread.run_sync(planner.begin, abandon_on_cancel=True)
            # What it covers shows through: whoever looks at the directory above sees no change.
            operations = Operations(picture, self._wanted, entry_of(os.stat(self.point)))
            with mounted(operations, self.point, allow_other=self._allow_other):
                self.ready.set()
                others: list[Callable[[], Awaitable[None]]] = []
                others.append(partial(self._follow, planner, operations))
                if not planner.watches:
                    others.append(self._listen)
                await beside(partial(pyfuse3.main, max_tasks=TASKS), *others)
            operations.close()
        finally:
            with trio.move_on_after(CLOSE_SECONDS, shield=True):
                await trio.to_thread.run_sync(planner.close, abandon_on_cancel=True)

    def _wake(self) -> None:
        self._news.set()

    async def _listen(self) -> None:
        """Hear of the journal's records, and of checkpoints and held plans."""
        wanted = self._wanted
        inotify = Inotify()
        try:
            for place in (wanted.state.journal(wanted.source), make(wanted.directory)):
                directory = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
                inotify.watch(directory, MODIFY | CREATE | MOVED_TO | DELETE)
                os.close(directory)
            self._wake()  # RACE: what happened before this was heard by nobody
            while True:
                await trio.lowlevel.wait_readable(inotify.fd)
                while inotify.read():
                    pass
                self._wake()
        finally:
            inotify.close()

    async def _follow(self, planner: Planner, operations: Operations) -> None:
        trouble = ""
        while True:
            with trio.move_on_after(RETRY_SECONDS if planner.bare else float("inf")):
                await self._news.wait()
            await trio.sleep(SETTLE_SECONDS)
            self._news = trio.Event()
            try:
                updated = await trio.to_thread.run_sync(planner.update, abandon_on_cancel=True)
            except MirrorError as error:
                if str(error) != trouble:
                    self._said(f"the view is out of date: {error}")
                    why = f"out of date: {error}"
                    operations.show(replace(operations.picture, why=why))
                trouble = str(error)
                with trio.move_on_after(RETRY_SECONDS):
                    await self._news.wait()
                self._wake()
                continue
            trouble = ""
            if updated is not None:
                picture, scope = updated
                operations.show(picture)
                stale = list(operations.inodes.affected(scope))
                await trio.to_thread.run_sync(_forget, stale, abandon_on_cancel=True)


def _forget(stale: Sequence[tuple[int, int, bytes]]) -> None:
    """Have the kernel ask again about inodes, and about their names in the directories above."""
    for inode, above, name in stale:
        try:
            pyfuse3.invalidate_inode(inode, attr_only=True)
            if name:
                pyfuse3.invalidate_entry(above, name)
        except OSError:
            pass  # it has forgotten already, or the view is being unmounted
