"""Write into a file that keeps its name, inode and other names (--inplace).

Law: readers may see a file that is half written, and a kill leaves one; only for those who asked
for it. One that could not be finished is removed, so that it never passes for complete (rclone).
"""

import errno
import os

from mirrorfs.core.tree import Entry

_WRITE = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def empty(fd: int, name: str, found: Entry | None, mode: int) -> int:
    """A descriptor of the file at ``name``, emptied; of a new one if ``found`` is None.

    Raises OSError; EEXIST where something else than ``found`` is there now.
    """
    if found is None:
        return os.open(name, _WRITE | os.O_CREAT | os.O_TRUNC, mode, dir_fd=fd)
    target = os.open(name, _WRITE, dir_fd=fd)
    try:
        if os.fstat(target).st_ino != found.inode:
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
        os.ftruncate(target, 0)
    except BaseException:
        os.close(target)
        raise
    return target


def remove(fd: int, name: str) -> None:
    """What could not be finished."""
    try:
        os.unlink(name, dir_fd=fd)
    except OSError:
        pass  # its time is that of the attempt, so the next run sees the difference
