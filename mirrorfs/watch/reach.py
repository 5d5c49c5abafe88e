"""Open a directory by its path below the root, however long that is.

Law: no symlink is followed below the root.
"""

import os

from mirrorfs.core.tree import join

OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LONGEST = 4000  # below PATH_MAX, with room for the root's own path


def descend(root: str, path: str) -> int:
    """The descriptor. Raises OSError."""
    fd = -1
    try:
        while len(path) * 4 > _LONGEST:  # a character is at most four bytes
            cut = path.rfind("/", 0, _LONGEST // 4)
            if cut < 0:
                break
            above, path = path[:cut], path[cut + 1 :]
            fd, previous = _step(root, above, fd), fd
            if previous >= 0:
                os.close(previous)
        return _step(root, path, fd)
    finally:
        if fd >= 0:
            os.close(fd)


def _step(root: str, path: str, fd: int) -> int:
    if fd >= 0:
        return os.open(path, OPEN, dir_fd=fd)
    if not path:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return os.open(join(root, path) if root != "/" else f"/{path}", OPEN)
