"""Names that change again and again are looked at less and less often.

Law: the first `FREE` reports of a name within `WINDOW` seconds pass at once; after that it waits.
If it changed again while it waited, it waits twice as long the next time, up to the cap, and half
as long if it did not, until it was left alone for as long as it would have waited. So whoever
writes on and on is looked at seldom, and whoever writes only what the mirror has taken up (a script
that waits for each file to arrive) is hardly delayed. What waits is looked at once, however much
happened.

Counted are the names of one window only, so that what came once costs nothing for long.
"""

from collections import Counter

Key = tuple[int, bytes]
"""(watch descriptor, name): stays right while a directory above is renamed."""

FREE = 10
WINDOW = 2.0


class Hot:
    """``least`` and ``most``: the seconds a hot name waits at first, and in the end."""

    def __init__(self, least: float, most: float) -> None:
        self._least = least
        self._most = most
        self._counts: Counter[Key] = Counter()
        self._until = 0.0
        self._known: dict[Key, tuple[float, float]] = {}  # (interval, when it may be reported)
        self._held: dict[Key, float] = {}
        self._again: set[Key] = set()  # those of them that changed since

    def __len__(self) -> int:
        return len(self._held)

    def admit(self, keys: list[Key], now: float) -> list[Key]:
        """Those of the names that are to be reported now."""
        if now >= self._until:
            self._until = now + WINDOW
            self._counts.clear()
            self._known = {
                key: known
                for key, known in self._known.items()
                if key in self._held or now < known[0] + known[1]
            }
        counts = self._counts
        counts.update(keys)
        known = self._known
        hot = [key for key in keys if counts[key] > FREE or key in known]
        if not hot:
            return keys
        held = {key for key in hot if not self._may(key, now)}
        return [key for key in keys if key not in held]

    def due(self, now: float) -> list[Key]:
        """Those whose time has come; they no longer wait."""
        due = [key for key, moment in self._held.items() if moment <= now]
        for key in due:
            del self._held[key]
            self._waited(key, now)
        return due

    def waiting(self) -> list[Key]:
        return list(self._held)

    def drain(self) -> None:
        """All of them were reported."""
        self._held.clear()
        self._again.clear()

    def next(self) -> float | None:
        """The moment something is due."""
        return min(self._held.values(), default=None)

    def _may(self, key: Key, now: float) -> bool:
        if key in self._held:
            self._again.add(key)
            return False
        _, moment = self._known.get(key, (0.0, 0.0))
        if moment <= now:
            self._known[key] = (self._least, now + self._least)
            return True
        self._held[key] = moment
        return False

    def _waited(self, key: Key, now: float) -> None:
        interval, _ = self._known.pop(key)
        if key in self._again:
            self._again.remove(key)
            interval = min(2 * interval, self._most)
        else:
            interval /= 2
        if interval >= self._least:
            self._known[key] = (interval, now + interval)
