"""The two trees, as the view looks at them: opened when first asked for, and anew when a root that
was gone is there again.

Law: read-only, in worker threads, any number at a time. Nothing is kept open that would hide for
longer than a second that others renamed a directory.
"""

import os
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from mirrorfs.core.options import Links, Options
from mirrorfs.core.preview import Side
from mirrorfs.core.record import replace
from mirrorfs.core.tree import Entry, Listing, TreeError, Trouble, split
from mirrorfs.drives import located
from mirrorfs.errors import MirrorError
from mirrorfs.trees.local import LocalTree

FRESH_SECONDS = 1.0
T = TypeVar("T")


class Trees:
    """``options`` are those of the plan. Raises TreeError and MirrorError, like `trees.base`."""

    def __init__(self, source: str, destination: str, options: Options) -> None:
        self._places = {Side.SOURCE: source, Side.DESTINATION: destination}
        links = options.links if options.links is Links.FOLLOW else Links.KEEP
        self._options = {
            # What links lead to is the source's business; a destination is never followed.
            Side.SOURCE: replace(options, links=links, xattrs=False),
            Side.DESTINATION: replace(options, links=Links.KEEP, xattrs=False),
        }
        self._open: dict[tuple[Side, bool], tuple[LocalTree, float]] = {}
        self._lock = threading.Lock()

    def list(self, side: Side, path: str) -> Listing:
        """What a directory holds."""
        return self._ask(side, lambda tree: tree.read(path))

    def look(self, side: Side, path: str, *, xattrs: bool = False) -> Entry | None:
        """What is at a path; ``None`` for nothing."""
        if not path:
            return self._ask(side, LocalTree.root, xattrs=xattrs)
        directory, name = split(path)
        try:
            listing = self._ask(side, lambda tree: tree.read(directory, [name]), xattrs=xattrs)
        except TreeError as error:
            if error.trouble is Trouble.ABSENT:
                return None
            raise
        if name in listing.failures:
            raise TreeError(listing.failures[name])
        return listing.entries.get(name)

    def open(self, side: Side, path: str) -> int:
        """A descriptor of a file's content, the caller's to close."""

        def open(tree: LocalTree) -> int:
            with tree.open(path) as content:
                descriptor = content.descriptor()
                assert descriptor is not None
                return os.dup(descriptor)

        return self._ask(side, open)

    def space(self) -> os.statvfs_result:
        """Of the destination's file system, also before the destination is made. Raises OSError."""
        place = located(self._places[Side.DESTINATION])
        while True:
            try:
                return os.statvfs(place)
            except FileNotFoundError:
                if place == (above := os.path.dirname(place)):
                    raise
                place = above

    def close(self) -> None:
        """Let go of the roots; what is asked later opens them again."""
        with self._lock:
            trees = [tree for tree, _ in self._open.values()]
            self._open.clear()
        for tree in trees:
            tree.close()

    def _ask(self, side: Side, question: Callable[[LocalTree], T], *, xattrs: bool = False) -> T:
        return question(self._tree(side, xattrs))

    def _tree(self, side: Side, xattrs: bool) -> LocalTree:
        key = (side, xattrs)
        with self._lock:
            tree, looked = self._open.get(key, (None, 0.0))
            now = time.monotonic()
            if tree is not None and now - looked < FRESH_SECONDS:
                return tree
        # The file system may be slow or gone: nobody else waits for it here.
        if tree is not None:
            try:
                tree.begin()
            except MirrorError:
                self._forget(key, tree)
                tree = None
        if tree is None:
            tree = LocalTree(
                located(self._places[side]), replace(self._options[side], xattrs=xattrs)
            )
        with self._lock:
            other, _ = self._open.get(key, (tree, 0.0))
            if other is not tree:  # another thread was faster
                tree.close()
                return other
            self._open[key] = (tree, time.monotonic())
        return tree

    def _forget(self, key: tuple[Side, bool], tree: LocalTree) -> None:
        with self._lock:
            if self._open.get(key, (None, 0.0))[0] is not tree:
                return
            del self._open[key]
        tree.close()
