"""Open for reading without leaving a trace: reading sets no access time, where that is permitted.

Law: what is read is what a plain open reads; the kernel grants the rest to a file's owner and to
root, and a file system that keeps access times otherwise ignores the wish.
"""

import errno
import os


def open_quietly(name: str, flags: int, directory: int | None = None) -> int:
    """A descriptor of ``name``, in a held directory if one is given. Raises OSError, ValueError."""
    try:
        return os.open(name, flags | os.O_NOATIME, dir_fd=directory)
    except PermissionError as error:
        if error.errno != errno.EPERM:
            raise
        return os.open(name, flags, dir_fd=directory)
