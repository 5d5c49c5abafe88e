"""What a tree in memory holds, and the user who changes it.

Law: the clock moves one nanosecond per change and inode numbers are never used again, so the same
calls always make the same tree.
"""

from collections.abc import Iterator
from typing import Any

from mirrorfs.core.tree import (
    Entry,
    Failure,
    Kind,
    TreeError,
    Trouble,
    is_within,
    join,
    parts,
    split,
)

START_NS = 1_700_000_000 * 10**9


class Node:
    """One inode: its entry, its content, and by name what is in it."""

    __slots__ = ("children", "data", "entry")

    def __init__(self, entry: Entry, data: bytes = b"") -> None:
        self.entry = entry
        self.data = data
        self.children: dict[str, Node] = {}


class Store:
    """The nodes, and the verbs of a user: parents are made, what is in the way goes. A file may
    have several names; only of files are they counted.

    They raise KeyError for what is not there.
    """

    def __init__(self) -> None:
        self._clock = START_NS
        self._inodes = 0
        self._top = self.new(Entry(Kind.DIRECTORY, mode=0o755))

    def write(
        self, path: str, data: bytes = b"", *, mtime_ns: int | None = None, mode: int = 0o644
    ) -> None:
        """Create a file, or change the content of one that is there."""
        node = self.find(path)
        if node is None or node.entry.kind is not Kind.FILE:
            node = self.put(path, self.new(Entry(Kind.FILE, mode=mode)))
        node.data = data
        now = self.now()
        self.alter(node, size=len(data), mtime_ns=now if mtime_ns is None else mtime_ns)

    def mkdir(self, path: str, *, mode: int = 0o755) -> None:
        """Create a directory; one that is there stays."""
        node = self.find(path)
        if node is None or node.entry.kind is not Kind.DIRECTORY:
            self.put(path, self.new(Entry(Kind.DIRECTORY, mode=mode)))

    def symlink(self, path: str, target: str) -> None:
        self.put(path, self.new(Entry(Kind.SYMLINK, mode=0o777, target=target)))

    def special(self, path: str, kind: Kind = Kind.FIFO, rdev: int = 0) -> None:
        self.put(path, self.new(Entry(kind, mode=0o644, rdev=rdev)))

    def hardlink(self, origin: str, path: str) -> None:
        """One more name for a file."""
        node = self.get(origin)
        if node.entry.kind is Kind.DIRECTORY:
            raise ValueError(f"{origin} is a directory")
        if self.find(path) is not node:
            self.put(path, node)
            self.alter(node, links=node.entry.links + 1)

    def move(self, origin: str, path: str) -> None:
        """As rename(2) does, over whatever is there; between two names of one file it does
        nothing."""
        if is_within(path, origin):
            raise ValueError(f"{origin} cannot move into itself")
        node = self.get(origin)
        if self.find(path) is node:
            return
        directory, name = split(origin)
        above = self.get(directory)
        del above.children[name]
        self.alter(above, mtime_ns=self.now())
        self.put(path, node)
        self.alter(node)

    def remove(self, path: str) -> None:
        """Whatever it is, and all that is below."""
        directory, name = split(path)
        self.detach(self.get(directory), name)

    def chmod(self, path: str, mode: int) -> None:
        self.alter(self.get(path), mode=mode)

    def chown(self, path: str, uid: int, gid: int) -> None:
        self.alter(self.get(path), uid=uid, gid=gid)

    def touch(self, path: str, mtime_ns: int | None = None) -> None:
        self.alter(self.get(path), mtime_ns=self.now() if mtime_ns is None else mtime_ns)

    def data(self, path: str) -> bytes:
        """A file's content."""
        return self.get(path).data

    def entries(self) -> dict[str, Entry]:
        """Everything below the root by path, parents first."""
        return dict(_below("", self._top))

    # What the tree itself works with

    def now(self) -> int:
        self._clock += 1
        return self._clock

    def new(self, like: Entry, data: bytes = b"") -> Node:
        """A new inode with the attributes of ``like``; times that are 0 are now."""
        self._inodes += 1
        now = self.now()
        return Node(
            like._replace(
                inode=self._inodes,
                device=1,
                links=1,
                ctime_ns=now,
                mtime_ns=like.mtime_ns or now,
                atime_ns=like.atime_ns or now,
            ),
            data,
        )

    def alter(self, node: Node, **changes: Any) -> None:
        node.entry = node.entry._replace(ctime_ns=self.now(), **changes)

    def find(self, path: str) -> Node | None:
        node: Node | None = self._top
        for part in parts(path):
            node = node.children.get(part) if node is not None else None
        return node

    def get(self, path: str) -> Node:
        node = self.find(path)
        if node is None:
            raise KeyError(path)
        return node

    def put(self, path: str, node: Node) -> Node:
        """``node`` at ``path``, parents made where they are missing."""
        directory, name = split(path)
        if not name:
            raise ValueError("the root stays")
        self.mkdir(directory)
        self.place(self.get(directory), name, node)
        return node

    def place(self, above: Node, name: str, node: Node) -> None:
        if name in above.children:
            self._forsake(above.children[name])
        above.children[name] = node
        self.alter(above, mtime_ns=self.now())

    def detach(self, above: Node, name: str) -> None:
        """Remove a name, with all that is below."""
        self._forsake(above.children.pop(name))
        self.alter(above, mtime_ns=self.now())

    def _forsake(self, node: Node) -> None:
        """A name of it goes."""
        for child in node.children.values():
            self._forsake(child)
        if node.entry.links > 1:
            self.alter(node, links=node.entry.links - 1)

    def reach(self, path: str) -> Node:
        """The node of a directory. Raises TreeError as a tree does."""
        node = self._top
        for part in parts(path):
            below = node.children.get(part)
            if below is None:
                raise TreeError(Failure(path, Trouble.ABSENT, "cannot open the directory: absent"))
            if below.entry.kind is not Kind.DIRECTORY:
                message = "cannot open the directory: something else is on the way"
                raise TreeError(Failure(path, Trouble.LOOP, message))
            node = below
        return node


def _below(path: str, node: Node) -> Iterator[tuple[str, Entry]]:
    for name, child in node.children.items():
        here = join(path, name)
        yield here, child.entry
        yield from _below(here, child)
