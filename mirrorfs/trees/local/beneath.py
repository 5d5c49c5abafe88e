"""A directory below a held one, any number of names away, in as few calls as the kernel allows.

Law: no symlink is followed and nothing above the held directory is reached, whoever renames what
meanwhile. openat2 (Linux 5.6) does it in one call; where it is missing or forbidden, one name after
the other is opened from the one before.

For who opens a directory now and then. Whoever walks a tree keeps the handles of what it passes
(`mirrorfs.trees.local.handles`): there one call instead of six saves some 50 microseconds for a
directory six names deep that shares none of them with another, and nothing where the one above is
at hand already, as it is nearly always.
"""

import errno
import os

from mirrorfs.trees.local import kernel
from mirrorfs.trees.local.handles import DIRECTORY

_FLAGS = DIRECTORY | os.O_NOFOLLOW
_LONGEST = 4095  # bytes of a path that the kernel takes, without its end
_UNABLE = frozenset({errno.ENOSYS, errno.EPERM})


def open_beneath(root: int, path: str) -> int:
    """A new descriptor of the directory; ``path`` is "" for the held one. Raises OSError; ELOOP or
    ENOTDIR where a part of the path is no directory, EXDEV or ELOOP where it leads outside."""
    here = os.open(".", DIRECTORY, dir_fd=root)
    try:
        for part in _parts(os.fsencode(path)):
            below = _open(here, part)
            os.close(here)
            here = below
    except BaseException:
        os.close(here)
        raise
    return here


def _parts(path: bytes) -> list[bytes]:
    """The path in pieces that are short enough."""
    parts = []
    while len(path) > _LONGEST:
        cut = path.rfind(b"/", 0, _LONGEST)
        if cut < 0:
            break
        parts.append(path[:cut])
        path = path[cut + 1 :]
    return [*parts, path] if path else parts


def _open(directory: int, path: bytes) -> int:
    try:
        return kernel.open_beneath(directory, path, _FLAGS)
    except OSError as error:
        if error.errno not in _UNABLE:
            raise
    return _walk(directory, path)


def _walk(directory: int, path: bytes) -> int:
    here = os.dup(directory)
    try:
        for name in path.split(b"/"):
            if name in (b"", b".", b".."):
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            below = os.open(name, _FLAGS, dir_fd=here)
            os.close(here)
            here = below
    except BaseException:
        os.close(here)
        raise
    return here
