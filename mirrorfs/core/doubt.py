"""Which content on the destination may be gone although it looks right.

Law: what was written since the last good flush is in doubt once a flush fails: the kernel may have
dropped what it could not write, and sizes and times are as if it had not. Doubt is only ever too
wide; it ends with a good flush after the content was written again.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from mirrorfs.core.plan import Outcome, Stage, Status, Verb
from mirrorfs.core.tree import Entry, Kind, moved, split

MOST = 1 << 20  # characters of paths that are remembered; more are known by their directories


class Doubts(NamedTuple):
    """What is not believed for its size and time: the files at ``paths`` and below, and all that
    were changed at ``since_ns`` (wall clock) or later; 0: none for that reason. False when nothing
    is in doubt."""

    paths: frozenset[str] = frozenset()
    since_ns: int = 0

    def __bool__(self) -> bool:
        return bool(self.paths or self.since_ns)

    def cover(self, path: str, have: Entry) -> bool:
        """Whether what is at a path of the destination is in doubt."""
        if self.since_ns and have.ctime_ns >= self.since_ns:
            return True
        return covers(self.paths, path)

    def after_flush(self, owed: Collection[str]) -> "Doubts":
        """What is in doubt still once all but the ``owed`` paths was written again."""
        left = remaining(self.paths, owed)
        return Doubts(frozenset(bounded(left.union(owed) if self.since_ns else left)))


class Written:
    """The files written since the last good flush, each as a path that covers all below it."""

    def __init__(self) -> None:
        self._paths: set[str] = set()
        self._size = 0

    def hear(self, outcomes: Sequence[Outcome]) -> None:
        """Remember what was written, and follow what was renamed."""
        renamed = {}
        done, file = Status.DONE, Kind.FILE
        for action, status, _, _ in outcomes:
            if status is not done:
                continue
            _, stage, path, want, *_ = action
            if stage is Stage.CONTENT or stage is Stage.LINKS:
                if want is not None and want.kind is file:
                    self._add(path)
            elif action.verb is Verb.RENAME:
                renamed[action.origin] = path
        if renamed and self._paths:
            for path in _followed(self._paths, renamed):
                self._add(path)

    def below(self, path: str) -> None:
        """Files at ``path`` and below were written."""
        self._add(path)

    def take(self) -> set[str]:
        """What was remembered, which is forgotten."""
        taken, self._paths, self._size = self._paths, set(), 0
        return taken

    def _add(self, path: str) -> None:
        if covers(self._paths, path):
            return
        self._paths.add(path)
        self._size += len(path)
        if self._size > MOST:
            self._paths = bounded(self._paths, MOST // 2)
            self._size = sum(map(len, self._paths))


def covers(doubts: Collection[str], path: str) -> bool:
    """Whether a path is one of ``doubts`` (a set), or below one."""
    if path in doubts or "" in doubts:
        return True
    at = path.find("/")
    while at >= 0:
        if path[:at] in doubts:
            return True
        at = path.find("/", at + 1)
    return False


def bounded(paths: set[str], most: int = MOST) -> set[str]:
    """Paths that cover the given ones, of so many characters at most: the root if need be."""
    while sum(map(len, paths)) > most:
        paths = {split(path)[0] for path in paths}
    return paths


def remaining(doubts: Collection[str], owed: Collection[str]) -> set[str]:
    """What is in doubt still, once all but the ``owed`` paths was written again."""
    left = {path for path in owed if covers(doubts, path)}
    left.update(path for path in doubts if any(above in owed for above in _above(path)))
    if "" in owed:
        left.update(doubts)
    return left


def _followed(paths: Collection[str], renamed: dict[str, str]) -> list[str]:
    """Where written files are after renames; what covers more is as wide there."""
    found = [
        moved(path, origin, renamed[origin])
        for path in paths
        for origin in (path, *_above(path))
        if origin in renamed
    ]
    known = set(paths)
    found += [to for origin, to in renamed.items() if covers(known, origin)]
    return found


def _above(path: str) -> Iterator[str]:
    """The directories a path lies in, but for the root."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)
