"""Directories as they were listed, ready to be told: so that a walk costs little more than the
kernel's own share, and walking twice reads the disk once.

Law: what is kept is as it is in the present picture, and, if a disk had a say in it that nobody
tells of, no older than `KEPT_SECONDS`; a bounded number of names is kept, the least recently listed
directories go first.

Names stand in the order of their hashes, and an offset is such a hash: so it means the same in
every listing of a directory, whatever came and went, and nobody need remember who reads what.
"""

import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from pyfuse3 import EntryAttributes

from mirrorfs.core.preview import Shown
from mirrorfs.core.scope import Scope
from mirrorfs.view.attributes import dot
from mirrorfs.view.places import Area, Place, above, directory_number

KEPT_SECONDS = 5.0
KEPT_NAMES = 200_000
KEPT_ANYWAY = 8  # directories, however large: somebody may be in the middle of one
OFFSETS = (1 << 62) - 1
DOTS = 2  # every directory begins with them, also for the kernel: an empty list it never forgets


class Listed(NamedTuple):
    """The names of a directory, and what goes with each, at the same index. Reading goes on behind
    an offset."""

    names: list[bytes]
    offsets: list[int]
    numbers: list[int]
    seen: list[tuple[Place, Shown]]
    attributes: list[EntryAttributes]


def begin(place: Place) -> Listed:
    """The listing of a directory that has no names yet; see `order` for how they follow."""
    both = directory_number(place), directory_number(above(place))
    nothing: list[tuple[Place, Shown]] = []
    return Listed([b".", b".."], [1, DOTS], [*both], nothing, [dot(number) for number in both])


def order(names: Iterable[str]) -> list[tuple[int, str]]:
    """(offset, name) of each name, in the order in which they are told."""
    found = sorted((hash(name) & OFFSETS, name) for name in names)
    last = DOTS
    for index, (offset, name) in enumerate(found):
        if offset <= last:  # two names, one hash
            found[index] = last + 1, name
        last = found[index][0]
    return found


class Listings:
    """By place."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Place, tuple[float, Listed]] = OrderedDict()
        self._names = 0

    def get(self, place: Place, *, going_on: bool) -> Listed | None:
        """What was listed there, if that is still good; for somebody who is going on with it, it is
        as long as the picture is the same."""
        kept = self._kept.get(place)
        if kept is None:
            return None
        if kept[0] < time.monotonic() and not going_on:
            self._drop(place)
            return None
        self._kept.move_to_end(place)
        return kept[1]

    def keep(self, place: Place, listed: Listed, *, told: bool) -> None:
        """Remember a directory that was listed just now; ``told``: whatever changes it is heard
        of."""
        if place in self._kept:
            self._drop(place)
        until = float("inf") if told else time.monotonic() + KEPT_SECONDS
        self._kept[place] = (until, listed)
        self._names += len(listed.names)
        while self._names > KEPT_NAMES and len(self._kept) > KEPT_ANYWAY:
            self._drop(next(iter(self._kept)))

    def clear(self, scope: Scope) -> None:
        """Another picture, that may differ within a scope: of what only tells of the plan nothing
        is good, of the tree what is not touched."""
        for place in list(self._kept):
            if place.area is not Area.AFTER or scope.covers(place.path):
                self._drop(place)

    def _drop(self, place: Place) -> None:
        self._names -= len(self._kept.pop(place)[1].names)
