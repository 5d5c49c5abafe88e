"""Take the place of what the plan saw, in one step, and of nothing else.

Law: what came to the name between the look and the replacement is put back and is drift. The two
names are exchanged, so whatever was there is still at hand to be looked at; it is removed only once
it is known. For that instant a reader sees the new file, never none.

Exchanging costs a look and an unlink more than renaming over the name: some 15 microseconds, of the
several hundred that a durable replacement takes. Where the file system cannot exchange (FAT before
Linux 6.0, some network file systems), and where nothing was made durable before (see `Fsync`), a
rename is all there is: what comes to the name between the look and the rename is lost.
"""

import errno
import os
from collections.abc import Callable

from mirrorfs.core.tree import Entry
from mirrorfs.trees import expect
from mirrorfs.trees.local import kernel
from mirrorfs.trees.local.read import look
from mirrorfs.trees.local.rename import rename_new

_UNABLE = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})


def replace(
    fd: int,
    temporary: str,
    name: str,
    found: Entry,
    *,
    durable: bool,
    left: Callable[[], None] = lambda: None,
) -> bool:
    """Give ``name``, which stood for ``found``, to what ``temporary`` stands for; False where
    something else had the name: it has it still. Both names are in the directory ``fd``.

    ``durable``: the new content is on the disk. It must be, to be exchanged: ext4 writes content
    out before a rename over a file, not before an exchange. ``left`` is called where the old one
    could not be removed: it has the temporary's name now. Raises OSError.
    """
    try:
        if not durable or not _exchange(fd, temporary, name):
            os.rename(temporary, name, src_dir_fd=fd, dst_dir_fd=fd)
            return True
    except FileNotFoundError:  # whoever had the name has let go of it
        return _take(fd, temporary, name)
    there = look(fd, temporary)
    if there is not None and not expect.same_version(there, found):
        try:
            kernel.exchange(fd, temporary, name)
        except FileNotFoundError:  # ours is gone from the name already
            _take(fd, temporary, name)
        return False
    try:
        os.unlink(temporary, dir_fd=fd)
    except OSError:
        left()  # the new one is in its place all the same
    return True


def _exchange(fd: int, temporary: str, name: str) -> bool:
    """Whether the file system can."""
    try:
        kernel.exchange(fd, temporary, name)
    except OSError as error:
        if error.errno in _UNABLE:
            return False
        raise
    return True


def _take(fd: int, temporary: str, name: str) -> bool:
    """Rename onto a free name; False if it is not free."""
    try:
        rename_new(fd, temporary, fd, name)
    except FileExistsError:
        return False
    return True
