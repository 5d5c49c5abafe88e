"""A scope: which part of a tree must be read to know what changed.

Law: a scope is closed under ancestors — a deep path can be the only trace of a whole new subtree
— and it only grows, but for what was looked at; reading more than needed is slow, reading less is
wrong.

The shape is a trie of names. A ``deep`` node stands for everything below it.
"""

from collections.abc import Iterable, Iterator
from typing import Self

from mirrorfs.core.tree import join, parts


class Scope:
    """A node of the trie: the scope of one directory or entry."""

    __slots__ = ("children", "deep")

    def __init__(self, *, deep: bool = False) -> None:
        self.deep = deep
        self.children: dict[str, Self] = {}

    @classmethod
    def everything(cls) -> Self:
        return cls(deep=True)

    @classmethod
    def of(cls, paths: Iterable[str] = (), subtrees: Iterable[str] = ()) -> Self:
        scope = cls()
        for path in subtrees:
            scope.add(path, recursive=True)
        directories: dict[str, Self | None] = {}  # None: looked at as a whole
        for path in paths:
            directory, _, name = path.rpartition("/")
            try:
                node = directories[directory]
            except KeyError:
                node = scope._at(directory)
                directories[directory] = node = None if node.deep else node
            if node is not None and name and name not in node.children:
                node.children[name] = cls()
        return scope

    def add(self, path: str, *, recursive: bool = False) -> None:
        """Make the scope cover ``path``, its ancestors and, if asked, all below it."""
        node = self._at(path)
        if recursive:
            node.deep = True
            node.children.clear()

    def _at(self, path: str) -> Self:
        """The node of a path, made if need be; one above it that is deep stands for it."""
        node = self
        for name in parts(path):
            if node.deep:
                break
            child = node.children.get(name)
            if child is None:
                child = node.children[name] = type(self)()
            node = child
        return node

    def drop(self, path: str) -> None:
        """An entry that nothing is asked about any more, and nothing below it: the directories
        above it stay."""
        *above, name = parts(path)
        node = self
        for part in above:
            if (below := node.children.get(part)) is None:
                return
            node = below
        leaf = node.children.get(name)
        if leaf is not None and not leaf.deep and not leaf.children:
            del node.children[name]

    def below(self, name: str) -> Self | None:
        """The scope of an entry of this directory; ``None`` when it is not to be looked at."""
        return self if self.deep else self.children.get(name)

    def names(self) -> list[str] | None:
        """The names to look at in this directory; ``None`` for all."""
        return None if self.deep else list(self.children)

    def covers(self, path: str) -> bool:
        """Whether the entry at ``path`` is looked at."""
        node = self
        for name in parts(path):
            below = node.below(name)
            if below is None:
                return False
            node = below
        return True

    @property
    def is_everything(self) -> bool:
        return self.deep

    @property
    def is_empty(self) -> bool:
        return not self.deep and not self.children

    def outline(self, path: str = "") -> Iterator[tuple[str, bool]]:
        """The leaves: (path, recursive), for people and for compacting a journal."""
        stack = [(path, self)]
        while stack:
            here, node = stack.pop()
            if node.deep or not node.children:
                yield here, node.deep
            below = sorted(node.children.items(), reverse=True)
            stack.extend((join(here, name), child) for name, child in below)
