"""An open file of the source: never a fifo that blocks, never a symlink.

Law: what is read and what is said about it come from one descriptor.
"""

import os
import stat

from mirrorfs.core.tree import Entry, Failure, TreeError, Trouble, split
from mirrorfs.trees.base import Content
from mirrorfs.trees.local.attributes import read_xattrs
from mirrorfs.trees.local.handles import Handles
from mirrorfs.trees.local.read import entry_of
from mirrorfs.trees.local.trouble import failure, unsafe

# O_NONBLOCK: opening a fifo that was put in a file's place returns at once.
_FOLLOW = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
READ = _FOLLOW | os.O_NOFOLLOW


class LocalContent(Content):
    """See `mirrorfs.trees.base.Content`."""

    __slots__ = ("_fd", "_first", "_offset", "_path", "_size", "_xattrs", "sparse")

    def __init__(self, path: str, descriptor: int, first: os.stat_result, xattrs: bool) -> None:
        self._path = path
        self._fd = descriptor
        self._first: os.stat_result | None = first
        self._xattrs = xattrs
        # Holes or not: fewer blocks than bytes is the hint that costs nothing.
        self.sparse = first.st_blocks * 512 < first.st_size
        self._size = first.st_size
        self._offset = 0

    def stat(self) -> Entry:
        try:
            # The stat that showed a regular file serves as the first look.
            st, self._first = self._first or os.fstat(self._fd), None
            return entry_of(st, "", read_xattrs(self._fd) if self._xattrs else None)
        except OSError as error:
            raise TreeError(failure(self._path, error, "look at the file")) from None

    def changed_since(self, before: Entry) -> bool:
        try:
            st = os.fstat(self._fd)
        except OSError as error:
            raise TreeError(failure(self._path, error, "look at the file")) from None
        return (st.st_mtime_ns, st.st_ctime_ns, st.st_size, st.st_ino) != (
            before.mtime_ns,
            before.ctime_ns,
            before.size,
            before.inode,
        )

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
        os.close(self._fd)


def open_content(handles: Handles, path: str, *, follow: bool, xattrs: bool) -> LocalContent:
    """Open a regular file for reading. Raises TreeError; UNSTABLE when it is none any more."""
    directory, name = split(path)
    if name in ("", ".", "..") or path[0] == "/":
        raise unsafe(path)
    above = handles.take(directory)
    try:
        fd = os.open(name, _FOLLOW if follow else READ, dir_fd=above.fd)
    except (OSError, ValueError) as error:
        raise TreeError(failure(path, error, "open the file")) from None
    finally:
        handles.release(above)
    try:
        st = os.fstat(fd)
        if not stat.S_ISREG(st.st_mode):
            raise TreeError(Failure(path, Trouble.UNSTABLE, "not a regular file any more"))
    except BaseException:
        os.close(fd)
        raise
    return LocalContent(path, fd, st, xattrs)
