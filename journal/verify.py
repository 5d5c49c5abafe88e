"""Read everything, decode everything, change nothing, and say what was found."""

import os
from collections.abc import Iterator
from typing import Literal, NamedTuple

from journal import codec, files, recovery, segment
from journal.errors import JournalError, RecordInvalid
from journal.position import Position
from journal.scan import End, Walk
from journal.segment import Segment


class Report(NamedTuple):
    """`end` is how the last segment ends; `problems` are whole sentences, worst or not.

    A torn end and kept evidence are notes, not problems: a crash makes the one, recovery the other.
    """

    segments: int = 0
    compacted: int = 0
    frames: int = 0
    records: int = 0
    size: int = 0
    first: Position | None = None
    last: Position | None = None
    end: End | Literal["empty"] = "empty"
    evidence: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        return not self.problems


def verify(directory: str | os.PathLike[str]) -> Report:
    """Check every segment, every frame, every record and every crossing between segments.

    May run beside a writer, whose unfinished append then shows as a torn end. Raises only
    `JournalUnsafe` for the directory itself; a directory that does not exist is an empty journal.
    """
    path = os.fspath(directory)
    try:
        with files.opened(path) as fd:
            check = _Check(fd, path)
            return check.run()
    except FileNotFoundError:
        return Report()


class _Check:
    def __init__(self, fd: int, path: str) -> None:
        self._fd = fd
        self._path = path
        self._problems: list[str] = []
        self._frames = self._records = self._size = 0
        self._before: Walk | None = None
        self._end: End | Literal["empty"] = "empty"

    def run(self) -> Report:
        segments = segment.current(segment.every(self._fd))
        for each in segments:
            try:
                self._segment(each, each == segments[-1])
            except FileNotFoundError:
                self._before = None
            except JournalError as error:
                self._end = "corrupt"
                self._problems.append(str(error))
                self._before = None
        last = self._before
        return Report(
            segments=len(segments),
            compacted=sum(bool(each.last) for each in segments),
            frames=self._frames,
            records=self._records,
            size=self._size,
            first=Position(segments[0].epoch, segments[0].first - 1) if segments else None,
            last=Position(segments[-1].epoch, last.sequence) if last else None,
            end=self._end,
            evidence=tuple(name for *_, name in recovery.evidence(self._fd)),
            problems=tuple(self._problems),
        )

    def _segment(self, each: Segment, last: bool) -> None:
        with segment.reading(self._fd, each, self._path) as (fd, header):
            self._size += os.fstat(fd).st_size
            before, where = self._before, os.path.join(self._path, each.name)
            if header.broken:
                self._problems.append(f"{where}: what came before it was damaged")
            elif before is not None and (bad := before.continued_by(header)) is not None:
                self._problems.append(f"{before.path}: at byte {before.offset}: {bad}")
            walk = Walk(fd, header, where)
            self._problems.extend(self._decode(walk))
            ending = walk.ending(files.boot())
            if last and ending.state == "corrupt":
                self._problems.append(f"{where}: at byte {walk.offset}: {ending.reason}")
            self._end, self._before = ending.state, walk

    def _decode(self, walk: Walk) -> Iterator[str]:
        for frame in walk.frames():
            self._frames += 1
            self._records += frame.records
            try:
                codec.unpack(frame.payload, frame.records)
            except RecordInvalid as error:
                yield f"{walk.path}: at byte {walk.offset - frame.size}: {error}"
