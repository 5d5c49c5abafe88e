"""The parts of the source that cannot be watched, and why.

Law: nobody is told that a part is covered when it is not. A blind part is a gap the moment it turns
out blind, again at every poll, and again before every barrier, until its watch is set.

When many directories of one parent are blind (the limit of watches), the parent stands for them
all.
"""

import errno

from mirrorfs.core.change import Coverage
from mirrorfs.watch.batch import Batch
from mirrorfs.watch.watches import Node, Watches

MANY = 64

_LONGEST = 1000

Part = tuple[Node, str | None]
"""(directory, name in it), or (directory, None): what the directory holds."""


def plain(why: str) -> str:
    """A reason as the journal takes it: short, and no names that are not UTF-8."""
    return why[:_LONGEST].encode("utf-8", "backslashreplace").decode()


def reason(error: OSError) -> str:
    """Why a watch could not be set, and what would help."""
    match error.errno:
        case errno.ENOSPC:
            return "the limit of inotify watches is reached: raise fs.inotify.max_user_watches"
        case errno.EMFILE | errno.ENFILE:
            return "too many open files"
        case _:
            return (error.strerror or str(error)).lower()


class Blind:
    """What is not watched. Keyed by node, so that renames above do not matter."""

    def __init__(self, watches: Watches, batch: Batch) -> None:
        self._watches = watches
        self._batch = batch
        self.parts: dict[Part, str] = {}
        self._counts: dict[Node, int] = {}
        self._again: set[Node] = set()

    def __contains__(self, part: Part) -> bool:
        return part in self.parts

    def fail(self, node: Node, name: str | None, why: str) -> None:
        """A watch could not be set, or a directory not be listed."""
        why = plain(why)
        if (node, None) in self.parts:
            self._again.add(node)
            return
        if (node, name) in self.parts:
            self.parts[node, name] = why
            return
        if name is not None:
            self._counts[node] = self._counts.get(node, 0) + 1
            if self._counts[node] > MANY:
                for part in [part for part in self.parts if part[0] is node]:
                    del self.parts[part]
                name = None
                self._again.add(node)
        self.parts[node, name] = why
        self._report(node, name, "blind", why)

    def heal(self, node: Node, name: str | None, why: str = "") -> bool:
        """Whether that part was blind; it no longer is."""
        if self.parts.pop((node, name), None) is None:
            return False
        if name is None:
            self._counts.pop(node, None)
        else:
            self._counts[node] -= 1
            if not self._counts[node]:
                del self._counts[node]
        self._report(node, name, "watched", why)
        return True

    def listed(self, node: Node) -> bool:
        """``node`` was crawled to its end: whether what it holds was blind and no longer is."""
        if (node, None) not in self.parts or node in self._again:
            return False
        return self.heal(node, None)

    def retry(self) -> dict[Node, list[str] | None]:
        """What to visit again: names in a directory, or (None) all it holds."""
        again: dict[Node, list[str] | None] = {}
        for node, name in self.parts:
            if name is None:
                again[node] = None
                self._again.discard(node)
            elif (names := again.setdefault(node, [])) is not None:
                names.append(name)
        return again

    def gaps(self) -> None:
        """Say again what may have changed unseen."""
        for (node, name), why in list(self.parts.items()):
            path = self._path(node, name)
            if path is None:
                self._drop(node, name)
            else:
                self._batch.gap(path, why)

    def _drop(self, node: Node, name: str | None) -> None:
        del self.parts[node, name]
        self._counts.pop(node, None)
        self._again.discard(node)

    def shown(self, most: int = 16) -> tuple[tuple[str, str], ...]:
        """(path, reason) of the first blind parts."""
        return tuple(
            (path, why)
            for (node, name), why in list(self.parts.items())[:most]
            if (path := self._path(node, name)) is not None
        )

    def _path(self, node: Node, name: str | None) -> str | None:
        return self._watches.path(node) if name is None else self._watches.below(node, name)

    def _report(self, node: Node, name: str | None, state: str, why: str) -> None:
        path = self._path(node, name)
        if path is None:
            return
        self._batch.coverage[path] = Coverage(path, state, why)
        if state == "blind":
            self._batch.gap(path, why)
