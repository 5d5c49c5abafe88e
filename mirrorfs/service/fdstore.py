"""Descriptors that outlive the process: systemd's file descriptor store.

Law: what is kept is named after what it serves, so that several sources in one process, and one
after another in the same unit, never get each other's. Where no manager keeps anything, nothing is
found and nothing is lost but the next start's time.

It needs `Type=notify` and `FileDescriptorStoreMax=` in the unit. The manager drops what it keeps
when the unit is stopped; not when it is restarted, and not when the process is killed.
"""

import fcntl
import os
from collections.abc import MutableMapping
from typing import Self

from mirrorfs.service.notify import listens, notify

_FIRST = 3  # SD_LISTEN_FDS_START


class FdStore:
    """The part of the store for one ``name`` (no colon, at most 200 bytes)."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stored: set[str] = set()
        self.claim = ""

    @classmethod
    def find(cls, name: str) -> "FdStore | None":
        """The store, if the manager of this process has one."""
        return cls(name) if listens() else None

    def take(self) -> dict[str, int]:
        """What an earlier process left under the name; once."""
        prefix = f"{self._name}."
        found = {}
        inherited = _inherited()
        for name in list(inherited):
            if name.startswith(prefix):
                found[name.removeprefix(prefix)] = inherited.pop(name)
        self._stored |= found.keys()
        return found

    def keep(self, descriptors: dict[str, int]) -> None:
        """Have these kept, in place of what was kept before."""
        for name in self._stored | descriptors.keys():
            notify("FDSTOREREMOVE=1", f"FDNAME={self._name}.{name}")
        for name, descriptor in descriptors.items():
            notify("FDSTORE=1", f"FDNAME={self._name}.{name}", descriptors=(descriptor,))
        self._stored = set(descriptors)


class Onward:
    """Keeps descriptors for the next one in this process as well, and for the next process where a
    manager keeps them. A `mirrorfs.watch.Keeper` for one place at a time."""

    def __init__(self) -> None:
        self.claim = ""
        self._store: FdStore | None = None
        self._place = ""
        self._kept: dict[str, int] = {}

    def of(self, place: str) -> Self:
        """For this state directory of a source."""
        if place != self._place:
            self._place, self._store = place, FdStore.find(os.path.basename(place))
            self.let_go()
        return self

    def take(self) -> dict[str, int]:
        """As often as there is one: what is continued is not given to `keep` again."""
        if not self._kept and self._store is not None:
            self._kept = self._store.take()
        return _copied(self._kept)

    def keep(self, descriptors: dict[str, int]) -> None:
        self.let_go()
        self._kept = _copied(descriptors)
        if self._store is not None:
            self._store.keep(descriptors)

    def let_go(self) -> None:
        """The next one in this process is to begin anew."""
        while self._kept:
            os.close(self._kept.popitem()[1])


def _copied(descriptors: dict[str, int]) -> dict[str, int]:
    return {
        name: fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FIRST)
        for name, descriptor in descriptors.items()
    }


_taken: dict[str, int] | None = None


def _inherited(environment: MutableMapping[str, str] = os.environ) -> dict[str, int]:
    """The descriptors this process was started with, by name; no child inherits them."""
    global _taken
    if _taken is None:
        _taken = {}
        pid, count = environment.pop("LISTEN_PID", ""), environment.pop("LISTEN_FDS", "")
        names = environment.pop("LISTEN_FDNAMES", "").split(":")
        if pid == str(os.getpid()) and count.isdigit():
            for number, name in zip(range(_FIRST, _FIRST + int(count)), names, strict=False):
                fcntl.fcntl(number, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
                if _taken.setdefault(name, number) != number:
                    os.close(number)
    return _taken
