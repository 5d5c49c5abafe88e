"""What one stat shows, as an entry."""

import os
import stat

from mirrorfs.core.tree import Entry, Kind
from mirrorfs.trees.local.attributes import Xattrs

KINDS = {
    stat.S_IFREG: Kind.FILE,
    stat.S_IFDIR: Kind.DIRECTORY,
    stat.S_IFLNK: Kind.SYMLINK,
    stat.S_IFIFO: Kind.FIFO,
    stat.S_IFSOCK: Kind.SOCKET,
    stat.S_IFCHR: Kind.CHARACTER_DEVICE,
    stat.S_IFBLK: Kind.BLOCK_DEVICE,
}
_new = tuple.__new__
_FILE = Kind.FILE


def entry_of(st: os.stat_result, target: str = "", xattrs: Xattrs | None = None) -> Entry:
    """The entry a stat result shows. Made directly: this runs once per name of a tree."""
    mode = st.st_mode
    kind = KINDS[mode & 0o170000]
    return _new(
        Entry,
        (
            kind,
            st.st_size if kind is _FILE else 0,
            st.st_mtime_ns,
            mode & 0o7777,
            st.st_uid,
            st.st_gid,
            target,
            st.st_rdev,
            st.st_nlink,
            st.st_dev,
            st.st_ino,
            st.st_ctime_ns,
            st.st_atime_ns,
            xattrs,
        ),
    )
