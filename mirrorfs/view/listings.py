"""Directories as they were listed, ready to be told: so that a walk costs little more than the
kernel's own share, and walking twice reads the disk once.

Law: what is kept is as it is in the present picture, and, if a disk had a say in it that nobody
tells of, no older than `KEPT_SECONDS`; a bounded number of names is kept, the least recently listed
directories go first.
"""

import time
from collections import OrderedDict

from mirrorfs.core.scope import Scope
from mirrorfs.view.places import Area, Place
from mirrorfs.view.rows.plain import Listed

KEPT_SECONDS = 5
KEPT_NAMES = 200_000
KEPT_ANYWAY = 8  # directories, however large: somebody may be in the middle of one


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
        self._names += len(listed.seen)
        while self._names > KEPT_NAMES and len(self._kept) > KEPT_ANYWAY:
            self._drop(next(iter(self._kept)))

    def clear(self, scope: Scope) -> None:
        """Another picture, that may differ within a scope: of what only tells of the plan nothing
        is good, of the tree what is not touched."""
        for place in list(self._kept):
            if place.area is not Area.AFTER or scope.covers(place.path):
                self._drop(place)

    def _drop(self, place: Place) -> None:
        self._names -= len(self._kept.pop(place)[1].seen)
