"""When a change that is not finished is worth a look: quiet for a while, or at the latest after the
cap.

Law: nothing waits for a close that may never come, and nothing is looked at while it is certain
to change again in a moment; a path waits here once, however often it is written.

Times are seconds of one monotonic clock and are passed in. Three ordered dicts instead of a heap:
time only goes forward, so what was touched first stands first.
"""

from collections.abc import Iterable
from typing import NamedTuple

from mirrorfs.watch.hot import Hot, common
from mirrorfs.watch.hot import Key as Key


class Pace(NamedTuple):
    """The watcher's times, in seconds."""

    quiet: float = 0.5  # a file being written is looked at when nothing was written for so long,
    cap: float = 30.0  # and at the latest so long after the first write
    created: float = 0.02  # a new name with nothing after it (link, device, empty file held open)
    hot: float = 0.01  # what changes again and again waits so long at first, up to the cap
    pair: float = (
        0.005  # how long half a rename waits for the other half; 0: renames are not paired
    )
    poll: float = 30.0  # what cannot be watched is reported as a gap this often
    retry: float = 1.0  # between attempts to watch a root that is gone, or to record what failed
    crawl: float = 0.002  # crawling gives way to reading after so long


PACE = Pace()


class Settling:
    """The names that were created or written and not closed yet."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._created: dict[Key, float] = {}
        self._first: dict[Key, float] = {}
        self._last: dict[Key, float] = {}
        self._hot = Hot(pace.hot, pace.cap)

    def __contains__(self, key: Key) -> bool:
        return key in self._last or key in self._created

    def __len__(self) -> int:
        return len(self._last) + len(self._created)

    def created(self, key: Key, now: float) -> None:
        self._created[key] = now

    def modified(self, key: Key, now: float) -> None:
        self._created.pop(key, None)
        if self._last.pop(key, None) is None:
            self._first[key] = now
        self._last[key] = now

    def finished(self, wd: int, names: dict[bytes, None], now: float) -> dict[bytes, None]:
        """Those of a directory's names that are to be reported now: all but the hot ones."""
        for waiting in (self._created, self._last):
            for name in common(wd, names, waiting):
                self.forget((wd, name))
        return self._hot.admit(wd, names, now)

    def forget(self, key: Key) -> None:
        """It is finished (or gone) and was reported."""
        if self._created.pop(key, None) is None and self._last.pop(key, None) is not None:
            del self._first[key]

    def due(self, now: float) -> list[Key]:
        """The names to report now; they no longer wait."""
        due = [
            *_ripe(self._created, now - self._pace.created),
            *_ripe(self._last, now - self._pace.quiet),
            *_ripe(self._first, now - self._pace.cap),
        ]
        for key in due:
            self.forget(key)
        if due:
            admitted = by_directory(due).items()
            due = [(wd, n) for wd, names in admitted for n in self._hot.admit(wd, names, now)]
        return due + self._hot.due(now) if self._hot else due

    def waiting(self) -> list[Key]:
        """All that waits."""
        return [*self._created, *self._last, *self._hot.waiting()]

    def drain(self) -> list[Key]:
        """All that waits, now: a barrier or the end."""
        waiting = self.waiting()
        self._created.clear()
        self._first.clear()
        self._last.clear()
        self._hot.drain()
        return waiting

    def next(self) -> float | None:
        """The moment something is due."""
        moments = [
            next(iter(waiting.values())) + delay
            for waiting, delay in (
                (self._created, self._pace.created),
                (self._last, self._pace.quiet),
                (self._first, self._pace.cap),
            )
            if waiting
        ]
        hot = self._hot.next()
        return min(moments if hot is None else [*moments, hot], default=None)


def by_directory(keys: Iterable[Key]) -> dict[int, dict[bytes, None]]:
    """The names of each directory."""
    names: dict[int, dict[bytes, None]] = {}
    for wd, name in keys:
        names.setdefault(wd, {})[name] = None
    return names


def _ripe(waiting: dict[Key, float], moment: float) -> list[Key]:
    ripe = []
    for key, since in waiting.items():
        if since > moment:
            break
        ripe.append(key)
    return ripe
