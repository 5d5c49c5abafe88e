"""What the kernel knows of the view, until it forgets.

Law: an entry is here exactly as long as the kernel counts lookups of it, so memory grows with what
is looked at. Only the thread of the event loop calls.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from mirrorfs.core.preview import Shown
from mirrorfs.core.scope import Scope
from mirrorfs.view.places import (
    TOP,
    VERBS,
    Area,
    Place,
    above,
    directory_number,
    name_of,
    number,
)

_TREES = {Area.AFTER, *VERBS}


class Inodes:
    """By inode number: place, what was seen there last under that number, lookups."""

    def __init__(self, top: Shown) -> None:
        self._known: dict[int, tuple[Place, Shown]] = {number(TOP, top.entry): (TOP, top)}
        self._lookups: Counter[int] = Counter()

    def __getitem__(self, inode: int) -> tuple[Place, Shown]:
        return self._known[inode]

    def __len__(self) -> int:
        return len(self._known)

    def number(self, place: Place, seen: Shown) -> int:
        """The number of what is seen at a place."""
        inode = number(place, seen.entry)
        while (known := self._known.get(inode)) is not None and known[0] != place:
            inode += 1  # two places, one hash
        return inode

    def told(self, numbers: Sequence[int], seen: Iterable[tuple[Place, Shown]]) -> None:
        """The kernel was told of these: a lookup of each is counted."""
        self._known.update(zip(numbers, seen, strict=True))
        self._lookups.update(numbers)

    def refresh(self, inode: int, seen: Shown) -> None:
        """What is seen now under a number that stays."""
        self._known[inode] = (self._known[inode][0], seen)

    def forget(self, forgotten: Iterable[tuple[int, int]]) -> None:
        """The kernel lets go of so many lookups of a number."""
        for inode, count in forgotten:
            left = self._lookups.get(inode, 0) - count
            if left > 0:
                self._lookups[inode] = left
            elif self._lookups.pop(inode, None) is not None:
                del self._known[inode]

    def affected(self, scope: Scope) -> Iterator[tuple[int, int, bytes]]:
        """(inode, inode of the directory above, name in it) of what may look different after a
        change within a scope; what only tells of the plan always may."""
        everything = scope.is_everything
        for inode, (place, _) in self._known.items():
            if place == TOP:
                yield inode, 0, b""
            elif everything or place.area not in _TREES or scope.covers(place.path):
                yield inode, directory_number(above(place)), os.fsencode(name_of(place))
