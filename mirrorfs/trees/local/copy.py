"""Move a file's bytes from an open content to a descriptor, the cheapest way the two allow.

Law: a hole stays a hole and data stays data. Small: one read, one write. Else a reflink; else the
segments that hold data, by copy_file_range, which turns holes into data on ext4 and so must never
see one; else by reading and writing.
"""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from mirrorfs.core.tree import Entry
from mirrorfs.trees.base import CHUNK, Content, Meter
from mirrorfs.trees.local.kernel import FICLONE

SMALL = 256 << 10  # up to here one read and one write beat every other way

_UNABLE = frozenset(
    {errno.EXDEV, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTTY, errno.EINVAL, errno.EBADF}
)


class Copied(NamedTuple):
    """``whole``: as many bytes as the first look had shown. ``at_once``: all of them in one step,
    so as they were at one moment whoever writes to the file."""

    moved: int
    whole: bool = True
    at_once: bool = False


class Unreadable(OSError):
    """It is the source that could not be read."""


class Copying:
    """Remembers what does not work between a source's file system and this destination's.
    ``durable``: a power cut must not leave a file that only looks complete."""

    def __init__(self, *, durable: bool = True) -> None:
        self._durable = durable
        self._no_clone: set[int] = set()
        self._no_range: set[int] = set()

    def copy(
        self,
        content: Content,
        before: Entry,
        target: int,
        meter: Meter,
        reserve: Callable[[int], None] = lambda size: None,
    ) -> Copied:
        """``reserve`` is told how many bytes are about to be taken from the destination's free
        space. Raises OSError, TreeError, and whatever ``meter`` and ``reserve`` raise."""
        size = before.size
        if not size:
            return Copied(0)
        meter.begins()
        if size <= SMALL and not content.sparse and size <= meter.piece():
            # One byte more than there should be: the end shows without another read.
            reserve(size)
            data = content.read(size + 1)
            write(target, data)
            meter.moved(len(data))
            return Copied(len(data), len(data) == size)
        source = content.descriptor()
        if source is None:
            reserve(size)
            moved = _read_and_write(content, target, meter)
            return Copied(moved, moved == size)
        device = before.device
        if device not in self._no_clone and self._clone(source, target, device):
            meter.moved(size)
            return Copied(size, at_once=True)
        reserve(min(size, os.fstat(source).st_blocks * 512))
        moved = end = 0
        whole = True
        # Also of a file that is not sparse: what was only allocated reads as a hole.
        for start, end in segments(source, size):
            there = self._copy_range(source, target, start, end, device, meter)
            moved += there
            whole &= there == end - start
        if end < size:
            # ext4 may have the size on the disk long before the data. After a power cut such a file
            # would have the right size and time and hold zeros, and nobody would look at it again.
            if end and self._durable:
                os.fdatasync(target)
            os.ftruncate(target, size)
        return Copied(moved, whole)

    def _clone(self, source: int, target: int, device: int) -> bool:
        try:
            fcntl.ioctl(target, FICLONE, source)
        except OSError as error:
            if error.errno not in _UNABLE:
                raise
            if error.errno != errno.EINVAL:  # EINVAL: this file only (btrfs, no copy on write)
                self._no_clone.add(device)
            return False
        return True

    def _copy_range(
        self, source: int, target: int, start: int, end: int, device: int, meter: Meter
    ) -> int:
        at = start
        unable = device in self._no_range
        while at < end:
            if unable:
                data = _read(source, min(CHUNK, meter.piece(), end - at), at)
                write(target, data, at)
                moved = len(data)
            else:
                try:
                    moved = os.copy_file_range(source, target, min(meter.piece(), end - at), at, at)
                except OSError as error:
                    if error.errno in _UNABLE:
                        self._no_range.add(device)
                    elif error.errno != errno.EIO:  # of which of the two: reading will tell
                        raise
                    unable = True
                    continue
            if not moved:
                if unable:
                    break  # it shrank
                unable = True  # or a file system that cannot, and does not say so
                continue
            at += moved
            meter.moved(moved)
        return at - start


def segments(source: int, size: int) -> Iterator[tuple[int, int]]:
    """(start, end) of what holds data below ``size``."""
    end = 0
    while end < size:
        try:
            start = os.lseek(source, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole is left
                return
            if error.errno == errno.EINVAL:  # a file system that knows no holes
                yield end, size
                return
            raise
        end = min(os.lseek(source, start, os.SEEK_HOLE), size)
        if start < end:
            yield start, end


def _read(source: int, size: int, at: int) -> bytes:
    try:
        return os.pread(source, size, at)
    except OSError as error:
        raise Unreadable(error.errno, error.strerror) from None


def write(target: int, data: bytes, at: int | None = None) -> None:
    """All of ``data``, at the descriptor's offset or at ``at``."""
    written = os.write(target, data) if at is None else os.pwrite(target, data, at)
    while written < len(data):
        rest = memoryview(data)[written:]
        written += os.write(target, rest) if at is None else os.pwrite(target, rest, at + written)


def _read_and_write(content: Content, target: int, meter: Meter) -> int:
    moved = 0
    step = min(CHUNK, meter.piece())
    while data := content.read(step):
        write(target, data)
        moved += len(data)
        meter.moved(len(data))
        if len(data) < step:
            break
        step = min(CHUNK, meter.piece())
    return moved
