"""How much a run may transfer, and how long it may take.

Law: once a limit is reached it stays reached: no file is begun any more, nothing is removed, and
what was not done is withheld. HARD ends the files on their way, too; SOFT lets them finish;
CAUTIOUS begins no file that would exceed the limit, and stops at the first such (rclone).
"""

import threading
import time
from collections.abc import Callable
from enum import StrEnum

from mirrorfs.errors import DurationLimit, LimitReached, TransferLimit


class Cutoff(StrEnum):
    HARD = "HARD"
    SOFT = "SOFT"
    CAUTIOUS = "CAUTIOUS"


class Quota:
    """``transfer`` bytes (-1: no limit) within ``seconds`` of the first `begin` (0: no limit); for
    all attempts of a run together. May be asked from any thread."""

    def __init__(
        self,
        transfer: int = -1,
        seconds: float = 0,
        cutoff: Cutoff = Cutoff.HARD,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transfer = transfer
        self._seconds = seconds
        self._cutoff = cutoff
        self._clock = clock
        self._lock = threading.Lock()
        self._deadline: float | None = None
        self._moved = 0
        self._begun = 0  # bytes of all files that were begun
        self._reached: type[TransferLimit | DurationLimit] | None = None

    @property
    def limits(self) -> bool:
        return self._transfer >= 0 or self._seconds > 0

    def begin(self) -> None:
        """The time begins to count, if it has not yet."""
        if self._deadline is None and self._seconds > 0:
            self._deadline = self._clock() + self._seconds

    def reached(self) -> LimitReached | None:
        """The limit that ended the run, if one has."""
        if self._deadline is not None and self._reached is None and self._clock() > self._deadline:
            self._reach(DurationLimit)
        # A new one each time: several threads may raise it.
        return None if self._reached is None else self._reached()

    def admit(self, size: int) -> None:
        """Count a file of so many bytes as begun. Raises LimitReached when it may not be."""
        if not self.limits:
            return
        if self._transfer >= 0:
            with self._lock:
                if self._cutoff is Cutoff.CAUTIOUS:
                    self._begun += size
                    full = self._begun > self._transfer
                else:
                    full = self._moved >= self._transfer
            if full:
                self._reach(TransferLimit)
        if (reached := self.reached()) is not None:
            raise reached

    def moved(self, count: int) -> None:
        """Count bytes of a file on its way. Raises LimitReached when that is to end."""
        if not self.limits:
            return
        with self._lock:
            self._moved += count
            exceeded = 0 <= self._transfer < self._moved
        if exceeded and self._cutoff is Cutoff.HARD:
            self._reach(TransferLimit)
        self.go_on()

    def go_on(self) -> None:
        """Raises LimitReached when files on their way are to end."""
        reached = self.reached()
        if reached is not None and self._cutoff is Cutoff.HARD:
            raise reached

    def _reach(self, limit: type[TransferLimit | DurationLimit]) -> None:
        with self._lock:
            self._reached = self._reached or limit
