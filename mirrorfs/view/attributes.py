"""What the kernel is told of an entry."""

import os

from pyfuse3 import EntryAttributes

from mirrorfs.core.tree import Entry, Kind
from mirrorfs.view.rows.plain import BLOCK, TYPES

TOLD_SECONDS = 100_000_000  # the kernel may keep it: it is told when that changes


def describe(inode: int, entry: Entry, seconds: int) -> EntryAttributes:
    """An entry under an inode number; so long may the kernel keep both."""
    kind, size, mtime_ns, mode, uid, gid, target, rdev, links, _, _, ctime_ns, atime_ns, _ = entry
    if target:
        size = len(os.fsencode(target))
    told = EntryAttributes()
    told.st_ino = inode
    told.entry_timeout = told.attr_timeout = seconds
    told.st_mode = TYPES[kind] | mode
    told.st_nlink = 1 if kind is Kind.DIRECTORY else links
    told.st_uid = uid
    told.st_gid = gid
    told.st_rdev = rdev
    told.st_size = size
    told.st_blocks = -(-size // BLOCK)
    told.st_mtime_ns = mtime_ns
    told.st_ctime_ns = ctime_ns or mtime_ns
    told.st_atime_ns = atime_ns or mtime_ns
    return told
