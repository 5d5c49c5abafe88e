"""What a tree is made of: entries, listings, paths and their order.

Law: an entry is what one look at one name showed; absence is ``None`` and never a kind of entry.

Paths are ``str``, relative to the root, separated by ``/``; ``""`` is the root itself. Bytes that
are not UTF-8 survive as surrogate escapes. Paths are ordered by components (``a/b`` before
``a-b``), never by string: merge joins and parents-first walks depend on it.
"""

from collections.abc import Collection, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple, Protocol


class Kind(IntEnum):
    """What a name is. The numbers are stored in journals and held plans: never renumber."""

    __hash__ = int.__hash__  # an enum's own is not C, and this is a key for every name of a tree

    FILE = 1
    DIRECTORY = 2
    SYMLINK = 3
    FIFO = 4
    SOCKET = 5
    CHARACTER_DEVICE = 6
    BLOCK_DEVICE = 7


class Entry(NamedTuple):
    """One name in a tree, as one look showed it.

    ``size`` in bytes (0 for all but files), ``mtime_ns``/``ctime_ns``/``atime_ns`` in nanoseconds
    since the epoch, ``mode`` the twelve permission bits only. ``target`` is a symlink's text,
    ``rdev`` a device's number. ``device``, ``inode`` and ``ctime_ns`` identify the very object
    seen (0 where a tree has no such thing); they say "the same object as before", never "equal
    content". ``xattrs`` is ``None`` when they were not read, else sorted (name, value) pairs.
    """

    kind: Kind
    size: int = 0
    mtime_ns: int = 0
    mode: int = 0
    uid: int = 0
    gid: int = 0
    target: str = ""
    rdev: int = 0
    links: int = 1
    device: int = 0
    inode: int = 0
    ctime_ns: int = 0
    atime_ns: int = 0
    xattrs: tuple[tuple[str, bytes], ...] | None = None

    @property
    def is_directory(self) -> bool:
        return self.kind is Kind.DIRECTORY

    def yet_to_be(self) -> "Entry":
        """The same, without what only an object that exists has."""
        return Entry._make((*self[:8], 1, 0, 0, 0, *self[12:]))


class Trouble(IntEnum):
    """What kept one path from being read or written, as far as the difference matters to us."""

    ABSENT = 1  # it was there a moment ago; normal on a live source
    DENIED = 2  # permission, or an immutable flag
    FULL = 3  # no space, no inodes, over quota
    READ_ONLY = 4
    BUSY = 5  # may pass by itself: too many open files, text busy, try again
    UNSTABLE = 6  # the file changed while it was read
    DRIFT = 7  # the destination no longer holds what the plan saw
    STALE = 8  # the tree itself went away under us: unmounted, stale handle
    INPUT_OUTPUT = 9
    UNSUPPORTED = 10  # this tree cannot hold such a thing: name too long, no symlinks
    LOOP = 11  # a component turned into a symlink, or is no directory any more
    LIMIT = 12  # a limit the user set was reached


class Failure(NamedTuple):
    """Why one path could not be read or written; a value, because the rest goes on."""

    path: str
    trouble: Trouble
    message: str  # for people, with the system's wording; names are escaped when printed, not here


class Listing(NamedTuple):
    """What one directory held: every name, or the names asked for that exist.

    A name in ``failures`` exists or may exist, but is unknown: nothing may be concluded from its
    absence in ``entries``.
    """

    entries: dict[str, Entry]
    failures: Mapping[str, Failure] = MappingProxyType({})


class TreeError(Exception):
    """One path could not be read; carries the `Failure` that says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure

    @property
    def trouble(self) -> Trouble:
        return self.failure.trouble


class Reader(Protocol):
    """The part of a tree that decisions need: looking. `mirrorfs.trees.base.Tree` has the
    promises.
    """

    def root(self) -> Entry:
        """The root directory's own entry."""

    def read(
        self, path: str, names: Collection[str] | None = None, *, bare: bool = False
    ) -> Listing:
        """What a directory holds, or what is at ``names`` in it; ``bare``: nobody asks for extended
        attributes. Raises TreeError."""


class Identity(NamedTuple):
    """Which directory of which file system a root is; unequal identities mean "not the tree we
    knew".

    ``filesystem`` is a UUID or file-system id in hex, ``kind`` its type name, ``born_ns`` the
    root's birth time (0 where unknown). Device numbers are left out: they change between mounts.
    """

    filesystem: str
    kind: str
    inode: int
    born_ns: int


def join(directory: str, name: str) -> str:
    """The path of ``name`` in ``directory``."""
    return f"{directory}/{name}" if directory else name


def split(path: str) -> tuple[str, str]:
    """(directory, name) of a path; the root has none: ("", "")."""
    directory, _, name = path.rpartition("/")
    return directory, name


def parts(path: str) -> list[str]:
    """The components of a path; the root has none. Also the key that sorts paths in tree order."""
    return path.split("/") if path else []


def is_below(path: str, ancestor: str) -> bool:
    """Whether ``path`` lies strictly below ``ancestor``."""
    if not ancestor:
        return bool(path)
    return path.startswith(ancestor) and path[len(ancestor) : len(ancestor) + 1] == "/"


def is_within(path: str, ancestor: str) -> bool:
    """Whether ``path`` is ``ancestor`` or lies below it."""
    return path == ancestor or is_below(path, ancestor)


def moved(path: str, origin: str, target: str) -> str:
    """``path``, which is ``origin`` or below it, after ``origin`` was renamed to ``target``."""
    return target + path[len(origin) :]


def is_safe(path: str) -> bool:
    """Whether a path from outside (a journal, a plan file) can only name something below the
    root.
    """
    if not path:
        return True
    framed = f"/{path}/"  # four searches: this runs once per record
    return not ("\0" in framed or "//" in framed or "/./" in framed or "/../" in framed)
