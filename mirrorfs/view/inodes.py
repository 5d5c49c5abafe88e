"""What the kernel knows of the view, until it forgets.

Law: an entry is here exactly as long as the kernel counts lookups of it, so memory grows with what
is looked at. Only the thread of the event loop calls.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mirrorfs.core.preview import Shown
from mirrorfs.core.scope import Scope
from mirrorfs.view.places import (
    PENDING,
    TOP,
    VERBS,
    Area,
    Place,
    above,
    directory_number,
    name_of,
    number,
)

_TREES = (Area.AFTER, *VERBS)


class Stale(NamedTuple):
    """What the kernel must forget: the attributes of an inode (0 for none), and of a directory the
    names; and, unless it is a directory as before, its name in the directory above."""

    inode: int
    place: Place
    above: int
    name: bytes


class Inodes:
    """By inode number: place, what was seen there last under that number, lookups. Nobody else
    writes what is ``known``."""

    def __init__(self, top: Shown) -> None:
        self.known: dict[int, tuple[Place, Shown]] = {number(TOP, top.entry): (TOP, top)}
        self._lookups: Counter[int] = Counter()

    def __getitem__(self, inode: int) -> tuple[Place, Shown]:
        return self.known[inode]

    def __len__(self) -> int:
        return len(self.known)

    def told(self, numbers: Sequence[int], seen: Iterable[tuple[Place, Shown]]) -> None:
        """The kernel was told of these: a lookup of each is counted."""
        self.known.update(zip(numbers, seen, strict=True))
        self._lookups.update(numbers)

    def refresh(self, inode: int, seen: Shown) -> None:
        """What is seen now under a number that stays."""
        self.known[inode] = (self.known[inode][0], seen)

    def forget(self, forgotten: Iterable[tuple[int, int]]) -> Iterator[int]:
        """The kernel lets go of so many lookups of a number: those it knows no more."""
        for inode, count in forgotten:
            left = self._lookups.get(inode, 0) - count
            if left > 0:
                self._lookups[inode] = left
            elif self._lookups.pop(inode, None) is not None:
                del self.known[inode]
                yield inode

    def affected(self, scope: Scope) -> Iterator[Stale]:
        """What may look different after a change within a scope; what only tells of the plan always
        may."""
        for place in (TOP, PENDING):
            if (inode := directory_number(place)) in self.known:
                yield Stale(inode, place, 0, b"")
        for area in _TREES:
            yield from self._below(Place(area), scope)

    def _below(self, place: Place, scope: Scope) -> Iterator[Stale]:
        """What is known of a directory, and of what is in it."""
        above = directory_number(place)
        if above not in self.known:
            return  # and so is nothing that is in it
        yield Stale(above, place, *self._named(place))
        if scope.deep:
            within = f"{place.path}/" if place.path else ""
            for inode, (known, _) in self.known.items():
                if known.area is place.area and known.path and known.path.startswith(within):
                    yield Stale(inode, known, *self._named(known))
        for name, below in scope.children.items():
            inside = Place(place.area, f"{place.path}/{name}" if place.path else name)
            if directory_number(inside) in self.known:
                yield from self._below(inside, below)
            else:
                yield Stale(0, inside, above, os.fsencode(name))

    @staticmethod
    def _named(place: Place) -> tuple[int, bytes]:
        return directory_number(above(place)), os.fsencode(name_of(place))
