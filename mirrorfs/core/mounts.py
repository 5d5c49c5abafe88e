"""File systems mounted inside the source: of one that is gone, what it held is unknown.

Law: an empty mount point is no deletion. What was mirrored from a file system is touched only
while that very file system is mounted in that place, or when it shows in another place of the
source, or when the user says that it is gone for good.

A file system that is new in its place is mirrored at once. It is remembered before anything of it
is copied, so that no kill in between makes its absence look like a deletion.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from mirrorfs.core.tree import Failure, Identity, Trouble, is_within

# What these hold ends with the mount: mounted anew they are what they were, and empty.
FLEETING = frozenset(
    {"tmpfs", "ramfs", "devtmpfs", "proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2"}
)


class Mounted(NamedTuple):
    """What is mounted in a place; ``instance`` tells one mount from the next of the same."""

    identity: Identity
    instance: int


class Mounts:
    """Which file systems were mirrored, by their place in the source; ``changed``: not as it was
    when this was last set to False."""

    def __init__(self, known: Iterable[tuple[str, Identity]] = ()) -> None:
        self.known = dict(known)
        self.changed = False
        self._before: dict[str, Mounted] = {}

    def forget(self) -> None:
        """The source is right as it is now."""
        self.changed = bool(self.known)
        self.known.clear()

    def look(
        self, now: Mapping[str, Mounted], takes: Callable[[str], bool], *, learns: bool
    ) -> dict[str, Failure]:
        """The places of which nothing is known, and why. ``takes``: whether a place is mirrored;
        ``learns``: what is mounted there for the first time is remembered from now on."""
        fresh = {path: found for path, found in now.items() if path not in self.known}
        for path in [path for path in self.known if self._went(path, now, fresh)]:
            del self.known[path]
            self.changed = True
        for path, found in fresh.items():
            if learns and takes(path):
                self.known[path] = _kept(found.identity)
                self.changed = True
        self._before = dict(now)
        unknown = {}
        for path, identity in self.known.items():
            there = now.get(path)
            if (there is None or _kept(there.identity) != identity) and takes(path):
                unknown[path] = Failure(path, Trouble.STALE, _why(identity, there))
        return unknown

    def _went(self, path: str, now: Mapping[str, Mounted], fresh: Mapping[str, Mounted]) -> bool:
        """Whether what was mounted here is in another place now: a directory above was renamed, or
        it was mounted there."""
        if path in now:
            return False
        identity, before = self.known[path], self._before.get(path)
        for found in fresh.values():
            same = before is not None and before.instance == found.instance
            if same or (identity.kind not in FLEETING and _kept(found.identity) == identity):
                return True
        return False


def shaken(before: Mapping[str, Mounted], now: Mapping[str, Mounted]) -> list[str]:
    """The places where something was mounted or unmounted between two looks."""
    return [path for path in before.keys() | now.keys() if before.get(path) != now.get(path)]


def concerns(path: str, places: Iterable[str]) -> bool:
    """Whether a path lies in one of the places, or one of them in it."""
    return any(is_within(path, place) or is_within(place, path) for place in places)


def _kept(identity: Identity) -> Identity:
    if identity.kind in FLEETING:
        return Identity("", identity.kind, 0, 0)
    return identity


def _why(identity: Identity, there: Mounted | None) -> str:
    what = "is not mounted any more" if there is None else "was replaced by another file system"
    return (
        f"the {identity.kind} file system that was mirrored from here {what}; nothing below is "
        "touched until it is back, or --adopt says that it is gone for good"
    )
