"""The contract between mirrorfs and the outside world: read a tree; carry out a plan on one.

Law: everything mirrorfs asks of a source or a destination is in this file. A new kind of tree is
one new file and is done when the conformance suite (tests/trees) passes for it.

What every implementation promises
- A call concerns one directory or one batch of actions: it is the unit that is handed to a thread.
  All calls may be made from several threads at a time, up to ``capabilities.connections``.
- What concerns one path is returned as a `Failure` (or an `Outcome`), and the rest of the batch
  goes on. Only what ends everything is raised, as an error of `mirrorfs.errors`: the root is gone.
- No symlink is followed below the root, in reading and in writing; a component that turns into
  one is `Trouble.LOOP`.
- The verbs verify ``action.expect`` right before they replace or remove, and answer DRIFT instead
  of destroying what the plan did not see. They are idempotent: doing again what is done is DONE.
- A file that is gone from the source, or whose directory is, is SKIPPED with `Trouble.ABSENT`:
  normal on a live source. Everything else that went wrong is FAILED.
- A file appears under its name complete, with its attributes, or not at all (``atomic_replace``).

The contract assumes nothing only a local disk has: directories may be implied, times may be coarse,
renaming may be unknown; `Capabilities` says so as data.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Self

from mirrorfs.core.mounts import Mounted
from mirrorfs.core.options import Options
from mirrorfs.core.plan import Action, Outcome
from mirrorfs.core.quick import Look, Terms
from mirrorfs.core.record import record, replace
from mirrorfs.core.tree import Entry, Failure, Identity, Listing, Trouble, join
from mirrorfs.core.tree import TreeError as TreeError

CHUNK = 1 << 20  # bytes of content moved at a time, where the kernel cannot do it alone
PIECE = 8 << 20  # the same where it can: how soon a meter can stop it


@record
class Capabilities:
    """What a tree can hold and do, as data.

    ``time_resolution_ns``: a time survives only to this grain. ``owner``: whom all belongs to where
    owners cannot be kept for want of rights.
    """

    atomic_replace: bool = True
    symlinks: bool = True
    hard_links: bool = True
    specials: bool = True
    permissions: bool = True
    owners: bool = True
    owner: int | None = None
    xattrs: bool = True
    rename: bool = True
    time_resolution_ns: int = 1
    folds_case: bool = False
    connections: int = 1024

    def possible(self, options: Options) -> Options:
        """The options without what the tree cannot hold: wanting that would plan it for ever."""
        return replace(
            options,
            permissions=options.permissions and self.permissions,
            owners=options.owners and self.owners,
            xattrs=options.xattrs and self.xattrs,
            hard_links=options.hard_links
            and self.hard_links
            and not (options.normalise_names or options.fold_names),
            fold_names=options.fold_names or self.folds_case,
            modify_window_ns=max(options.modify_window_ns, self.time_resolution_ns),
        )


class Content(ABC):
    """An open source file, to be read once from start to end; a context manager.

    ``sparse``: it may have holes, so its descriptor is worth asking for them (SEEK_DATA). Known
    after `stat`.
    """

    sparse: bool = False

    @abstractmethod
    def stat(self, grain_ns: int = 1) -> Entry:
        """The entry of this very object now (fstat): equal before and after a copy means untorn.

        Waits until the next change will show in its times, also in a modification time that is kept
        to ``grain_ns`` only; where that cannot be waited for, `changed_since` says so.
        """

    def changed_since(self, before: Entry) -> bool:
        """Whether this very object is not what ``before`` saw: then what was read may be torn."""
        now = self.stat()
        return (now.size, now.mtime_ns, now.ctime_ns, now.inode) != (
            before.size,
            before.mtime_ns,
            before.ctime_ns,
            before.inode,
        )

    @abstractmethod
    def read(self, size: int) -> bytes:
        """At most ``size`` bytes, fewer only at the end; empty after it. Raises TreeError."""

    def descriptor(self) -> int | None:
        """A file descriptor for reflinks and in-kernel copies, where there is one."""
        return None

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Tree(ABC):
    """A tree that can be read."""

    capabilities: Capabilities
    # Where both trees are, new small files are copied without the interpreter's lock: threads help.
    unlocked: bool = False

    @abstractmethod
    def identity(self) -> Identity:
        """Which tree this is now. Raises DirectoryMissing, TemporaryError."""

    @abstractmethod
    def root(self) -> Entry:
        """The root directory's own entry. Raises TreeError."""

    @abstractmethod
    def read(
        self, path: str, names: Collection[str] | None = None, *, bare: bool = False
    ) -> Listing:
        """What the directory ``path`` holds: all of it, or only ``names``, without listing it.
        ``bare``: extended attributes need not be read, and may be ``None``.

        Raises TreeError when the directory itself cannot be read (ABSENT when it is not there, LOOP
        when ``path`` or a part of it is not a directory).
        """

    def kinds(self, path: str) -> tuple[list[str], list[str]] | None:
        """The regular files of a directory and its other names, as far as its listing tells them
        apart; ``None`` where that cannot be told, or where `read` shows something else."""
        return None

    @abstractmethod
    def open(self, path: str) -> Content:
        """A regular file's content. Never blocks on a fifo. Raises TreeError."""

    def held(self, path: str) -> AbstractContextManager[int] | None:
        """The descriptor of a directory whose files are what their names say, for copying them in
        the kernel, while it is used; None where there is none. Raises TreeError."""
        return None

    def same_content(
        self, path: str, names: Sequence[str], other: "Tree"
    ) -> dict[str, bool | Failure]:
        """Whether the files ``names`` in ``path`` have the same bytes here and in ``other``.

        Reads both, up to the first difference. A failure of either side is that name's answer; so
        is a file that changed while it was read (UNSTABLE).
        """
        return {name: self.same_file(place := join(path, name), other, place) for name in names}

    def same_file(self, path: str, other: "Tree", place: str) -> bool | Failure:
        """The same for one file here and one at another ``place`` there."""
        return _same_bytes(self, path, other, place)

    def quick(self, destination: "Tree", terms: Terms) -> Look | None:
        """Who makes quick checks of directories here and in ``destination``; ``None`` where that is
        nobody. It says no more than what `read` on both sides would show."""
        return None

    def mounted(
        self, known: Collection[str], takes: Callable[[str], bool]
    ) -> Mapping[str, Mounted]:
        """The other file systems (bind mounts, too) that are mounted below the root, by path: in
        the ``known`` places, and wherever ``takes`` wants to know it."""
        return {}

    def begin(self) -> None:  # noqa: B027  (a tree without handles has nothing to forget)
        """A new pass begins: forget the handles of the last one. Raises as `identity` does."""

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Meter:
    """Feels content flow, on the thread that moves it; does nothing by itself.

    Each call may block (a limit on bandwidth) and may raise: the transfer ends with that error, its
    temporaries gone.
    """

    def piece(self) -> int:
        """The most bytes to move before the next call of `moved`, where they can be divided."""
        return PIECE

    def begins(self) -> None:
        """A file's content comes next (again, if it changed while it was read)."""

    def large(self, path: str, size: int) -> None:
        """A file of more than `PIECE` bytes comes next on this thread."""

    def moved(self, size: int) -> None:
        """So many bytes were written."""


class Destination(Tree):
    """A tree that can also be written. Only `mirrorfs.apply.apply` calls these verbs.

    Each takes actions of its own verb and answers one outcome per action, in order. What an
    expectation says is verified as far as it goes: an ``inode`` or ``ctime_ns`` of 0 is not.

    ``meter`` feels all content that is written.
    """

    meter: Meter = Meter()

    @abstractmethod
    def create_directories(self, actions: Sequence[Action]) -> list[Outcome]:
        """``want`` is a directory; parents come first in ``actions``. Existing directory: DONE.

        Owner and mode are set at once, though the mode leaves room for us to write in it; the times
        and the exact mode are `set_attributes`' work once everything is in it.
        """

    @abstractmethod
    def transfer(self, actions: Sequence[Action], source: Tree) -> list[Outcome]:
        """CREATE and UPDATE of everything but directories, from the same path of ``source``.

        What is published is the file as it is now, attributes included, even where that is newer
        than ``want``. An UPDATE whose path holds nothing any more is carried out: nothing is lost.
        """

    def copies(self, source: Tree) -> bool:
        """Whether `copy` may be asked for files of ``source``."""
        return False

    def copy(self, path: str, names: Sequence[str], source: Tree) -> list[int]:
        """Copy regular files that the plan knows by name only from the same directory of
        ``source``, never over anything. Only those come out of it that come out as by `transfer`
        and have one name: the bytes of each; -1 for all others, of which nothing is there."""
        return [-1] * len(names)

    @abstractmethod
    def link(self, actions: Sequence[Action], source: Tree) -> list[Outcome]:
        """CREATE and UPDATE: ``path`` becomes another name of the file at ``origin``, in one step.

        What that file holds is the plan's business. Where there is none to link to, or one more
        link cannot be (too many, another file system), the content is transferred as in `transfer`;
        nothing is done then where it is right already.
        """

    @abstractmethod
    def rename(self, actions: Sequence[Action]) -> list[Outcome]:
        """``origin`` to ``path``, never over anything that exists.

        ``expect`` is what is at ``origin``; only its kind and inode are verified. A ``path`` that
        already holds it: DONE.
        """

    @abstractmethod
    def set_attributes(self, actions: Sequence[Action]) -> list[Outcome]:
        """Mode, times, owner, xattrs as in ``want``, without touching content. Absent: DRIFT.

        A file whose size or time is neither as expected nor as wanted is DRIFT: setting its time
        would hide that its content differs. ``ctime_ns`` is not verified.
        """

    @abstractmethod
    def delete(self, actions: Sequence[Action]) -> list[Outcome]:
        """One name each; a directory must be empty (else DRIFT). Absent: DONE."""

    def check(self) -> None:
        """Raises TemporaryError, PermanentError, DirectoryMissing when nothing at all can be
        written here: the root is gone, or read-only."""
        self.identity()

    @abstractmethod
    def flush(self) -> None:
        """Everything written so far is durable when this returns. Raises TemporaryError."""

    @property
    def life(self) -> str:
        """Which life of its file system this is, from mount to unmount: of what was written in
        another one, and not flushed, content may be missing. "" where it cannot be told."""
        return "one"

    @property
    def unflushed(self) -> bool:
        """Whether a flush for some of it failed since it was opened: what else was written may be
        lost, too."""
        return False

    def unswept(self) -> set[str]:
        """The directories with leftovers of ours that `sweep` could not remove."""
        return set()

    @abstractmethod
    def sweep(self) -> int:
        """Remove the leftovers of a killed run of our own that `read` has met; how many.

        Such names are never listed. Until the first sweep `read` meets them also where it looks at
        the names they were to become. What it does not meet goes when its directory is deleted or
        its file transferred again, so no walk is made for them.
        """


def _same_bytes(here: Tree, path: str, there: Tree, place: str) -> bool | Failure:
    try:
        with here.open(path) as one, there.open(place) as two:
            before, expected = one.stat(), two.stat()
            if before.size != expected.size:
                return False
            # One byte more than there should be: the end shows without another call.
            step = min(before.size + 1, CHUNK)
            while (data := one.read(step)) == two.read(step):
                if len(data) < step:
                    break
            else:
                return False
            if one.changed_since(before) or two.changed_since(expected):
                return Failure(path, Trouble.UNSTABLE, "the file changed while it was compared")
            return True
    except TreeError as error:
        return error.failure
