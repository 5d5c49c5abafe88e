"""A history from its newest line back, and the lines that come.

Law: no more of it is read than is asked for; what cannot be read is passed over. Reading needs no
lock: a line that is being written is not there yet, a segment that is let go of is over.
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

from mirrorfs.core.tree import is_within
from mirrorfs.history import record
from mirrorfs.history.keep import NAME
from mirrorfs.history.record import Record
from mirrorfs.history.ring import segments


class Wanted(NamedTuple):
    """Which records: from ``since`` to ``until`` (wall clock, nanoseconds; ``None``: no limit), and
    those of ``path`` and what lies below it, under its old name, too. ``None``: all, and what
    befell the whole mirror."""

    since: int | None = None
    until: int | None = None
    path: str | None = None

    def takes(self, found: Record) -> bool:
        """Whether it is one of them, whenever it was."""
        if self.path is None:
            return True
        if found.verb in record.EVENTS:
            return False
        return is_within(found.path, self.path) or (
            bool(found.origin) and is_within(found.origin, self.path)
        )

    def when(self, moment: int) -> bool:
        return (self.since is None or moment >= self.since) and (
            self.until is None or moment <= self.until
        )


def newest_first(place: str, wanted: Wanted) -> Iterator[Record]:
    """The wanted records of the mirror whose state is in ``place``."""
    directory = os.path.join(place, NAME)
    for name in reversed(segments(directory)):
        # The clock may have been set back between two segments, so older ones are looked into.
        for line in reversed(_read(os.path.join(directory, name)).splitlines()):
            at = record.moment(line)
            if at is None or not wanted.when(at):
                if at is not None and wanted.since is not None and at < wanted.since:
                    break
                continue
            yield from filter(wanted.takes, record.records(line))


def follow(place: str, wanted: Wanted) -> Iterator[list[Record]]:
    """Each time it is asked: the wanted records written since, the oldest first. Those that are
    there at the first time are passed over."""
    directory = os.path.join(place, NAME)
    names = segments(directory)
    current = names[-1] if names else ""
    position = len(_read(os.path.join(directory, current))) if current else 0
    yield []
    while True:
        found: list[Record] = []
        for name in segments(directory):
            if name < current:
                continue
            if name > current:
                current, position = name, 0
            data = _read(os.path.join(directory, name), position)
            position += len(data)
            for line in data.splitlines():
                at = record.moment(line)
                if at is not None and wanted.when(at):
                    found += filter(wanted.takes, reversed([*record.records(line)]))
        yield found


def _read(path: str, position: int = 0) -> bytes:
    """The whole lines of a segment from a position on."""
    try:
        with open(path, "rb") as segment:
            segment.seek(position)
            data = segment.read()
    except OSError:
        return b""
    return data[: data.rfind(b"\n") + 1]
