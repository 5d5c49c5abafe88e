"""Fold changes into what must be read (a scope) and what was probably renamed (hints).

Law: the result covers every change folded, for any order and any repetition of them. Renames make
that interesting: a change recorded below the old name shows below the new one, so dirty paths are
carried along every rename until nothing new appears, and where renames entangle, both ends are
read whole.

A hint survives only while it stands alone: a chain (a→b, b→c) becomes one hint (a→c); names that
start or end two renames, cycles, and renames inside a renamed directory are no hints but subtrees
to read.
"""

from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from mirrorfs.core.change import Change, Dirty, Epoch, Gap, Moved, Ready
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import moved

MAX_CARRIED = 10_000


class Hint(NamedTuple):
    """``origin`` probably became ``path``; ``between`` are names it had on the way."""

    origin: str
    path: str
    between: tuple[str, ...] = ()


class Folded(NamedTuple):
    """``reasons`` says, for people, why whole subtrees are in the scope: (path, reason), in the
    order they came up. ``records`` counts those that say something about a path."""

    scope: Scope
    hints: tuple[Hint, ...]
    reasons: tuple[tuple[str, str], ...]
    records: int


def fold(changes: Iterable[Change], owed: Iterable[str] = ()) -> Folded:
    """What the changes amount to.

    ``owed``: paths whose last reading failed. They are looked at elsewhere, unless a rename carried
    them along: then they are dirty here, under every name.
    """
    dirty: set[str] = set()
    subtrees: set[str] = set()
    targets: dict[str, list[str]] = {}
    reasons: dict[tuple[str, str], None] = {}
    count = 0
    for change in changes:
        # By the exact type, the frequent ones first: this runs once per record.
        if type(change) is Dirty:
            count += 1
            path, recursive = change
            (subtrees if recursive else dirty).add(path)
        elif type(change) is Moved:
            count += 1
            origin, path = change
            if (paths := targets.get(origin)) is None:
                targets[origin] = [path]
            elif path not in paths:
                paths.append(path)
        elif isinstance(change, Gap):
            count += 1
            subtrees.add(change.path)
            reasons[change.path, change.reason] = None
        elif isinstance(change, Epoch) and not change.continued:
            subtrees.add("")
            reasons["", "the watcher was started anew"] = None
        elif type(change) is Ready:
            # The cursor stands in the time before every watch was set.
            subtrees.add("")
            reasons["", "not everything was watched yet"] = None
    if "" in subtrees:
        return Folded(Scope.everything(), (), tuple(reasons), count)
    if not targets:
        return Folded(Scope.of(dirty, subtrees), (), tuple(reasons), count)
    renamed = _Within(targets)
    subtrees.update(path for path in owed if renamed.of(path))
    hints, entangled = _hints(targets)
    subtrees |= entangled
    dirty.update(targets, *targets.values())
    if not (_carry(dirty, targets, renamed) and _carry_whole(subtrees, targets, renamed)):
        return Folded(Scope.everything(), (), (("", "too many renames at once"),), count)
    return Folded(Scope.of(dirty, subtrees), tuple(hints), tuple(reasons), count)


class _Within:
    """Which of some names a path is, or lies below. Asked for many paths of few directories."""

    def __init__(self, names: Container[str]) -> None:
        self._names = names
        self._above: dict[str, tuple[str, ...]] = {"": ()}

    def of(self, path: str) -> tuple[str, ...]:
        """All of them, the nearest first."""
        above = self.above(path)
        return (path, *above) if path in self._names else above

    def above(self, path: str) -> tuple[str, ...]:
        """Those that it lies strictly below."""
        directory = path.rpartition("/")[0]
        above = self._above.get(directory)
        if above is None:
            above = self._above[directory] = self.of(directory)
        return above


def _carry(paths: set[str], targets: dict[str, list[str]], renamed: _Within) -> bool:
    """Repeat every path at or below a renamed one under its new name; False when there is no end to
    it (renames into each other make ever longer names) or too much of it."""
    limit = 4 * len(paths) + MAX_CARRIED
    fresh = paths
    for _ in range(len(targets) + 1):
        fresh = {
            moved(path, origin, target)
            for path in fresh
            for origin in renamed.of(path)
            for target in targets[origin]
        } - paths
        if not fresh:
            return True
        paths |= fresh
        if len(paths) > limit:
            return False
    return False


def _carry_whole(subtrees: set[str], targets: dict[str, list[str]], renamed: _Within) -> bool:
    """The same for subtrees; and what was renamed out of one may have changed anywhere below, too,
    so it is read whole at its new name."""
    while subtrees:
        if not _carry(subtrees, targets, renamed):
            return False
        whole = _Within(subtrees.copy())
        out = {path for origin, paths in targets.items() if whole.of(origin) for path in paths}
        if out <= subtrees:
            return True
        subtrees |= out
    return True


def _hints(targets: dict[str, list[str]]) -> tuple[list[Hint], set[str]]:
    """The renames that stand alone, as hints; and the names to be read whole instead."""
    origins: dict[str, list[str]] = {}
    for origin, paths in targets.items():
        for path in paths:
            origins.setdefault(path, []).append(origin)
    ends = targets.keys() | origins.keys()
    entangled = {name for name, paths in targets.items() if len(paths) > 1}
    entangled |= {name for name, others in origins.items() if len(others) > 1}
    outer = _Within(ends)
    entangled |= {name for name in ends if outer.above(name)}  # the outer rename carries it along

    hints = []
    chained: set[str] = set()
    following: Sequence[str]
    for start, following in targets.items():
        if start in origins:
            continue
        chain = [start]
        while following:
            name = following[0]
            chain.append(name)
            if len(following) > 1 or name in entangled:
                break
            following = targets.get(name, ())
        chained.update(chain)
        if entangled.isdisjoint(chain):
            hints.append(Hint(start, chain[-1], tuple(chain[1:-1])))
        else:
            entangled.update(chain)
    entangled |= ends - chained  # cycles, and what hangs on entangled names
    if entangled:
        hints = [hint for hint in hints if entangled.isdisjoint(_names(hint))]
    return hints, entangled


def _names(hint: Hint) -> tuple[str, ...]:
    return (hint.origin, *hint.between, hint.path)
