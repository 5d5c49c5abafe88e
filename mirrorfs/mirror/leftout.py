"""What a watcher leaves out, and whether its journal can vouch for a mirror all the same.

Law: a journal vouches only for a mirror that takes in nothing its watcher did not look at. A
watcher of several mirrors leaves out only what all of them leave out.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from mirrorfs.core.filter import Filter
from mirrorfs.state import State


class Extent(NamedTuple):
    """Which directories of a source one mirror takes in."""

    filter: Filter
    one_file_system: bool = False

    @property
    def left_out(self) -> str:
        """What tells whether two leave out the same directories; "" where none is left out."""
        if not (self.filter.prunes or self.one_file_system):
            return ""
        return f"{self.filter.fingerprint()}-{self.one_file_system}"


class Extents:
    """Those of all mirrors that one watcher serves. ``exclude``: whether none of them goes into a
    directory; ``None`` where some mirror goes into all."""

    def __init__(self, extents: Sequence[Extent]) -> None:
        self._filters = [extent.filter for extent in extents]
        self.one_file_system = all(extent.one_file_system for extent in extents)
        prunes = all(filter.prunes for filter in self._filters)
        self.exclude: Callable[[str], bool] | None = self._left_out_by_all if prunes else None
        # Each of them, one per line: `recorded_for` looks for its own.
        self.left_out = (
            "\n".join(sorted({extent.left_out for extent in extents}))
            if prunes or self.one_file_system
            else ""
        )

    def _left_out_by_all(self, path: str) -> bool:
        return not any(filter.descends(path) for filter in self._filters)


def recorded_for(state: State, place: str, wanted: str) -> bool:
    """Whether the watcher of a source looks at all that a mirror with this `Extent.left_out` takes
    in.

    RACE: ask before asking whether the watcher is up to date. One that was started in between has
    begun another epoch, and what is older vouches for nothing.
    """
    try:
        with open(state.left_out(place), encoding="utf-8") as file:
            written = file.read()
    except (OSError, ValueError):
        return False
    return not written or wanted in written.split("\n")
