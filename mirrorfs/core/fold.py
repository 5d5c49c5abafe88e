"""Fold changes into what must be read (a scope) and what was probably renamed (hints).

Law: the result covers every change folded, for any order and any repetition of them. Renames make
that interesting: a change recorded below the old name shows below the new one, so dirty paths are
carried along every rename until nothing new appears, and where renames entangle, both ends are
read whole.

A hint survives only while it stands alone: a chain (a→b, b→c) becomes one hint (a→c); names that
start or end two renames, cycles, and renames inside a renamed directory are no hints but subtrees
to read.
"""

from collections.abc import Iterable
from typing import NamedTuple

from mirrorfs.core.change import Change, Dirty, Epoch, Gap, Moved, Ready
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import is_below, moved, parts

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
        count += isinstance(change, (Dirty, Moved, Gap))
        match change:
            case Dirty(path, False):
                dirty.add(path)
            case Dirty(path, True):
                subtrees.add(path)
            case Moved(origin, path):
                paths = targets.setdefault(origin, [])
                if path not in paths:
                    paths.append(path)
            case Gap(path, reason):
                subtrees.add(path)
                reasons[path, reason] = None
            case Epoch(continued=False):
                subtrees.add("")
                reasons["", "the watcher was started anew"] = None
            case Ready():
                # The cursor stands in the time before every watch was set.
                subtrees.add("")
                reasons["", "not everything was watched yet"] = None
            case _:
                pass
    if "" in subtrees:
        return Folded(Scope.everything(), (), tuple(reasons), count)
    if not targets:
        return Folded(Scope.of(dirty, subtrees), (), tuple(reasons), count)
    subtrees.update(path for path in owed if not targets.keys().isdisjoint(_lineage(path)))
    hints, entangled = _hints(targets)
    subtrees |= entangled
    dirty.update(targets, *targets.values())
    if not (_carry(dirty, targets) and _carry_whole(subtrees, targets)):
        return Folded(Scope.everything(), (), (("", "too many renames at once"),), count)
    return Folded(Scope.of(dirty, subtrees), tuple(hints), tuple(reasons), count)


def _carry(paths: set[str], targets: dict[str, list[str]]) -> bool:
    """Repeat every path at or below a renamed one under its new name; False when there is no end to
    it (renames into each other make ever longer names) or too much of it."""
    limit = 4 * len(paths) + MAX_CARRIED
    fresh = paths
    for _ in range(len(targets) + 1):
        fresh = {
            moved(path, origin, target)
            for path in fresh
            for origin in _lineage(path)
            for target in targets.get(origin, ())
        } - paths
        if not fresh:
            return True
        paths |= fresh
        if len(paths) > limit:
            return False
    return False


def _carry_whole(subtrees: set[str], targets: dict[str, list[str]]) -> bool:
    """The same for subtrees; and what was renamed out of one may have changed anywhere below, too,
    so it is read whole at its new name."""
    while _carry(subtrees, targets):
        out = {
            path
            for origin, paths in targets.items()
            if not subtrees.isdisjoint(_lineage(origin))
            for path in paths
        }
        if out <= subtrees:
            return True
        subtrees |= out
    return False


def _lineage(path: str) -> list[str]:
    """The path and its ancestors, without the root."""
    names = parts(path)
    return ["/".join(names[:end]) for end in range(len(names), 0, -1)]


def _hints(targets: dict[str, list[str]]) -> tuple[list[Hint], set[str]]:
    """The renames that stand alone, as hints; and the names to be read whole instead."""
    origins: dict[str, list[str]] = {}
    for origin, paths in targets.items():
        for path in paths:
            origins.setdefault(path, []).append(origin)
    ends = set(targets) | set(origins)
    entangled = {name for name in ends if len(targets.get(name, ())) > 1}
    entangled |= {name for name in ends if len(origins.get(name, ())) > 1}
    entangled |= _nested(ends)

    hints = []
    chained: set[str] = set()
    for start in targets:
        if start in origins:
            continue
        chain = [start]
        while following := targets.get(chain[-1]):
            chain.append(following[0])
            if len(following) > 1 or following[0] in entangled:
                break
        chained.update(chain)
        if entangled.isdisjoint(chain):
            hints.append(Hint(chain[0], chain[-1], tuple(chain[1:-1])))
        else:
            entangled.update(chain)
    entangled |= ends - chained  # cycles, and what hangs on entangled names
    return [hint for hint in hints if entangled.isdisjoint(_names(hint))], entangled


def _names(hint: Hint) -> tuple[str, ...]:
    return (hint.origin, *hint.between, hint.path)


def _nested(ends: set[str]) -> set[str]:
    """The names that lie strictly within another one: the outer rename carries them along."""
    nested = set()
    outer = ""
    # No name has a NUL in it, so this is the order of `parts`, and sorts three times as fast.
    for name in sorted(ends, key=lambda path: path.replace("/", "\0")):
        if outer and is_below(name, outer):
            nested.add(name)
        else:
            outer = name
    return nested
