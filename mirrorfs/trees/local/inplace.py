"""Write into a file that keeps its name, inode and other names (--inplace).

Law: readers may see a file that is half written, and a kill leaves one; only for those who asked
for it. One that could not be finished is removed, so that it never passes for complete (rclone).
What is written into, and what is removed, is the file that was looked at or made, and no other.
"""

import errno
import os

from mirrorfs.core.tree import Entry
from mirrorfs.trees.local.read import look

_WRITE = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def empty(fd: int, name: str, found: Entry | None, mode: int, most: int) -> int:
    """A descriptor of the file at ``name``, emptied; of a new one with ``mode`` if ``found`` is
    None. Who may not read what is to be written (``most`` of the rights) may not from now on.

    Raises OSError; EEXIST where something else than ``found`` is there now.
    """
    if found is None:
        return os.open(name, _WRITE | os.O_CREAT | os.O_EXCL, mode, dir_fd=fd)
    target = os.open(name, _WRITE, dir_fd=fd)
    try:
        st = os.fstat(target)
        if (st.st_dev, st.st_ino) != (found.device, found.inode):
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
        os.ftruncate(target, 0)
        if st.st_mode & 0o7777 & ~most:
            os.fchmod(target, st.st_mode & most)
    except BaseException:
        os.close(target)
        raise
    return target


def remove(fd: int, name: str, begun: Entry | None) -> None:
    """What could not be finished, if it was begun and still has its name."""
    try:
        there = look(fd, name)
        if begun and there and (there.device, there.inode) == (begun.device, begun.inode):
            os.unlink(name, dir_fd=fd)
    except OSError:
        pass  # its time is that of the attempt, so the next run sees the difference
