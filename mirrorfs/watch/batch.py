"""What one turn of the watcher has to say, each thing once.

Law: gaps stand first, a barrier last; between them order means nothing. Names become paths only
here, with the names the directories have by now: where a directory was renamed meanwhile its
`Moved` covers both places.
"""

import os
import sys
from collections.abc import Iterable
from itertools import repeat

from mirrorfs.core.change import Change, Cookie, Coverage, Dirty, Gap, Moved
from mirrorfs.watch.settle import Key
from mirrorfs.watch.sift import Names
from mirrorfs.watch.watches import Node, Watches

_new = tuple.__new__
_ENCODING = sys.getfilesystemencoding()


def text(name: bytes) -> str:
    """`os.fsdecode` without its checks: it runs once per change."""
    return name.decode(_ENCODING, "surrogateescape")


class Batch:
    """The changes gathered since the last `take`."""

    def __init__(self) -> None:
        self.dirty: Names = {}
        self.whole: Names = {}  # dirty, and everything below, too
        self.paths: dict[str, bool] = {}  # path → recursive
        self.trees: dict[
            Node, None
        ] = {}  # directories whose watches are all set: look at everything
        self.moved: dict[Moved, None] = {}
        # Ends of renames that are to be looked at whole: a moment later, so that the rename itself
        # need not wait for that.
        self.afterwards: dict[str, None] = {}
        self.gaps: dict[str, str] = {}
        self.coverage: dict[str, Coverage] = {}
        self.cookies: dict[str, None] = {}

    def gap(self, path: str, reason: str) -> None:
        self.gaps.setdefault(path, reason)

    def catch_up(self) -> None:
        """What was to be looked at afterwards is to be looked at now."""
        self.paths.update(dict.fromkeys(self.afterwards, True))
        self.afterwards.clear()

    def look(self, wd: int, name: bytes) -> None:
        """One name is dirty; ``b""`` is the directory itself."""
        self.dirty.setdefault(wd, {})[name] = None

    def look_whole(self, wd: int, name: bytes) -> None:
        self.whole.setdefault(wd, {})[name] = None

    def looks(self, keys: Iterable[Key]) -> None:
        for wd, name in keys:
            self.look(wd, name)

    def names(self, wd: int, names: dict[bytes, None]) -> None:
        """So many names of one directory are dirty; the dict is the batch's from here on."""
        known = self.dirty.setdefault(wd, names)
        if known is not names:
            known.update(names)

    def take(self, watches: Watches) -> list[Change]:
        """The changes, in the order they are to be recorded in; the batch is empty afterwards."""
        changes: list[Change] = [Gap(path, reason) for path, reason in self.gaps.items()]
        changes += self.coverage.values()
        changes += self.moved
        changes += self._dirty(watches)
        changes += [Cookie(nonce) for nonce in self.cookies]
        for gathered in (
            self.gaps,
            self.coverage,
            self.moved,
            self.dirty,
            self.whole,
            self.paths,
            self.trees,
            self.cookies,
        ):
            gathered.clear()
        return changes

    def _dirty(self, watches: Watches) -> list[Dirty]:
        looks = dict.fromkeys(self.paths, False)
        looks.update(dict.fromkeys(_named(self.dirty, watches), False))
        if self.whole or self.trees or any(self.paths.values()):
            trees = (watches.path(node) for node in self.trees)
            recursive = [path for path, below in self.paths.items() if below]
            recursive += _named(self.whole, watches)
            recursive += [path for path in trees if path is not None]
            looks.update(dict.fromkeys(recursive, True))
        return list(map(_new, repeat(Dirty), looks.items()))


def _named(names: Names, watches: Watches) -> list[str]:
    """The paths of names in directories, as they are by now."""
    paths: list[str] = []
    for wd, gathered in names.items():
        node = watches.nodes.get(wd)
        directory = None if node is None else watches.path(node)
        if directory is None:
            continue  # the directory went, and its parent says so
        if b"" in gathered:
            del gathered[b""]
            paths.append(directory)
        if gathered:
            # All at once, which is five times faster; no name has a NUL in it.
            before = os.fsencode(directory) + b"/" if directory else b""
            paths += text(before + (b"\0" + before).join(gathered)).split("\0")
    return paths
