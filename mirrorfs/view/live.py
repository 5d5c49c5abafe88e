"""A mounted view that follows what happens.

Law: the kernel is told what it must forget from a thread, after the new picture is in place:
telling it can wait for a question that is being answered here.

RACE: an answer from before may reach the kernel's list of a directory only after that was dropped;
so directories are dropped a second time, a moment later.
"""

import gc
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

import pyfuse3
import trio

from mirrorfs.core.record import replace
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import TreeError
from mirrorfs.drives import located
from mirrorfs.errors import MirrorError
from mirrorfs.service.beside import beside
from mirrorfs.state import make
from mirrorfs.trees.local.entry import entry_of
from mirrorfs.view.inodes import Stale
from mirrorfs.view.mount import mounted, prepare
from mirrorfs.view.operations import Operations
from mirrorfs.view.picture import Picture
from mirrorfs.view.places import Place, directory_number
from mirrorfs.view.planner import Planner, Wanted
from mirrorfs.watch.inotify import CREATE, DELETE, MODIFY, MOVED_TO, Inotify

SETTLE_SECONDS = 0.1
RETRY_SECONDS = 2.0
AGAIN_SECONDS = 1.0
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
        self._again: set[int] = set()  # directories whose names are to be dropped once more
        self.ready = trio.Event()

    def prepare(self) -> None:
        """Look at the mount point, and clear away a dead view. Raises MirrorError."""
        prepare(self.point, (located(self._wanted.source), located(self._wanted.destination)))

    async def __call__(self) -> None:
        token = trio.lowlevel.current_trio_token()
        planner = Planner(self._wanted, lambda: token.run_sync_soon(self._wake))
        try:
            picture = await trio.to_thread.run_sync(planner.begin, abandon_on_cancel=True)
            gc.freeze()  # a plan is no garbage, and is not looked through whenever a name is told
            # What it covers shows through: whoever looks at the directory above sees no change.
            operations = Operations(
                picture,
                self._wanted,
                entry_of(os.stat(self.point)),
                told=planner.watches,
                outdated=self._outdated,
            )
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

    def _outdated(self, directory: int) -> None:
        self._again.add(directory)
        self._wake()

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
            with trio.move_on_after(self._pause(planner)):
                await self._news.wait()
            await trio.sleep(SETTLE_SECONDS)
            again, self._again = self._again, set()
            if again:
                await trio.to_thread.run_sync(_drop, again, abandon_on_cancel=True)
            self._news = trio.Event()
            try:
                updated = await trio.to_thread.run_sync(planner.update, abandon_on_cancel=True)
            except MirrorError as error:
                if str(error) != trouble:
                    self._said(f"the view is out of date: {error}")
                    why = f"out of date: {error}"
                    operations.show(replace(operations.picture, why=why), Scope())
                trouble = str(error)
                with trio.move_on_after(RETRY_SECONDS):
                    await self._news.wait()
                self._wake()
                continue
            trouble = ""
            if updated is not None:
                picture, scope = updated
                # First what would hide the new picture, so that who finds a new name lists it, too.
                stale = list(operations.inodes.affected(scope))
                await trio.to_thread.run_sync(_drop, _directories(stale), abandon_on_cancel=True)
                operations.show(picture, scope)
                stale = list(operations.inodes.affected(scope))
                await trio.to_thread.run_sync(_forget, stale, picture, abandon_on_cancel=True)
                self._again |= _directories(stale)

    def _pause(self, planner: Planner) -> float:
        if self._again:
            return AGAIN_SECONDS
        return RETRY_SECONDS if planner.bare else float("inf")


def _forget(stale: Sequence[Stale], picture: Picture) -> None:
    """Have the kernel ask again about inodes, and about their names in the directories above."""
    for inode, place, above, name in stale:
        stays = inode == directory_number(place) and _is_directory(picture, place)
        if name and not stays:
            with suppress(OSError):  # it has forgotten already, or the view is being unmounted
                pyfuse3.invalidate_entry(above, name)
        if inode:
            with suppress(OSError):
                pyfuse3.invalidate_inode(inode, attr_only=not stays)


def _directories(stale: Sequence[Stale]) -> set[int]:
    """The directories among what is stale."""
    return {inode for inode, place, _, _ in stale if inode == directory_number(place)}


def _drop(directories: set[int]) -> None:
    """Have the kernel ask again for the names in directories."""
    for inode in directories:
        with suppress(OSError):
            pyfuse3.invalidate_inode(inode)


def _is_directory(picture: Picture, place: Place) -> bool:
    """Whether that is what a place is now; if it cannot be told it is not."""
    try:
        seen = picture.look(place)
    except (TreeError, MirrorError, OSError):
        return False
    return seen is not None and seen.entry.is_directory
