"""An open file of the source: never a fifo that blocks, never a symlink.

Law: what is read and what is said about it come from one descriptor. Equal looks before and after
reading prove that nobody wrote meanwhile: one that proves nothing (`mirrorfs.trees.local.tick`) is
made again, and a write that has begun before is waited for.
"""

import errno
import os
import stat
import time

from mirrorfs.core.tree import Entry, Failure, TreeError, Trouble, split
from mirrorfs.trees.base import Content
from mirrorfs.trees.local.attributes import read_xattrs
from mirrorfs.trees.local.entry import entry_of
from mirrorfs.trees.local.handles import Handles
from mirrorfs.trees.local.patience import patiently
from mirrorfs.trees.local.quiet import open_quietly
from mirrorfs.trees.local.tick import SECOND, coarse_now, unsettled
from mirrorfs.trees.local.trouble import failure, unsafe

# O_NONBLOCK: opening a fifo that was put in a file's place returns at once.
_FOLLOW = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
READ = _FOLLOW | os.O_NOFOLLOW

TRIFLE = SECOND // 1000  # nanoseconds: the clock has to tick before it is worth another look
YOUNG = 60 * SECOND  # whoever wrote before that is done, however slow the disk is
ROUNDS = 3  # as often the end of a short tick is waited for, and once that of a long one

_NO_DATA = frozenset({errno.ENXIO, errno.EINVAL})  # empty, or a hole; or nobody can tell


class LocalContent(Content):
    """See `mirrorfs.trees.base.Content`."""

    __slots__ = (
        "_fd",
        "_first",
        "_looked",
        "_offset",
        "_path",
        "_settled",
        "_size",
        "_xattrs",
        "sparse",
    )

    def __init__(
        self, path: str, descriptor: int, first: os.stat_result, xattrs: bool, looked: int
    ) -> None:
        """``looked``: `coarse_now` from before ``first``."""
        self._path = path
        self._fd = descriptor
        self._first: os.stat_result | None = first
        self._looked = looked
        self._settled = True
        self._xattrs = xattrs
        # Holes or not: fewer blocks than bytes is the hint that costs nothing.
        self.sparse = first.st_blocks * 512 < first.st_size
        self._size = first.st_size
        self._offset = 0

    def stat(self, grain_ns: int = 1) -> Entry:
        # The stat that showed a regular file serves as the first look.
        st, self._first = self._first or self._look(), None
        rounds = ROUNDS
        while (wait := self._unsettled(st, grain_ns)) and rounds:
            rounds -= 1 if wait < SECOND // 10 else rounds
            while wait:
                # The end of a tick is a moment, and no event.
                time.sleep(max(wait, TRIFLE) / SECOND)
                wait = self._unsettled(st, grain_ns, coarse_now())
            st = self._look()
        self._settled = not wait
        if self._looked - st.st_ctime_ns < YOUNG:
            self._await_writers()
        try:
            return entry_of(st, "", read_xattrs(self._fd) if self._xattrs else None)
        except OSError as error:
            raise TreeError(failure(self._path, error, "look at the file")) from None

    def changed_since(self, before: Entry) -> bool:
        if not self._settled:
            return True
        st = self._look()
        return (st.st_mtime_ns, st.st_ctime_ns, st.st_size, st.st_ino) != (
            before.mtime_ns,
            before.ctime_ns,
            before.size,
            before.inode,
        )

    def _look(self) -> os.stat_result:
        self._looked = coarse_now()
        try:
            return os.fstat(self._fd)
        except OSError as error:
            raise TreeError(failure(self._path, error, "look at the file")) from None

    def _await_writers(self) -> None:
        """RACE: a write sets the times when it begins, and readers may see half of it. To look for
        data takes the lock that it holds (ext4, btrfs, tmpfs and others; xfs takes it to read)."""
        try:
            if os.lseek(self._fd, 0, os.SEEK_DATA):
                os.lseek(self._fd, 0, os.SEEK_SET)
        except OSError as error:
            if error.errno not in _NO_DATA:
                raise TreeError(failure(self._path, error, "look at the file")) from None

    def _unsettled(self, st: os.stat_result, grain_ns: int, now: int = 0) -> int:
        """Nanoseconds until the look ``st`` proves something; ``now``: if made at that time."""
        now = now or self._looked
        wait = unsettled(st.st_ctime_ns, now)
        return max(wait, unsettled(st.st_mtime_ns, now, grain_ns)) if grain_ns > 1 else wait

    def read(self, size: int) -> bytes:
        try:
            data = os.read(self._fd, size)
            self._offset += len(data)
            # Network file systems may return less than there is. Up to where the end was, only: if
            # it has moved since, `changed_since` tells.
            while len(data) < size and self._offset < self._size:
                if not (more := os.read(self._fd, size - len(data))):
                    break
                self._offset += len(more)
                data += more
        except OSError as error:
            raise TreeError(failure(self._path, error, "read the file")) from None
        return data

    def descriptor(self) -> int:
        return self._fd

    def close(self) -> None:
        try:
            os.close(self._fd)
        except OSError:
            pass  # it was only read, and is closed all the same


def open_content(handles: Handles, path: str, *, follow: bool, xattrs: bool) -> LocalContent:
    """Open a regular file for reading. Raises TreeError; UNSTABLE when it is none any more."""
    directory, name = split(path)
    if name in ("", ".", "..") or path[0] == "/":
        raise unsafe(path)
    above = handles.take(directory)
    try:
        fd = patiently(open_quietly, name, _FOLLOW if follow else READ, above.fd)
    except (OSError, ValueError) as error:
        raise TreeError(failure(path, error, "open the file")) from None
    finally:
        handles.release(above)
    looked = coarse_now()
    try:
        st = os.fstat(fd)
        if not stat.S_ISREG(st.st_mode):
            raise TreeError(Failure(path, Trouble.UNSTABLE, "not a regular file any more"))
    except BaseException as error:
        os.close(fd)
        if isinstance(error, OSError):
            raise TreeError(failure(path, error, "look at the file")) from None
        raise
    return LocalContent(path, fd, st, xattrs, looked)
