"""Directories that were listed a moment ago, so that walking the view twice reads the disk once.

Law: what is kept is no older than `KEPT_SECONDS` and of the present picture; a bounded number of
names is kept, the least recently listed directories go first.
"""

import time
from collections import OrderedDict

from mirrorfs.core.preview import Shown
from mirrorfs.view.places import Place

# As long as the kernel may keep what it was told. Others may change the destination, and nobody
# tells of that.
KEPT_SECONDS = 5.0
KEPT_NAMES = 200_000

Listed = list[tuple[bytes, Place, Shown]]


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

    def keep(self, place: Place, listed: Listed) -> None:
        """Remember a directory that was listed just now."""
        if place in self._kept:
            self._drop(place)
        self._kept[place] = (time.monotonic() + KEPT_SECONDS, listed)
        self._names += len(listed)
        while self._names > KEPT_NAMES:
            self._drop(next(iter(self._kept)))

    def clear(self) -> None:
        """Another picture: nothing of the one before is good."""
        self._kept.clear()
        self._names = 0

    def _drop(self, place: Place) -> None:
        self._names -= len(self._kept.pop(place)[1])
