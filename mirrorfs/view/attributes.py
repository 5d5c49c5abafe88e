"""What the kernel is told of an entry."""

import os
import stat

from pyfuse3 import EntryAttributes

from mirrorfs.core.tree import Entry, Kind

TOLD_SECONDS = 1e8  # the kernel may keep it: it is told when that changes
BLOCK = 512

_TYPES = {
    Kind.FILE: stat.S_IFREG,
    Kind.DIRECTORY: stat.S_IFDIR,
    Kind.SYMLINK: stat.S_IFLNK,
    Kind.FIFO: stat.S_IFIFO,
    Kind.SOCKET: stat.S_IFSOCK,
    Kind.CHARACTER_DEVICE: stat.S_IFCHR,
    Kind.BLOCK_DEVICE: stat.S_IFBLK,
}


def describe(inode: int, entry: Entry, seconds: float) -> EntryAttributes:
    """An entry under an inode number; so long may the kernel keep both."""
    kind, size, mtime_ns, mode, uid, gid, target, rdev, links, _, _, ctime_ns, atime_ns, _ = entry
    if target:
        size = len(os.fsencode(target))
    told = EntryAttributes()
    told.st_ino = inode
    told.entry_timeout = told.attr_timeout = seconds
    told.st_mode = _TYPES[kind] | mode
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


def dot(inode: int) -> EntryAttributes:
    """What `.` and `..` need: a number and a kind."""
    told = EntryAttributes()
    told.st_ino = inode
    told.st_mode = stat.S_IFDIR
    return told
