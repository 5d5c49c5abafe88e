"""Records after a position, in order, from a journal that may be growing meanwhile.

A reader takes no lock and keeps no descriptor between calls. The last segment's end is "the end
for now", whether zeros or half a frame stand there; the end of any other segment must fit the
next one's header exactly, and what does not fit is `JournalCorrupt`, after everything that was
good has been delivered. Nothing is ever skipped without that.

RACE: between the end of a segment being seen and the directory being listed, the writer may have
appended and moved on. So an end counts only when it is seen again after the listing: by then a
segment with a successor no longer changes.
"""

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

from journal import codec, files, segment
from journal.codec import HEADER_SIZE, Frame, Header
from journal.errors import CursorLost, JournalCorrupt, RecordInvalid
from journal.position import Position
from journal.scan import NEAR, Walk
from journal.segment import Segment


class Batch(NamedTuple):
    """Records, and the position after them; arrays inside the records are tuples."""

    position: Position
    records: tuple[Any, ...]


class _Place(NamedTuple):
    """Where to look next: records up to `seen` are known. A frame that was reached: its end."""

    segment: Segment
    seen: int
    offset: int = HEADER_SIZE
    previous: int | None = None
    sequence: int | None = None


class Reader:
    """The journal in `directory`, which need not exist yet.

    To wait for more, watch the directory with inotify: an append is IN_MODIFY, a new segment
    IN_MOVED_TO. Inside the writer's process, `Writer(on_append=...)` tells at once.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = os.fspath(directory)
        self._latest: _Place | None = None
        self._examined: Segment | None = None

    def read(self, after: Position | None = None) -> Iterator[Batch]:
        """Batches after the position (`None`: all that is kept), up to the end for now.

        A batch is at most a frame. From a compacted range the records are folded ones, at least
        those after the position, and a batch may advance the position with no record in it.

        Raises `CursorLost` at once; `JournalCorrupt`, while iterating, after what was good;
        `CursorLost("trimmed")` while iterating, if retention overtakes; `JournalVersion`,
        `JournalUnsafe` and `JournalUnreadable`.
        """
        place = self._start(after)
        return iter(()) if place is None else self._batches(place)

    def tail_position(self) -> Position | None:
        """After the last record, for the price of one segment; None in an empty journal."""
        try:
            with files.reading(self.directory), files.opened(self.directory) as directory:
                while segments := segment.current(segment.every(directory)):
                    try:
                        return self._tail(directory, segments[-1])
                    except FileNotFoundError:
                        continue
        except FileNotFoundError:
            pass
        return None

    def _tail(self, directory: int, last: Segment) -> Position:
        with segment.reading(directory, last, self.directory) as (fd, header):
            latest = self._latest
            known = latest if latest and latest.segment == last else _Place(last, last.first - 1)
            walk = self._walk(known, fd, header)
            for _ in walk.frames():
                pass
            return Position(last.epoch, walk.sequence)

    def _walk(self, place: _Place, fd: int, header: Header) -> Walk:
        path = os.path.join(self.directory, place.segment.name)
        if place.previous is None:
            return Walk(fd, header, path)
        return Walk(
            fd,
            header,
            path,
            offset=place.offset,
            previous=place.previous,
            sequence=place.sequence,
        )

    def _start(self, after: Position | None) -> _Place | None:
        try:
            with files.reading(self.directory), files.opened(self.directory) as directory:
                if after is not None:
                    return self._find(directory, after)
                segments = segment.current(segment.every(directory))
                return _Place(segments[0], segments[0].first - 1) if segments else None
        except FileNotFoundError:
            if after is not None:
                raise CursorLost("foreign", f"no journal in {self.directory}") from None
            return None

    def _find(self, directory: int, after: Position) -> _Place:
        """The place behind which the position's next record is, or `CursorLost`."""
        while True:
            segments = segment.current(segment.every(directory))
            found = segment.locate(segments, after)
            latest = self._latest
            if latest and latest.segment == found and latest.seen == after.sequence:
                return latest
            if found.last and after.sequence <= found.last:
                return _Place(found, after.sequence)
            try:
                with segment.reading(directory, found, self.directory) as (fd, header):
                    path = os.path.join(self.directory, found.name)
                    return self._within(Walk(fd, header, path), after)
            except FileNotFoundError:
                continue

    def _within(self, walk: Walk, after: Position) -> _Place:
        of = segment.of(walk.header)
        place = _Place(of, after.sequence)
        if walk.sequence < after.sequence:
            for frame in walk.frames():
                if frame.sequence <= after.sequence:
                    place = _Place(of, after.sequence, walk.offset, walk.previous, walk.sequence)
                if frame.sequence >= after.sequence:
                    break
        if walk.sequence >= after.sequence:
            return place
        if walk.ending(files.boot()).state == "corrupt":
            raise JournalCorrupt(walk.path, walk.offset, walk.reason)
        raise CursorLost("future", f"epoch {of.epoch} ends before record {after.sequence}")

    def _batches(self, place: _Place) -> Iterator[Batch]:
        following: _Place | None = place
        with files.reading(self.directory), files.opened(self.directory) as directory:
            while following is not None:
                following = yield from self._segment(directory, following)

    def _segment(self, directory: int, place: _Place) -> Generator[Batch, None, _Place | None]:
        """Deliver one segment; return where to go on, or None at the end for now."""
        here, seen = place.segment, place.seen
        with ExitStack() as stack:
            try:
                reading = segment.reading(directory, here, self.directory)
                fd, header = stack.enter_context(reading)
            except FileNotFoundError:
                return self._find(directory, Position(here.epoch, seen))
            walk = self._walk(place, fd, header)
            settled = False
            while True:
                for frame in walk.frames():
                    settled = False
                    records = self._records(walk, frame, seen)
                    if records is None:
                        continue
                    seen = max(seen, frame.sequence)
                    if not here.last:
                        self._latest = _Place(here, seen, walk.offset, walk.previous, seen)
                    yield Batch(Position(here.epoch, seen), records)
                segments = segment.current(segment.every(directory))
                if here not in segments:
                    return self._find(directory, Position(here.epoch, seen))
                last = segments[-1] == here
                if last and not self._damaged(walk, here):
                    return None
                if settled:
                    break
                settled = True
            if last:
                raise JournalCorrupt(walk.path, walk.offset, walk.reason)
            following = segments[segments.index(here) + 1]
            try:
                self._cross(directory, walk, following)
            except FileNotFoundError:
                return self._find(directory, Position(here.epoch, seen))
            return _Place(following, following.first - 1)

    def _damaged(self, walk: Walk, here: Segment) -> bool:
        # Waking up for every append must be cheap, so all of the space that is set aside is
        # looked at once. Damage farther off than that shows when the segment is left.
        reach = NEAR if self._examined == here else codec.MAX_SEGMENT
        damaged = walk.ending(files.boot(), reach).state == "corrupt"
        self._examined = None if damaged else here
        return damaged

    def _records(self, walk: Walk, frame: Frame, seen: int) -> tuple[Any, ...] | None:
        """What the frame adds to what was seen: all, a part, or None when there is nothing."""
        last = walk.header.last
        if seen >= (last or frame.sequence):
            return None
        try:
            records = codec.unpack(frame.payload, frame.records)
        except RecordInvalid as error:
            raise JournalCorrupt(walk.path, walk.offset - frame.size, str(error)) from error
        known = 0 if last else seen - (frame.sequence - frame.records)
        return records[known:] if known > 0 else records

    def _cross(self, directory: int, walk: Walk, following: Segment) -> None:
        with segment.reading(directory, following, self.directory) as (_, header):
            if header.broken:
                path = os.path.join(self.directory, following.name)
                raise JournalCorrupt(path, 0, "what came before it was damaged")
            if (bad := walk.continued_by(header)) is not None:
                raise JournalCorrupt(walk.path, walk.offset, bad)
