"""What may go: whole segments, oldest first, and never the last one.

`retain` drops what every cursor has passed, `compact` folds what is left into less, and `trim`,
when that is still too much, drops what a cursor needs: that reader will get `CursorLost`, which is
the gap in so many words. One of them runs at a time (a lock on the directory); the writer and the
readers go on meanwhile.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, NamedTuple

from journal import codec, files, recovery, segment
from journal.codec import BROKEN, COMPACTED, HEADER_SIZE, Header
from journal.errors import (
    CursorLost,
    JournalCorrupt,
    JournalError,
    JournalUnwritable,
    RecordInvalid,
)
from journal.position import Position
from journal.scan import Walk
from journal.segment import Segment

Fold = Callable[[Sequence[Any]], Sequence[Any]]
_AT_ONCE = 50_000


class Retention(NamedTuple):
    """`size`: bytes in all segments but the last, and in evidence; `over`: more than the budget."""

    dropped: tuple[str, ...]
    size: int
    over: bool


class Compaction(NamedTuple):
    """Segments replaced, segments made, and what stood in the way of folding the others."""

    replaced: tuple[str, ...]
    created: tuple[str, ...]
    problems: tuple[str, ...]


def retain(
    directory: str | os.PathLike[str], keep_after: Position | None, budget: int
) -> Retention:
    """Drop the segments before the one that `keep_after`, the least of all cursors, is in.

    None, or a position that this journal does not know, drops nothing: ask for `over`, and
    decide. Raises `JournalLocked` (another retention runs), `JournalUnwritable`, `JournalUnsafe`.
    """
    with _alone(os.fspath(directory)) as fd:
        segments = segment.current(segment.every(fd))
        needed = 0
        if keep_after is not None:
            try:
                needed = segments.index(segment.locate(segments, keep_after))
            except CursorLost:
                needed = 0
        return _drop(fd, segments, needed, budget)


def trim(directory: str | os.PathLike[str], budget: int) -> Retention:
    """Drop the oldest segments, needed or not, until the rest is within the budget (bytes)."""
    with _alone(os.fspath(directory)) as fd:
        segments = segment.current(segment.every(fd))
        sizes = [_size(fd, each.name) for each in segments[:-1]]
        excess, count = sum(sizes) - budget, 0
        while excess > 0 and count < len(sizes):
            excess -= sizes[count]
            count += 1
        return _drop(fd, segments, count, budget)


def compact(
    directory: str | os.PathLike[str], fold: Fold, *, through: Position | None = None
) -> Compaction:
    """Replace each run of sealed segments of one epoch by one segment of folded records.

    `fold` gets records in order and returns fewer that say at least as much. It is applied piece
    by piece, to what it returned before followed by more, so fold(fold(a) + b) must say what
    fold(a + b) says. `through`: leave alone what holds records after it. A run is left alone, too,
    when it is damaged or folding makes it no smaller.

    Raises `RecordInvalid` for what the fold returned, and what `retain` raises.
    """
    path = os.fspath(directory)
    with _alone(path) as fd:
        segments = segment.current(segment.every(fd))
        sealed = segments[:-1]
        if through is not None:
            ends = [each.first - 1 for each in segments[1:]]
            sealed = [
                each for each, end in zip(sealed, ends, strict=True) if end <= through.sequence
            ]
        replaced: list[str] = []
        created: list[str] = []
        problems: list[str] = []
        for _, epoch in groupby(sealed, key=lambda each: each.epoch):
            for run in _unbroken(fd, list(epoch), path, problems):
                try:
                    following = segments[segments.index(run[-1]) + 1]
                    made = _fold(fd, run, following, path, fold)
                except (JournalCorrupt, FileNotFoundError) as error:
                    problems.append(str(error))
                    continue
                if made is not None:
                    created.append(made.name)
                    replaced += [each.name for each in run]
        _sweep(fd, path)
        return Compaction(tuple(replaced), tuple(created), tuple(problems))


@contextmanager
def _alone(path: str) -> Iterator[int]:
    try:
        with files.opened(path) as fd:
            files.lock(fd, lambda: f"the journal in {path} is being compacted by another process")
            _sweep(fd, path)
            yield fd
    except OSError as error:
        raise JournalUnwritable(path, error) from error


def _sweep(fd: int, path: str) -> None:
    """Remove what a compaction that was cut short left: superseded segments, half-made ones."""
    segments = segment.every(fd)
    standing = segment.current(segments)
    for each in set(segments) - set(standing):
        by = [new for new in standing if new.first <= each.first <= new.last]
        # A name alone may hide segments, but only what can be read in full may remove them.
        if by and _whole(fd, by[0], path):
            files.remove(fd, each.name)
    for name in os.listdir(fd):
        of = Segment.parse(name.removeprefix(files.NEW))
        if name.startswith(files.NEW) and of and of.last:
            files.remove(fd, name)


def _whole(fd: int, compacted: Segment, path: str) -> bool:
    try:
        with segment.reading(fd, compacted, path) as (source, header):
            walk = Walk(source, header, compacted.name)
            for frame in walk.frames():
                codec.unpack(frame.payload, frame.records)
            return walk.sequence == compacted.last
    except JournalError:
        return False


def _size(fd: int, name: str) -> int:
    return os.stat(name, dir_fd=fd, follow_symlinks=False).st_size


def _drop(fd: int, segments: list[Segment], count: int, budget: int) -> Retention:
    dropped = [each.name for each in segments[:count]]
    rest = segments[count:]
    stale = [
        name for of, _, name in recovery.evidence(fd) if count and rest and of.first < rest[0].first
    ]
    # Oldest first, so that what a crash leaves is a journal without its beginning.
    for name in (*dropped, *stale):
        files.remove(fd, name)
    if dropped:
        os.fsync(fd)
    kept = [each.name for each in rest[:-1]] + [name for *_, name in recovery.evidence(fd)]
    size = sum(_size(fd, name) for name in kept)
    return Retention((*dropped, *stale), size, size > budget)


def _unbroken(
    fd: int, run: list[Segment], path: str, problems: list[str]
) -> Iterator[list[Segment]]:
    """Parts of the run inside which nothing is missing: a break must stay visible."""
    part: list[Segment] = []
    for each in run:
        try:
            with segment.reading(fd, each, path) as (_, header):
                broken = header.broken
        except (JournalCorrupt, FileNotFoundError) as error:
            problems.append(str(error))
            if part:
                yield part
            part = []
            continue
        if broken and part:
            yield part
            part = []
        part.append(each)
    if part:
        yield part


def _fold(fd: int, run: list[Segment], following: Segment, path: str, fold: Fold) -> Segment | None:
    if len(run) == 1 and run[0].last:
        return None
    folded: list[Any] = []
    pending: list[Any] = []
    first: Header | None = None
    walk: Walk | None = None
    for each in run:
        with segment.reading(fd, each, path) as (source, header):
            if walk is not None and (bad := walk.continued_by(header)) is not None:
                raise JournalCorrupt(walk.path, walk.offset, bad)
            first = first or header
            walk = Walk(source, header, os.path.join(path, each.name))
            for frame in walk.frames():
                try:
                    pending += codec.unpack(frame.payload, frame.records)
                except RecordInvalid as error:
                    raise JournalCorrupt(walk.path, walk.offset, str(error)) from error
                if len(pending) >= _AT_ONCE:
                    folded, pending = list(fold(folded + pending)), []
    assert first is not None
    assert walk is not None
    with segment.reading(fd, following, path) as (_, header):
        if not header.broken and (bad := walk.continued_by(header)) is not None:
            raise JournalCorrupt(walk.path, walk.offset, bad)
    if walk.sequence < first.first:
        return None
    header = Header(
        first.journal,
        first.epoch,
        first.boot,
        first.first,
        walk.sequence,
        first.previous,
        walk.header.closing if walk.header.compacted else walk.previous,
        COMPACTED | first.flags & BROKEN,
    )
    frames = _frames(header, list(fold(folded + pending)))
    if HEADER_SIZE + sum(map(len, frames)) >= sum(_size(fd, each.name) for each in run):
        return None

    def fill(target: int) -> None:
        files.write_all(target, b"".join((codec.encode_header(header), *frames)), 0)

    made = segment.of(header)
    os.close(files.create(fd, made.name, fill))
    return made


def _frames(header: Header, records: list[Any]) -> list[bytes]:
    """All but the last frame leave the position before the range, the last one puts it behind."""
    parts = codec.pack(records) or [(codec.EMPTY, 0)]
    previous = seed = codec.seed(header)
    frames = []
    for number, (payload, count) in enumerate(parts, 1):
        frame, previous = codec.encode_frame(
            payload,
            count=count,
            sequence=header.last if number == len(parts) else header.first - 1,
            previous=previous,
            synced=0,
            seed=seed,
        )
        frames.append(frame)
    return frames
