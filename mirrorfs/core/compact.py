"""Say the same with fewer records: what a journal keeps for a destination that is away for long.

Law: compacted records cover everything the originals covered. That is a union: fold does not care
for order or repetition, so repeats go, whatever lies in a subtree that is dirty as a whole goes,
and a crowd of dirty names in one directory becomes that directory.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from mirrorfs.core.change import (
    Change,
    ChangeRefused,
    Clean,
    Cookie,
    Coverage,
    Dirty,
    Gap,
    decode,
    encode,
)
from mirrorfs.core.tree import split

CROWD = 1000


def compact(records: Sequence[Any]) -> list[Any]:
    """Fewer records (msgpack-able) that cover what these do, whatever they are."""
    distinct: dict[tuple[type, Change], None] = {}  # a gap and a rename may be equal as tuples
    for record in records:
        try:
            change = decode(record)
        except ChangeRefused as error:
            change = Gap("", f"a record of the journal is refused: {error}")
        if change is not None and not isinstance(change, (Clean, Cookie, Coverage)):
            distinct[type(change), change] = None
    changes = [change for _, change in distinct]
    subtrees = {change.path for change in changes if isinstance(change, Dirty) and change.recursive}
    crowded = _crowded(change for change in changes if isinstance(change, Dirty))
    subtrees |= crowded
    kept: list[Change] = [Dirty(path, True) for path in sorted(crowded)]
    kept += [
        change
        for change in changes
        if not (isinstance(change, Dirty) and _is_covered(change, crowded, subtrees))
    ]
    return [encode(change) for change in kept]


def _crowded(changes: Iterable[Dirty]) -> set[str]:
    """The directories in which so much is dirty that reading them whole is cheaper to say."""
    children: dict[str, int] = {}
    for change in changes:
        if change.path:
            directory = split(change.path)[0]
            children[directory] = children.get(directory, 0) + 1
    return {directory for directory, count in children.items() if count > CROWD}


def _is_covered(change: Dirty, crowded: set[str], subtrees: set[str]) -> bool:
    """Whether a subtree that is said to be dirty as a whole contains what this change speaks of."""
    path = change.path
    if path in crowded or (path in subtrees and not change.recursive):
        return True
    while path:
        path = split(path)[0]
        if path in subtrees:
            return True
    return False
