"""The contract between mirrorfs and the outside world: read a tree; carry out the verbs of a plan on one.

Law: everything mirrorfs asks of a source or a destination is in this file. A new kind of tree is one
new file and is done when the conformance suite (tests/trees) passes for it.

What every implementation promises
- A call concerns one directory or one batch of actions: it is the unit that is handed to a thread. All calls
  may be made from several threads at a time, up to ``capabilities.connections``.
- What concerns one path is returned as a `Failure` (or an `Outcome`), and the rest of the batch goes on.
  Only what ends everything is raised, as an error of `mirrorfs.errors`: the root is gone.
- No symlink is followed below the root, in reading and in writing; a component that turns into
  one is `Trouble.LOOP`.
- The verbs verify ``action.expect`` right before they replace or remove, and answer DRIFT instead of
  destroying what the plan did not see. They are idempotent: doing again what is already done is DONE.
- A file appears under its name complete, with its attributes, or not at all (``atomic_replace``).

The contract assumes nothing only a local disk has: directories may be implied, times may be coarse,
renaming may be unknown; `Capabilities` says so as data.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

from mirrorfs.core.plan import Action, Outcome
from mirrorfs.core.tree import Entry, Failure, Identity, Listing
from mirrorfs.core.tree import TreeError as TreeError


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a tree can hold and do, as data. ``time_resolution_ns``: a time survives only to this grain."""

    atomic_replace: bool = True
    symlinks: bool = True
    hard_links: bool = True
    specials: bool = True
    permissions: bool = True
    owners: bool = True
    xattrs: bool = True
    rename: bool = True
    time_resolution_ns: int = 1
    folds_case: bool = False
    connections: int = 4


class Content(ABC):
    """An open source file, to be read once from start to end; a context manager."""

    @abstractmethod
    def stat(self) -> Entry:
        """The entry of this very object now (fstat): equal before and after a copy means untorn."""

    @abstractmethod
    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; empty at the end. Raises TreeError."""

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

    @abstractmethod
    def identity(self) -> Identity:
        """Which tree this is now. Raises DirectoryMissing, TemporaryError."""

    @abstractmethod
    def root(self) -> Entry:
        """The root directory's own entry. Raises TreeError."""

    @abstractmethod
    def read(self, path: str, names: Collection[str] | None = None) -> Listing:
        """What the directory ``path`` holds: all of it, or only ``names`` (then without listing it).

        Raises TreeError when the directory itself cannot be read (ABSENT when it is not there, LOOP
        when ``path`` or a part of it is not a directory).
        """

    @abstractmethod
    def open(self, path: str) -> Content:
        """A regular file's content. Never blocks on a fifo. Raises TreeError."""

    def begin(self) -> None:
        """A new pass begins: forget directory handles of the last one."""

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Destination(Tree):
    """A tree that can also be written. Only `mirrorfs.apply` calls these verbs.

    Each takes actions of its own verb and answers one outcome per action, in order.
    """

    @abstractmethod
    def create_directories(self, actions: Sequence[Action]) -> list[Outcome]:
        """``want`` is a directory; parents come first in ``actions``. Existing directory: DONE."""

    @abstractmethod
    def transfer(self, actions: Sequence[Action], source: Tree) -> list[Outcome]:
        """CREATE and UPDATE of everything but directories: content from ``source`` at the same path."""

    @abstractmethod
    def rename(self, actions: Sequence[Action]) -> list[Outcome]:
        """``origin`` to ``path``, never over anything that exists."""

    @abstractmethod
    def set_attributes(self, actions: Sequence[Action]) -> list[Outcome]:
        """Mode, times, owner as in ``want``, without touching content."""

    @abstractmethod
    def delete(self, actions: Sequence[Action]) -> list[Outcome]:
        """One name each; a directory must be empty (else DRIFT). Absent: DONE."""

    @abstractmethod
    def flush(self) -> None:
        """Everything written so far is durable when this returns. Raises TemporaryError."""

    @abstractmethod
    def sweep(self) -> int:
        """Remove leftovers of a killed run of our own; how many."""
