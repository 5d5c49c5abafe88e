"""The free space that is to stay free (--min-free).

Law: nothing is begun that would leave less, as far as can be known before: what others write at the
same time is seen at the next look. A look costs a system call and is made once for a batch of
files, and again before anything is refused; in between, what was begun is counted.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mirrorfs.core.tree import Failure, TreeError, Trouble
from mirrorfs.core.values import NOTHING, Reserve, format_size


class Room:
    """Of one tree, which may lie on several file systems. For several threads."""

    def __init__(self, reserve: Reserve) -> None:
        self._reserve = reserve
        self._lock = threading.Lock()
        self._free: dict[int, int] = {}  # by device: what may be taken until the next look
        self._begun: dict[int, int] = {}  # by device: files on their way

    @property
    def limits(self) -> bool:
        return self._reserve != NOTHING

    def look(self) -> None:
        """Another batch begins: what is free may have changed."""
        if self.limits:
            with self._lock:
                self._free.clear()

    def check(self, fd: int, path: str, size: int) -> None:
        """Raises TreeError when there is no room for so much more in the directory ``fd``."""
        if self.limits and size > 0:
            self.take(fd, path, size)
            self.done(fd, size)

    def take(self, fd: int, path: str, size: int) -> None:
        """Count a file that is about to be written in the directory ``fd``. Raises TreeError when
        there is no room for it, OSError."""
        device = os.fstat(fd).st_dev
        with self._lock:
            if self._free.get(device, -1) < size:
                self._free[device] = self._look(fd, device)
            if self._free[device] < size:
                raise TreeError(self._refusal(path, size, self._free[device]))
            self._free[device] -= size
            self._begun[device] = self._begun.get(device, 0) + size

    @contextmanager
    def taken(self, fd: int, path: str, size: int) -> Iterator[None]:
        """The same for several files at once, for as long as they are being written."""
        if not (self.limits and size):
            yield
            return
        self.take(fd, path, size)
        try:
            yield
        finally:
            self.done(fd, size)

    def done(self, fd: int, size: int) -> None:
        """What was taken is written, or given up."""
        device = os.fstat(fd).st_dev
        with self._lock:
            self._begun[device] -= size

    def _look(self, fd: int, device: int) -> int:
        now = os.fstatvfs(fd)
        kept = self._reserve.of(now.f_blocks * now.f_frsize)
        # What is on its way may be written already: rather counted twice than not at all.
        return max(0, now.f_bavail * now.f_frsize - kept - self._begun.get(device, 0))

    def _refusal(self, path: str, size: int, free: int) -> Failure:
        return Failure(
            path,
            Trouble.FULL,
            f"it needs {format_size(size, 'B')}, and --min-free {self._reserve} leaves "
            f"{format_size(free, 'B')}",
        )
