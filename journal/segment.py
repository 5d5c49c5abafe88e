"""A segment is a file whose name says which records it holds, so none is opened to find one.

    <first sequence, 16 hex digits>-<epoch, 32 hex digits>.segment
    <first>-<epoch>-<last sequence, 16 hex digits>.segment         a compacted range

A compacted segment supersedes every segment that begins inside its range. That rule, applied to
the names alone, makes publishing it one rename: what it replaces may go later, or after a crash.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from journal import codec, files
from journal.codec import Header
from journal.errors import CursorLost, JournalCorrupt, JournalVersion
from journal.position import Position

_NAME = re.compile(r"([0-9a-f]{16})-([0-9a-f]{32})(?:-([0-9a-f]{16}))?\.segment", re.ASCII)


class Segment(NamedTuple):
    """A name, taken apart. `last` is 0 unless the segment is compacted."""

    first: int
    epoch: str
    last: int = 0

    @property
    def name(self) -> str:
        last = f"-{self.last:016x}" if self.last else ""
        return f"{self.first:016x}-{self.epoch}{last}.segment"

    @classmethod
    def parse(cls, name: str) -> "Segment | None":
        if (match := _NAME.fullmatch(name)) is None:
            return None
        return cls(int(match[1], 16), match[2], int(match[3] or "0", 16))


def every(directory: int) -> list[Segment]:
    """All segments, the superseded too: by first number, the widest range first."""
    found = (Segment.parse(name) for name in os.listdir(directory))
    return sorted(filter(None, found), key=lambda each: (each.first, -each.last, each.epoch))


def current(segments: list[Segment]) -> list[Segment]:
    """`every` without what a compacted segment supersedes: what a reader goes through."""
    kept: list[Segment] = []
    covered = 0
    for each in segments:
        if each.first > covered:
            kept.append(each)
            covered = each.last
    return kept


def locate(segments: list[Segment], position: Position) -> Segment:
    """The segment in which reading after `position` begins, by name alone, or `CursorLost`."""
    known = [each for each in segments if each.epoch == position.epoch]
    reached = [each for each in known if each.first <= position.sequence + 1]
    if reached:
        return reached[-1]
    if known or (segments and position.sequence < segments[0].first - 1):
        raise CursorLost("trimmed", f"record {position.sequence + 1} is no longer kept")
    raise CursorLost("foreign", f"no epoch {position.epoch} in this journal")


@contextmanager
def reading(directory: int, segment: Segment, path: str) -> Iterator[tuple[int, Header]]:
    """The open segment and its header.

    Raises `JournalCorrupt` (at offset 0) when the header is damaged or is not the name's,
    `JournalVersion`, `JournalUnsafe`, or `FileNotFoundError` when retention was faster.
    """
    fd = files.open_file(directory, segment.name)
    try:
        yield fd, header_of(fd, segment, path)
    finally:
        os.close(fd)


def header_of(fd: int, segment: Segment, path: str) -> Header:
    where = os.path.join(path, segment.name)
    try:
        header = codec.decode_header(os.pread(fd, codec.HEADER_SIZE, 0))
    except OSError as error:
        raise JournalCorrupt(where, 0, f"cannot be read: {error.strerror}") from error
    if isinstance(header, codec.Unsupported):
        raise JournalVersion(f"{where} has format {header.version}; this release reads 1")
    if isinstance(header, codec.Bad):
        raise JournalCorrupt(where, 0, header.reason)
    if Segment(header.first, header.epoch.hex(), header.last) != segment:
        raise JournalCorrupt(where, 0, "the header is another segment's")
    if header.compacted != bool(header.last):
        raise JournalCorrupt(where, 0, "the header contradicts itself")
    return header


def create(directory: int, header: Header, size: int) -> int:
    """A new segment with `size` bytes set aside, on the disk before its name is. Raises OSError."""

    def fill(fd: int) -> None:
        # Space that is set aside makes an append a pure data write, which fdatasync(2) flushes
        # without touching the file's size.
        os.posix_fallocate(fd, 0, size)
        files.write_all(fd, codec.encode_header(header), 0)

    return files.create(directory, of(header).name, fill)


def of(header: Header) -> Segment:
    return Segment(header.first, header.epoch.hex(), header.last)
