"""The two roots of a mirror, held while there is something to do, and let go of in between.

Law: a place is looked for anew whenever it is opened, so a drive may come back anywhere. What is
opened again must be the very directory it was; until that is shown nothing is written, and nothing
is made where a drive should be.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from mirrorfs.core.options import Links, Options
from mirrorfs.core.record import replace
from mirrorfs.drives import Found, asleep, find, make, rouse
from mirrorfs.errors import DirectoryMissing, DriveAway, MirrorError
from mirrorfs.mirror.claim import Claim
from mirrorfs.mirror.preflight import lock_destination
from mirrorfs.sync.settings import Settings
from mirrorfs.trees.local import LocalTree
from mirrorfs.trees.local.kernel import mount_at

if TYPE_CHECKING:
    from mirrorfs.trees.memory import MemoryTree

_MOMENT = 2.0  # seconds: who finds the claim on a destination lets go of its lock at once


def sought(places: tuple[str, str]) -> tuple[Found, Found]:
    """Where both are today; what mounts by itself when it is needed is mounted. Raises as `find`
    does."""
    for place in places:
        rouse(place)
    return find(places[0]), find(places[1])


class Roots:
    """``source``, ``destination`` and the trees ``elsewhere`` of a mirror. ``dry``: nothing is
    written, and a destination that does not exist is an empty one; ``create``: it is made.
    ``home``: the state directory. ``rests``: nothing is held; ``woke`` is called when that ends.
    Raises as `LocalTree` and `lock_destination` do."""

    def __init__(
        self,
        places: tuple[str, str],
        found: tuple[Found, Found],
        options: Options,
        settings: Settings,
        *,
        owner: str,
        fsync: str,
        home: str,
        dry: bool,
        create: bool,
        wait: float,
    ) -> None:
        self._places, self._options = places, options
        self._lock, self._claim = -1, Claim(home)
        self.rests = False
        self.woke: Callable[[], None] = lambda: None
        self.elsewhere: list[LocalTree] = []
        suffix = settings.partial_suffix
        at = found[1].path
        with ExitStack() as opened:
            opened.callback(self.close)
            self._open: list[LocalTree] = []
            self.source = self._keep(
                LocalTree(found[0].path, options, owner=owner, partial_suffix=suffix), found[0]
            )
            self.destination: MemoryTree | LocalTree
            if dry and not os.path.isdir(at):
                self.destination = _nothing()
            else:
                if create and not dry:
                    make(found[1])
                if not dry:
                    self._lock = lock_destination(at, wait, home)
                tree = LocalTree(
                    at,
                    _unfollowed(options),
                    writable=not dry,
                    fsync=fsync,
                    owner=owner,
                    partial_suffix=suffix,
                    writing=settings.writing,
                )
                self.destination = self._keep(tree, found[1])
            self._find_others(settings.compare_dest or settings.copy_dest)
            opened.pop_all()

    def rest(self) -> None:
        """Hold nothing open; what was written must be durable. Raises MirrorError, OSError."""
        if self.rests or not isinstance(self.destination, LocalTree):
            return
        # What lies on the root file system nobody can take away: its lock stays, for everybody.
        leaves = self._lock >= 0 and self.destination.mount != mount_at("/")
        if leaves:
            self._claim.take(self.destination.identity())
        self.rests = True
        for tree in self._open:
            tree.rest()
        if leaves:
            self._unlock()

    def wake(self) -> None:
        """Hold them again. Raises MirrorError where a drive is gone or another one is in its place;
        then nothing is held still."""
        if not self.rests:
            return
        try:
            source, destination = (find(place) for place in self._places)
            self.source.wake(source.path)
            assert isinstance(self.destination, LocalTree)
            self.destination.wake(destination.path)
            for tree in self.elsewhere:
                tree.wake(tree.path)
            if self._lock < 0:
                self._lock = lock_destination(destination.path, _MOMENT)
        except BaseException:
            with suppress(MirrorError, OSError):
                for tree in self._open:
                    tree.rest()
            raise
        self._claim.release()
        self.rests = False
        self.woke()

    def look(self) -> None:
        """See whether both are what they were; nothing is mounted by it. Raises MirrorError."""
        if any(map(asleep, self._places)):
            return
        self.wake()
        for place, tree in zip(self._places, (self.source, self.destination), strict=True):
            tree.identity()
            if isinstance(tree, LocalTree) and find(place).path != tree.path:
                raise DriveAway(f"{place} is mounted elsewhere by now", remedy="it is looked for")

    def close(self) -> None:
        for tree in self._open:
            tree.close()
        self._unlock()
        self._claim.release()

    def _keep(self, tree: LocalTree, found: Found) -> LocalTree:
        """RACE: between finding the mount and opening the directory it may have gone."""
        self._open.append(tree)
        if found.number and tree.mount != found.number:
            raise DriveAway(
                f"{found.path} is not on its drive any more",
                remedy="plug it in and mount it, no matter where",
            )
        return tree

    def _find_others(self, places: Sequence[str]) -> None:
        for place in places:
            with suppress(DirectoryMissing):
                tree = LocalTree(place, self._options)
                self.elsewhere.append(tree)
                self._open.append(tree)

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _unfollowed(options: Options) -> Options:
    """No link of a destination is followed, also where it is only looked at."""
    return replace(options, links=Links.SKIP) if options.links is Links.FOLLOW else options


def _nothing() -> "MemoryTree":
    """What a dry run sees where nothing is yet."""
    from mirrorfs.trees.memory import MemoryTree

    return MemoryTree()
