"""How fast content may flow: one limit for all files together, one for each, by the time of day.

Law: the average holds over a second and more, however the bytes were moved: what was moved is
charged at once and the mover waits until it has flowed off. A reflink of a gigabyte is charged like
a gigabyte. Nobody waits longer than `SLICE` without asking whether to go on.
"""

import threading
import time
from collections.abc import Callable, Sequence
from math import inf

from mirrorfs.core.values import Slot, format_size, rate_at
from mirrorfs.trees.base import PIECE

SLICE = 0.1  # seconds: how long a wait goes on unasked, and what a piece of content takes
TRIFLE = 0.001  # seconds: what is shorter is not waited for, but goes on counting
CREDIT = 0.1  # seconds of flow that may be caught up after a delay
BLOCK = 4096  # pieces are whole blocks, or reflinks and copies by the kernel would be impossible
GLANCE = 1.0  # seconds between two looks at the time of day

Moment = tuple[int, int]  # (weekday, hhmm) as in `Slot`


class Bucket:
    """Bytes are charged, and flow off at the rate in force."""

    def __init__(self, now: float) -> None:
        self._charged = 0
        self._flowed = 0.0
        self._at = now

    def charge(self, count: int, rate: float, now: float) -> int:
        """Add bytes; the mark that says when they have flowed off."""
        self._flow(rate, now)
        self._charged += count
        return self._charged

    def wait(self, mark: int, rate: float, now: float) -> float:
        """Seconds until all bytes up to ``mark`` have flowed off; 0 when they have."""
        self._flow(rate, now)
        return max(0.0, (mark - self._flowed) / rate)

    def _flow(self, rate: float, now: float) -> None:
        elapsed, self._at = now - self._at, now
        if rate == inf:
            self._flowed = self._charged
        else:
            self._flowed = min(self._flowed + rate * elapsed, self._charged + rate * CREDIT)


class Pace:
    """The limits of a run (rclone: --bwlimit for ``whole``, --bwlimit-file for ``each``).

    Of UP:DOWN the larger counts, as in rclone: a local copy is both. ``moment`` tells the time of
    day; ``said`` hears, on a moving thread, that another limit is in force.
    """

    def __init__(
        self,
        whole: Sequence[Slot] = (),
        each: Sequence[Slot] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
        moment: Callable[[], Moment] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        said: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._whole, self._each = tuple(whole), tuple(each)
        self._clock, self._moment, self._sleep = clock, moment or local_moment, sleep
        self._said = said
        self._lock = threading.Lock()
        self._all = Bucket(clock())
        self._own = threading.local()
        self._off = False
        self._scheduled = self._schedule()
        self._looked = clock()
        self._last = self._scheduled[0]

    def __str__(self) -> str:
        """The rates in force, for people."""
        whole, each = self._scheduled
        return f"{_shown(whole)} Byte/s" + (f", {_shown(each)} each file" if self._each else "")

    @property
    def limits(self) -> bool:
        """Whether there is any limit, now or later."""
        return bool(self._whole or self._each)

    def toggle(self) -> None:
        """Lift the limit on all files, or put it back. For signal handlers: takes no lock."""
        self._off = not self._off

    def rate(self) -> float:
        """Bytes per second in force for all files together; infinite for no limit."""
        with self._lock:
            return self._rates(self._clock())[0]

    def piece(self) -> int:
        """How many bytes to move at a time, so that they flow evenly."""
        if not self.limits:
            return PIECE
        with self._lock:
            rate = min(self._rates(self._clock()))
        return PIECE if rate == inf else max(BLOCK, min(PIECE, int(rate * SLICE) // BLOCK * BLOCK))

    def begins(self) -> None:
        """This thread goes on with another file."""
        if self._each:
            self._own.bucket = Bucket(self._clock())

    def moved(self, count: int, go_on: Callable[[], None]) -> None:
        """Wait until the bytes may have been moved. Raises what ``go_on`` raises."""
        if not self.limits:
            return
        piece = self.piece()
        # By pieces, though all is there: else other threads would wait for the whole of it.
        while count > 0:
            self._charge(min(piece, count), go_on)
            count -= piece

    def _charge(self, count: int, go_on: Callable[[], None]) -> None:
        own: Bucket | None = getattr(self._own, "bucket", None)
        with self._lock:
            now = self._clock()
            whole, each = self._rates(now)
            mark = self._all.charge(count, whole, now)
            own_mark = own.charge(count, each, now) if own is not None else 0
        while True:
            with self._lock:
                now = self._clock()
                whole, each = self._rates(now)
                wait = self._all.wait(mark, whole, now)
                if own is not None:
                    wait = max(wait, own.wait(own_mark, each, now))
                changed = whole != self._last
                self._last = whole
            if changed:
                self._said(_changed(whole, self._off))
            if wait < TRIFLE:
                return
            go_on()
            self._sleep(min(wait, SLICE))

    def _rates(self, now: float) -> tuple[float, float]:
        if now - self._looked >= GLANCE:
            self._looked = now
            self._scheduled = self._schedule()
        whole, each = self._scheduled
        return (inf if self._off else whole), each

    def _schedule(self) -> tuple[float, float]:
        if not self.limits:
            return inf, inf
        weekday, hhmm = self._moment()
        return (
            _rate(rate_at(self._whole, weekday, hhmm)),
            _rate(rate_at(self._each, weekday, hhmm)),
        )


def local_moment() -> Moment:
    """Now, in local time; Sunday is 0."""
    now = time.localtime()
    return (now.tm_wday + 1) % 7, now.tm_hour * 100 + now.tm_min


def _rate(slot: Slot) -> float:
    return float(max(slot.up, slot.down)) if slot.up > 0 and slot.down > 0 else inf


def _changed(rate: float, off: bool) -> str:
    if off:
        return "Bandwidth limit disabled by user"
    return f"Bandwidth limit set to {_shown(rate)} Byte/s"


def _shown(rate: float) -> str:
    return "off" if rate == inf else format_size(int(rate))
