"""Directories without directories, told by their links instead of by a listing.

Law: on the file systems of `COUNTING` a directory with two links (its name and its own ``.``) holds
no directory. Nothing is concluded elsewhere, nor from a count that was read before the directory
was watched.

Most directories are leaves, and listing them would be half of what watching them costs.
"""

import os

from mirrorfs.trees.local.identity import file_system

COUNTING = frozenset({"ext2", "ext3", "ext4", "f2fs", "tmpfs", "xfs"})


class Leaves:
    """Which devices count the directories in a directory."""

    def __init__(self) -> None:
        self._counting: dict[int, bool] = {}

    def has(self, fd: int, device: int) -> bool:
        """Whether an open directory is a leaf; ``device`` is that of the directory above."""
        found = os.fstat(fd)
        here = found.st_dev
        if here != device:
            self._counting.pop(here, None)  # mounted anew: the kernel uses these numbers again
            return False
        if found.st_nlink != 2:
            return False
        counts = self._counting.get(here)
        if counts is None:
            try:
                kind = file_system(fd)
            except OSError:
                return False  # it is listed then
            counts = self._counting[here] = kind in COUNTING
        return counts
