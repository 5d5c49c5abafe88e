"""A directory of this machine as a source or a destination.

Law: the root is opened once and held; everything below is reached from that descriptor. A root that
is not where it was any more ends the pass instead of looking empty.
"""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import groupby

from mirrorfs.core.mounts import Mounted
from mirrorfs.core.options import Links, Options
from mirrorfs.core.plan import Action, Outcome
from mirrorfs.core.quick import Look, Terms
from mirrorfs.core.tree import Entry, Failure, Identity, Listing, TreeError, split
from mirrorfs.errors import FatalError, TemporaryError
from mirrorfs.trees.base import Content, Destination, Tree
from mirrorfs.trees.local import (
    bulk,
    change,
    delete,
    directories,
    identity,
    kernel,
    link,
    rename,
    small,
)
from mirrorfs.trees.local.backup import Backups
from mirrorfs.trees.local.content import open_content
from mirrorfs.trees.local.durable import Fsync, sync_names
from mirrorfs.trees.local.handles import Handle, Handles
from mirrorfs.trees.local.names import Temporaries
from mirrorfs.trees.local.nested import Nested
from mirrorfs.trees.local.quick import QuickCheck
from mirrorfs.trees.local.read import Reading
from mirrorfs.trees.local.transfer import Transfers
from mirrorfs.trees.local.writing import Writing


class LocalTree(Destination):
    """See `mirrorfs.trees.base`.

    ``options`` say what is read and what is kept. With `Links.FOLLOW` a tree that is not
    ``writable`` shows what its symlinks point to; a writable one never follows any. ``owner``:
    eight hexadecimal digits that tell this mirror's temporaries from others'; give the source the
    destination's, so that one inside the other's reach is never mirrored. ``fsync``: see `Fsync`;
    ValueError if it is none. ``writing``: see `Writing`.

    Raises DirectoryMissing, PermanentError, TemporaryError, SettingError. While it is open its file
    system cannot be unmounted, except lazily.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        options: Options = Options(),  # noqa: B008  (frozen)
        *,
        writable: bool = False,
        fsync: str = Fsync.REPLACE,
        owner: str = "00000000",
        partial_suffix: str = ".tmp",
        writing: Writing = Writing(),  # noqa: B008  (frozen)
    ) -> None:
        self.path = os.fspath(root)
        self._writable = writable
        self._fsync = Fsync(fsync)
        self._temporaries = Temporaries(owner, partial_suffix)
        self._follow = options.links is Links.FOLLOW and not writable
        self._xattrs = options.xattrs
        self._descriptor = identity.open_root(self.path)
        self.capabilities = identity.capabilities(self.path, self._descriptor)
        self.handles = Handles(
            self._descriptor,
            follow=self._follow,
            opens_up=writable and options.permissions and os.geteuid() != 0,
        )
        self._nested = Nested(self._descriptor)
        self._reading = Reading(self.handles, self._temporaries, options, self._follow)
        # Until the first sweep: what a killed run was at is what its successor looks at first.
        self._reading.seeks_leftovers = writable
        self._backups: Backups | None = None
        self._slept_as: Identity | None = None
        if writing.backup is not None:
            durable = self._fsync is not Fsync.NEVER
            self._backups = Backups(
                writing.backup, self.handles, self._temporaries, durable=durable
            )
        self._transfers = Transfers(
            self.handles,
            self._temporaries,
            options,
            self.capabilities,
            self._fsync,
            writing,
            self._backups,
        )

        usual, kept = self._transfers.small, self._transfers.keep
        self._bulk = bulk.terms(options, kept, self.capabilities.owner, usual)
        compiled = small.copy is not small.plain.copy
        self.unlocked = compiled and (usual is not None if writable else not self._follow)

    def identity(self) -> Identity:
        identity.check_root(self.path, self._descriptor)
        return identity.identity(self.path, self._descriptor)

    def begin(self) -> None:
        self.handles.forget()
        self._reading.begin()
        if self._backups is not None:
            self._backups.forget()
        identity.check_root(self.path, self._descriptor)

    def mounted(
        self, known: Collection[str], takes: Callable[[str], bool]
    ) -> Mapping[str, Mounted]:
        try:
            return self._nested.look(self.handles, known, takes)
        except OSError as error:
            raise TemporaryError(
                f"{self.path}: what is mounted in it cannot be told: {error.strerror}",
                remedy="try again",
            ) from None

    def root(self) -> Entry:
        try:
            return self._reading.root()
        except TreeError as error:
            raise self._of_root(error.failure) from None

    def read(
        self, path: str, names: Collection[str] | None = None, *, bare: bool = False
    ) -> Listing:
        try:
            return self._reading.read(path, names, bare=bare)
        except TreeError as error:
            if path:
                raise
            raise self._of_root(error.failure) from None

    def quick(self, destination: Tree, terms: Terms) -> Look | None:
        return (
            QuickCheck(self, destination, terms).look
            if isinstance(destination, LocalTree)
            else None
        )

    def hides(self, path: str) -> bool:
        """Whether nothing is listed of a directory, whatever it holds."""
        return self._reading.hides(path)

    @property
    def device(self) -> int:
        """The one its root is on."""
        return self._reading.home

    @property
    def reads_xattrs(self) -> bool:
        """Whether its entries have extended attributes."""
        return self._reading.xattrs

    @property
    def temporary_prefix(self) -> str:
        """How the names of our temporaries begin."""
        return self._temporaries.prefix

    def kinds(self, path: str) -> tuple[list[str], list[str]] | None:
        return None if self._follow else self._reading.kinds(path)

    def open(self, path: str) -> Content:
        return open_content(self.handles, path, follow=self._follow, xattrs=self._xattrs)

    def held(self, path: str) -> Handle | None:
        return None if self._follow else self.handles.take(path)

    def create_directories(self, actions: Sequence[Action]) -> list[Outcome]:
        self._check_writable()
        return directories.create_directories(self.handles, self._transfers.keep, actions)

    def transfer(self, actions: Sequence[Action], source: Tree) -> list[Outcome]:
        self._check_writable()
        return self._transfers.run(actions, source, self.meter)

    def copies(self, source: Tree) -> bool:
        return self._bulk is not None and isinstance(source, LocalTree)

    def copy(self, path: str, names: Sequence[str], source: Tree) -> list[int]:
        self._check_writable()
        if self._bulk is None:
            return super().copy(path, names, source)
        room = self._transfers.room
        return bulk.copy(self.handles, room, self._bulk, path, names, source, self.meter)

    def link(self, actions: Sequence[Action], source: Tree) -> list[Outcome]:
        self._check_writable()
        outcomes: list[Outcome] = []
        for directory, group in groupby(actions, key=lambda action: split(action.path)[0]):
            made = [self._link(action, source) for action in group]
            if self._fsync is Fsync.ALWAYS:
                made = self._sync_names(directory, made)
            outcomes += made
        return outcomes

    def _link(self, action: Action, source: Tree) -> Outcome:
        durable = self._fsync is not Fsync.NEVER
        made = link.link(self.handles, self._temporaries, self._backups, action, durable=durable)
        return made or self._transfers.run([action], source, self.meter)[0]

    def _sync_names(self, directory: str, made: list[Outcome]) -> list[Outcome]:
        try:
            handle = self.handles.take(directory)
        except TreeError:
            return made  # it is gone: nothing in it was done
        with handle as fd:
            return sync_names(fd, made) if handle.listable else made

    def rename(self, actions: Sequence[Action]) -> list[Outcome]:
        self._check_writable()
        outcomes = rename.rename(self.handles, actions)
        if self._fsync is Fsync.ALWAYS:
            paths = (path for action in actions for path in (action.origin, action.path))
            for directory in {split(path)[0] for path in paths}:
                outcomes = self._sync_names(directory, outcomes)
        return outcomes

    def set_attributes(self, actions: Sequence[Action]) -> list[Outcome]:
        self._check_writable()
        return change.set_attributes(self.handles, self._transfers.keep, actions)

    def delete(self, actions: Sequence[Action]) -> list[Outcome]:
        self._check_writable()
        return delete.delete(self.handles, self._temporaries, self._backups, actions)

    def check(self) -> None:
        identity.check_root(self.path, self._descriptor)
        identity.check_writable(self.path, self._descriptor)

    def flush(self) -> None:
        """One syncfs of the root's file system, and of each that is mounted inside the tree."""
        self._check_writable()
        if self._fsync is Fsync.NEVER:
            return
        try:
            kernel.syncfs(self._descriptor)
            for path in self._nested.look(self.handles, (), lambda _: True):
                self.handles.forget(path)
                with self.handles.take(path) as inside:
                    kernel.syncfs(inside)
        except (OSError, TreeError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise TemporaryError(
                f"{self.path}: what was written could not be made durable: {why}",
                remedy="check the drive, its space and the kernel log; the next run repeats it",
            ) from None

    @property
    def mount(self) -> int:
        """The number of the mount that the root was opened through."""
        return kernel.statx(self._descriptor).mount

    def rest(self) -> None:
        """Hold nothing open, so that the file system can be unmounted. Nothing may be asked before
        `wake`. Raises TemporaryError."""
        if self._slept_as is not None:
            return
        self._slept_as = identity.identity(self.path, self._descriptor)
        if self._backups is not None:
            self._backups.close()
        self.handles.rest()
        # The number stays what all others know; what it stands for is no directory.
        nothing = os.eventfd(0, os.EFD_CLOEXEC)
        os.dup2(nothing, self._descriptor, inheritable=False)
        os.close(nothing)

    def wake(self, path: str) -> None:
        """Hold the root again, which may be at another path by now. Raises as `open_root` does, and
        TemporaryError where another directory is there."""
        if self._slept_as is None:
            return
        fresh = identity.open_root(path)
        try:
            identity.refuse_stranger(path, identity.identity(path, fresh), self._slept_as)
            os.dup2(fresh, self._descriptor, inheritable=False)
        finally:
            os.close(fresh)
        self.path, self._slept_as = path, None

    @property
    def life(self) -> str:
        return identity.life(self._descriptor)

    @property
    def unflushed(self) -> bool:
        return self._transfers.unflushed

    def unswept(self) -> set[str]:
        return self._temporaries.places()

    def sweep(self) -> int:
        self._check_writable()
        self._reading.seeks_leftovers = False
        return delete.sweep(self.handles, self._temporaries)

    def close(self) -> None:
        if self._backups is not None:
            self._backups.close()
        self._nested.close()
        self.handles.close()

    def _of_root(self, failure: Failure) -> TreeError:
        """A root has no path that could tell which of the two it is."""
        return TreeError(failure._replace(message=f"{self.path}: {failure.message}"))

    def _check_writable(self) -> None:
        if not self._writable:
            raise FatalError(f"{self.path} was opened for reading only")
