"""Since when a mirror is behind its source: the age of what it has not applied.

Law: rather too long than too short. A change counts from when it was written into the journal; of
a time when nobody looked, and while a destination is away, all counts from when the destination
was known to be right.
"""

import threading
import time
from bisect import bisect_right
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from journal import Position

MOMENTS = 1024  # kept; of more than that two become one
GRAIN_NS = 100_000_000


class Noted:
    """When which records of a journal were written, for all who follow it. Told of by the thread
    that writes them, asked by others."""

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last: list[int] = []  # the number of a group's last record
        self._at: list[int] = []  # when its first one was written, wall clock in nanoseconds

    def note(self, position: "Position") -> None:
        """Everything up to there stands in the journal."""
        now = self._clock()
        with self._lock:
            last, at = self._last, self._at
            if at and 0 <= now - at[-1] < GRAIN_NS:
                last[-1] = position.sequence
                return
            last.append(position.sequence)
            at.append(now)
            if len(at) > MOMENTS:
                self._last, self._at = last[1::2], at[::2]
                if len(last) % 2:
                    self._last.append(last[-1])

    def unread(self, after: int) -> int:
        """How many records there are behind that number, as far as it was told."""
        with self._lock:
            return max(0, self._last[-1] - after) if self._last else 0

    def oldest(self, after: int) -> int:
        """When the first record behind that number was written; 0 for none."""
        with self._lock:
            first = bisect_right(self._last, after)
            return self._at[first] if first < len(self._at) else 0
