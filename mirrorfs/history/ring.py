"""Segments of lines in a directory: appended to at the end, let go of at the beginning.

Law: all segments together are never larger than they may be, and a line is there as a whole or not
at all: what a kill or a full disk left half written is cut off before the next line comes. Within a
segment no line is older than the one before it; where the clock is set back a new one begins.
Nothing is flushed: a power cut may take the last seconds.

    DIRECTORY/0000000001.lines, 0000000002.lines, …
"""

import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from mirrorfs.errors import StateError
from mirrorfs.history import record
from mirrorfs.state import make

SEGMENTS = 8  # of which a history consists when it is full
_CROWD = 1000  # segments at most, should the clock be set back all the time
_NAME = r"(\d{10})\.lines"
_STEP = 1 << 16
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


def segments(directory: str) -> list[str]:
    """The names of the segments, the oldest first; none where there is no history."""
    try:
        return sorted(name for name in os.listdir(directory) if re.fullmatch(_NAME, name, re.ASCII))
    except OSError:
        return []


class Ring:
    """``size``: bytes at most; more than the longest line. Opened by the first line; one process at
    a time may append, from any thread."""

    def __init__(
        self, directory: str, size: int, *, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._directory = directory
        self._size = size
        self._clock = clock
        self._lock = threading.Lock()
        self._fd = -1
        self._number = self._length = self._last = self._lost = 0

    def close(self) -> None:
        with self._lock:
            self._let_go()

    def append(self, lines: Callable[[int], Sequence[bytes]]) -> None:
        """Add what ``lines`` makes of the moment. What cannot be written is counted, and said to be
        missing once something can be."""
        with self._lock:
            now = self._clock()
            if now >= self._last - 1_000_000_000:
                now = max(now, self._last)  # a clock that is being adjusted
            made = lines(now)
            if not made:
                return
            if self._lost:
                why = f"{self._lost} lines of the history could not be written"
                made = [record.line(now, record.MISSING, why), *made]
            try:
                self._write(now, made)
                self._lost = 0
            except (OSError, StateError):
                self._lost += len(made) - bool(self._lost)

    def _write(self, now: int, lines: Sequence[bytes]) -> None:
        if self._fd < 0:
            self._open()
        if self._length and now < self._last:
            self._rotate(0)
        limit = self._size // SEGMENTS
        for data in _pieces(lines, limit):
            if self._length and self._length + len(data) > limit:
                self._rotate(len(data))
            self._put(data)
        self._last = now

    def _put(self, data: bytes) -> None:
        try:
            written = os.write(self._fd, data)
            if written != len(data):
                raise OSError("the disk is full")
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._fd, self._length)
            self._let_go()  # the end is looked for anew
            raise
        self._length += written

    def _open(self) -> None:
        """The last segment, cut behind its last whole line. Raises OSError, StateError."""
        make(os.path.dirname(self._directory))
        with suppress(FileExistsError):
            os.mkdir(self._directory, 0o700)
        names = segments(self._directory)
        self._number = int(names[-1][:10]) if names else 1
        self._fd = self._enter()
        self._length = _whole(self._fd)
        os.ftruncate(self._fd, self._length)
        last = record.moment(_last_line(self._fd, self._length))
        self._last = last or 0
        self._forget(self._length)

    def _enter(self) -> int:
        name = f"{self._number:010}.lines"
        return os.open(os.path.join(self._directory, name), _FLAGS, 0o600)

    def _rotate(self, need: int) -> None:
        self._let_go()
        self._number += 1
        self._fd = self._enter()
        self._length = _whole(self._fd)
        self._forget(need)

    def _forget(self, need: int) -> None:
        """Remove the oldest, so that the present one has room to grow, and for what it needs."""
        room = self._size - max(self._size // SEGMENTS, need)
        for behind, name in enumerate(reversed(segments(self._directory)[:-1])):
            path = os.path.join(self._directory, name)
            with suppress(OSError):
                room -= os.stat(path).st_size
                if room < 0 or behind > _CROWD:
                    os.unlink(path)

    def _let_go(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1


def _pieces(lines: Sequence[bytes], most: int) -> Iterator[bytes]:
    """The lines, joined to pieces of at most so many bytes; a longer line is one of its own."""
    piece: list[bytes] = []
    size = 0
    for line in lines:
        if piece and size + len(line) > most:
            yield b"".join(piece)
            piece, size = [], 0
        piece.append(line)
        size += len(line)
    yield b"".join(piece)


def _whole(fd: int) -> int:
    """How many bytes of a file are whole lines."""
    end = os.fstat(fd).st_size
    while end:
        begin = max(0, end - _STEP)
        found = os.pread(fd, end - begin, begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0


def _last_line(fd: int, end: int) -> bytes:
    """The beginning of the last of the lines that end at ``end``."""
    stop = end - 1
    while stop > 0:
        begin = max(0, stop - _STEP)
        found = os.pread(fd, stop - begin, begin).rfind(b"\n")
        if found >= 0:
            return os.pread(fd, 64, begin + found + 1)
        stop = begin
    return os.pread(fd, 64, 0)
