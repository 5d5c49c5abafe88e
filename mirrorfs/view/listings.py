"""Directories as they were listed, ready to be told: so that a walk costs little more than the
kernel's own share, and walking twice reads the disk once.

Law: what is kept is of the present picture, and, if a disk had a say in it, no older than
`KEPT_SECONDS`; a bounded number of names is kept, the least recently listed directories go first.
"""

import time
from collections import OrderedDict
from typing import NamedTuple

from pyfuse3 import EntryAttributes

from mirrorfs.core.preview import Shown
from mirrorfs.view.attributes import KEPT_SECONDS
from mirrorfs.view.places import Place

KEPT_NAMES = 200_000


class Listed(NamedTuple):
    """The names of a directory, and what goes with each, at the same index."""

    names: list[bytes]
    numbers: list[int]
    seen: list[tuple[Place, Shown]]
    attributes: list[EntryAttributes]


class Listings:
    """By place."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Place, tuple[float, Listed]] = OrderedDict()
        self._names = 0

    def get(self, place: Place) -> Listed | None:
        """What was listed there, if that is still good."""
        kept = self._kept.get(place)
        if kept is None:
            return None
        if kept[0] < time.monotonic():
            self._drop(place)
            return None
        self._kept.move_to_end(place)
        return kept[1]

    def keep(self, place: Place, listed: Listed, *, still: bool) -> None:
        """Remember a directory that was listed just now; ``still``: it can only change with the
        picture."""
        if place in self._kept:
            self._drop(place)
        until = float("inf") if still else time.monotonic() + KEPT_SECONDS
        self._kept[place] = (until, listed)
        self._names += len(listed.names)
        while self._names > KEPT_NAMES:
            self._drop(next(iter(self._kept)))

    def clear(self) -> None:
        """Another picture: nothing of the one before is good."""
        self._kept.clear()
        self._names = 0

    def _drop(self, place: Place) -> None:
        self._names -= len(self._kept.pop(place)[1].names)
