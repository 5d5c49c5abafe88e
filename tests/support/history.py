"""Histories of a source for property tests: random operations, and the records a watcher makes.

The recording is what an ideal watcher sees: every name that is used is dirty, and not the other
names of the same file; a new directory or one that moved in is dirty with all below it, and a
rename within the tree is one `Moved`.
"""

from dataclasses import dataclass, field

from hypothesis import strategies as st

from mirrorfs.core.change import Change, Dirty, Moved
from mirrorfs.core.tree import Kind, is_within, join, split
from mirrorfs.trees.memory import MemoryTree

NAMES = ["a", "b", "a-b", "c.tmp", "d"]

paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)
# Somewhere in the tree as it is by then: the n-th entry, or a name in the n-th directory. A path
# drawn blindly hits something too seldom.
places = st.one_of(
    st.integers(0, 30),
    st.tuples(st.integers(0, 30), st.sampled_from(NAMES)),
    paths,
)
operations = st.one_of(
    st.tuples(st.just("write"), places, st.binary(max_size=3)),
    st.tuples(st.just("mkdir"), places),
    st.tuples(st.just("symlink"), places, st.sampled_from(["x", "../y"])),
    st.tuples(st.just("move"), places, places),
    st.tuples(st.just("move"), places, places),
    st.tuples(st.just("remove"), places),
    st.tuples(st.just("chmod"), places, st.sampled_from([0o600, 0o755])),
)
histories = st.lists(operations, max_size=25)
# Half of it makes or uses names of files that have several.
linked_histories = st.lists(
    st.one_of(
        operations,
        st.tuples(st.just("link"), st.integers(0, 30), places),
        st.tuples(st.just("link"), st.integers(0, 30), places),
        st.tuples(st.just("write"), st.integers(0, 30), st.binary(max_size=3)),
    ),
    max_size=25,
)


@dataclass
class History:
    """A tree being worked on, and the records of it."""

    tree: MemoryTree
    changes: list[Change] = field(default_factory=list)
    # Files that got a second name in this history: it may not go in the same one, see `links`.
    fresh: set[int] = field(default_factory=set)

    def play(self, operations: list[tuple]) -> "History":
        if not self.changes:
            self.fresh.clear()
        for verb, place, *more in operations:
            if verb in ("move", "link"):
                more = [self._path(more[0])]
            self._do(verb, self._path(place), *more)
        return self

    def _path(self, place: int | tuple[int, str] | str) -> str:
        match place:
            case str():
                return place
            case int():
                entries = [*self.tree.entries()] or ["a"]
                return entries[place % len(entries)]
            case number, name:
                entries = self.tree.entries().items()
                directories = ["", *(path for path, entry in entries if entry.is_directory)]
                return join(directories[number % len(directories)], name)

    def _kind(self, path: str) -> Kind | None:
        node = self.tree.find(path)
        return None if node is None else node.entry.kind

    def _parent_is_directory(self, path: str) -> bool:
        directory = split(path)[0]
        return not directory or self._kind(directory) is Kind.DIRECTORY

    def _do(self, verb: str, path: str, *more) -> None:
        if not self._parent_is_directory(path):
            return
        here = self._kind(path)
        match verb:
            case "write":
                if here in (None, Kind.FILE):
                    self.tree.write(path, more[0])
                    self.changes.append(Dirty(path))
            case "mkdir":
                if here is None:
                    self.tree.mkdir(path)
                    self.changes.append(Dirty(path, True))
            case "symlink":
                if here is None:
                    self.tree.symlink(path, more[0])
                    self.changes.append(Dirty(path))
            case "chmod":
                if here in (Kind.FILE, Kind.DIRECTORY):
                    self.tree.chmod(path, more[0])
                    self.changes.append(Dirty(path))
            case "link":
                origin, path = path, more[0]
                free = self._kind(path) is None and self._parent_is_directory(path)
                if here in (Kind.FILE, Kind.SYMLINK) and free:
                    if (entry := self.tree.get(origin).entry).links == 1:
                        self.fresh.add(entry.inode)
                    self.tree.hardlink(origin, path)
                    self.changes.append(Dirty(path))
            case "remove":
                if here is not None and not self._is_fresh(path):
                    self._gone(path)
                    self.tree.remove(path)
            case "move":
                self._move(path, more[0], here)

    def _is_fresh(self, path: str) -> bool:
        node = self.tree.get(path)
        if node.entry.kind is Kind.DIRECTORY:
            return any(self._is_fresh(join(path, name)) for name in node.children)
        return node.entry.inode in self.fresh

    def _gone(self, path: str) -> None:
        node = self.tree.find(path)
        if node is not None and node.entry.kind is Kind.DIRECTORY:
            for name in list(node.children):
                self._gone(join(path, name))
        self.changes.append(Dirty(path))

    def _move(self, origin: str, path: str, kind: Kind | None) -> None:
        there = self._kind(path)
        if kind is None or not self._parent_is_directory(path) or is_within(path, origin):
            return
        if there is not None and (kind is Kind.DIRECTORY) != (there is Kind.DIRECTORY):
            return
        if there is Kind.DIRECTORY and self.tree.get(path).children:
            return
        if is_within(origin, path):
            return
        if there is kind and self.tree.get(path).entry.inode == self.tree.get(origin).entry.inode:
            return  # two names of one file: rename(2) does nothing
        if there is not None and self._is_fresh(path):
            return
        self.tree.move(origin, path)
        self.changes.append(Moved(origin, path))
        if there is not None:
            self.changes.append(Dirty(path))
