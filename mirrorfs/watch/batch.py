"""What one turn of the watcher has to say, each thing once.

Law: gaps stand first, a barrier last; between them order means nothing. Names become paths only
here, with the names the directories have by now: where a directory was renamed meanwhile its
`Moved` covers both places.
"""

import sys
from collections.abc import Iterable

from mirrorfs.core.change import Change, Cookie, Coverage, Dirty, Gap, Moved
from mirrorfs.watch.settle import Key
from mirrorfs.watch.watches import Node, Watches

_ENCODING = sys.getfilesystemencoding()


def text(name: bytes) -> str:
    """`os.fsdecode` without its checks: it runs once per change."""
    return name.decode(_ENCODING, "surrogateescape")


class Batch:
    """The changes gathered since the last `take`."""

    def __init__(self) -> None:
        self.dirty: dict[Key, None] = {}
        self.whole: dict[Key, None] = {}  # dirty, and everything below, too
        self.paths: dict[str, bool] = {}  # path → recursive
        self.trees: dict[
            Node, None
        ] = {}  # directories whose watches are all set: look at everything
        self.moved: dict[Moved, None] = {}
        self.gaps: dict[str, str] = {}
        self.coverage: dict[str, Coverage] = {}
        self.cookies: dict[str, None] = {}

    def gap(self, path: str, reason: str) -> None:
        self.gaps.setdefault(path, reason)

    def looks(self, keys: Iterable[Key]) -> None:
        self.dirty.update(dict.fromkeys(keys))

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
        recursive = [path for path, below in self.paths.items() if below]
        recursive += [path for node in self.trees if (path := watches.path(node)) is not None]
        looks = dict.fromkeys(self.paths, False)
        looks.update(dict.fromkeys(self._named(self.dirty, watches), False))
        looks.update(dict.fromkeys(self._named(self.whole, watches), True))
        looks.update(dict.fromkeys(recursive, True))
        return [Dirty(path, below) for path, below in looks.items()]

    def _named(self, keys: Iterable[Key], watches: Watches) -> list[str]:
        """The paths of names in directories, as they are by now."""
        paths: list[str] = []
        prefixes: dict[int, str | None] = {}
        nodes = watches.nodes
        for wd, name in keys:
            try:
                prefix = prefixes[wd]
            except KeyError:
                node = nodes.get(wd)
                path = None if node is None else watches.path(node)
                prefix = prefixes[wd] = path + "/" if path else path
            if prefix is not None:  # else the directory went, and its parent says so
                paths.append(prefix + text(name) if name else prefix[:-1])
        return paths
