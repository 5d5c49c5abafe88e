"""Names that change again and again are looked at less and less often.

Law: the first `FREE` reports of a name within `WINDOW` seconds pass at once; after that it waits.
If it changed again while it waited, it waits twice as long the next time, up to the cap, and half
as long if it did not, until it was left alone for as long as it would have waited. So whoever
writes on and on is looked at seldom, and whoever writes only what the mirror has taken up (a script
that waits for each file to arrive) is hardly delayed. What waits is looked at once, however much
happened.

Counted are the names of one window only, so that what came once costs nothing for long.
"""

from collections.abc import Mapping

Key = tuple[int, bytes]
"""(watch descriptor, name): stays right while a directory above is renamed."""

FREE = 10
WINDOW = 2.0


class Hot:
    """``least`` and ``most``: the seconds a hot name waits at first, and in the end."""

    def __init__(self, least: float, most: float) -> None:
        self._least = least
        self._most = most
        # Of this window: names that were reported, and how often those that were more than once.
        self._seen: dict[int, set[bytes]] = {}
        self._counts: dict[Key, int] = {}
        self._until = 0.0
        self._known: dict[Key, tuple[float, float]] = {}  # (interval, when it may be reported)
        self._held: dict[Key, float] = {}
        self._again: set[Key] = set()  # those of them that changed since

    def __len__(self) -> int:
        return len(self._held)

    def admit(self, wd: int, names: dict[bytes, None], now: float) -> dict[bytes, None]:
        """Those of a directory's names that are to be reported now."""
        if now >= self._until:
            self._until = now + WINDOW
            self._seen.clear()
            self._counts.clear()
            self._known = {
                key: known
                for key, known in self._known.items()
                if key in self._held or now < known[0] + known[1]
            }
        hot = self._count(wd, names)
        if self._known:
            hot |= set(common(wd, names, self._known))
        if not hot:
            return names
        held = {name for name in hot if not self._may((wd, name), now)}
        return {name: None for name in names if name not in held}

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

    def _count(self, wd: int, names: dict[bytes, None]) -> set[bytes]:
        """Those that were reported more than `FREE` times."""
        seen = self._seen.get(wd)
        if seen is None:
            self._seen[wd] = set(names)
            return set()
        again = seen.intersection(names)
        seen.update(names)
        counts, hot = self._counts, set()
        for name in again:
            counts[wd, name] = count = counts.get((wd, name), 1) + 1
            if count > FREE:
                hot.add(name)
        return hot

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


def common(wd: int, names: dict[bytes, None], keys: Mapping[Key, object]) -> list[bytes]:
    """The names of a directory that are among the keys, found by way of the fewer of the two."""
    if len(keys) < len(names):
        return [name for at, name in keys if at == wd and name in names]
    return [name for name in names if (wd, name) in keys]
