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

_new = tuple.__new__
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
        return [_new(Dirty, item) for item in looks.items()]

    def _named(self, keys: Iterable[Key], watches: Watches) -> list[str]:
        """The paths of names in directories, as they are by now."""
        names: dict[int, list[bytes]] = {}
        current, last = -1, [b""]
        for wd, name in keys:
            if wd != current:
                current, last = wd, names.setdefault(wd, [])
            last.append(name)
        paths: list[str] = []
        for wd, gathered in names.items():
            node = watches.nodes.get(wd)
            directory = None if node is None else watches.path(node)
            if directory is None:
                continue  # the directory went, and its parent says so
            # All at once, which is five times faster; no name has a NUL in it.
            texts = text(b"\0".join(gathered)).split("\0")
            if directory:
                prefix = directory + "/"
                texts = [prefix + name if name else directory for name in texts]
            paths += texts
        return paths
