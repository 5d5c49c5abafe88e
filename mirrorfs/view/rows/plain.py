"""Rows in Python, and what they are.

Law: a row is the kernel's ``struct fuse_direntplus`` with its name, filled up to eight bytes.
"""

import os
import stat
import struct
from collections.abc import Mapping
from typing import NamedTuple

from mirrorfs.core.preview import Shown, Side
from mirrorfs.core.tree import Entry, Kind
from mirrorfs.view.places import Area, Place, above, child, directory_number, number

EDITION = 1  # counts what was changed about how the compiled module is called; also in it
OFFSETS = (1 << 62) - 1
DOTS = 2  # every directory begins with them, also for the kernel: an empty list it never forgets
BLOCK = 512  # bytes
FULL_BLOCK = 4096
SECOND = 10**9  # nanoseconds
WORD = (1 << 64) - 1
ROW = struct.Struct("=4Q2I6Q10I2Q2I")
TYPES = {
    Kind.FILE: stat.S_IFREG,
    Kind.DIRECTORY: stat.S_IFDIR,
    Kind.SYMLINK: stat.S_IFLNK,
    Kind.FIFO: stat.S_IFIFO,
    Kind.SOCKET: stat.S_IFSOCK,
    Kind.CHARACTER_DEVICE: stat.S_IFCHR,
    Kind.BLOCK_DEVICE: stat.S_IFBLK,
}

Known = Mapping[int, tuple[Place, Shown]]
"""By inode number."""


class Lasting(NamedTuple):
    """Seconds for which the kernel may keep what it is told: of a directory and of anything else on
    the destination, and of all that is not there."""

    directory: int
    other: int
    made: int

    def of(self, place: Place, seen: Shown) -> int:
        """How long the kernel may keep what it is told of a place."""
        if place.area is Area.DOCUMENT:
            return 0
        if place.area is not Area.AFTER or seen.side is not Side.DESTINATION:
            return self.made
        return self.directory if seen.entry.is_directory else self.other


class Listed(NamedTuple):
    """The names of a directory, and what goes with each, at the same index: where its row begins
    (one more tells where the last ends), its offset, behind which reading goes on, and its inode
    number. The dots come first; in ``seen`` they are not."""

    rows: bytes
    starts: list[int]
    offsets: list[int]
    numbers: list[int]
    seen: list[tuple[Place, Shown]]


def pack(place: Place, shown: Mapping[str, Shown], known: Known, lasting: Lasting) -> Listed:
    """See `mirrorfs.view.rows.Pack`. What cannot stand in this directory is left out."""
    both = directory_number(place), directory_number(above(place))
    nothing = Entry(Kind.DIRECTORY)
    rows = [_row(both[0], b".", 1, nothing, 0), _row(both[1], b"..", DOTS, nothing, 0)]
    starts, offsets, numbers = [0], [1, DOTS], [*both]
    seen: list[tuple[Place, Shown]] = []
    for offset, name in _order(shown):
        if (below := child(place, name)) is None:
            continue
        what = shown[name]
        inode = free_number(below, what.entry, known)
        offsets.append(offset)
        numbers.append(inode)
        seen.append((below, what))
        row = _row(inode, os.fsencode(name), offset, what.entry, lasting.of(below, what))
        rows.append(row)
    for row in rows:
        starts.append(starts[-1] + len(row))
    return Listed(b"".join(rows), starts, offsets, numbers, seen)


def free_number(place: Place, entry: Entry, known: Known) -> int:
    """The inode number of what is seen at a place."""
    inode = number(place, entry)
    while (other := known.get(inode)) is not None and other[0] != place:
        inode += 1  # two places, one hash
    return inode


def _order(names: Mapping[str, Shown]) -> list[tuple[int, str]]:
    """(offset, name) of each name, in the order in which they are told."""
    found = sorted((hash(name) & OFFSETS, name) for name in names)
    last = DOTS
    for index, (offset, name) in enumerate(found):
        if offset <= last:  # two names, one hash
            found[index] = last + 1, name
        last = found[index][0]
    return found


def _row(inode: int, name: bytes, offset: int, entry: Entry, kept: int) -> bytes:
    size = len(os.fsencode(entry.target)) if entry.target else entry.size
    mtime, mtime_ns = divmod(entry.mtime_ns, SECOND)
    ctime, ctime_ns = divmod(entry.ctime_ns or entry.mtime_ns, SECOND)
    atime, atime_ns = divmod(entry.atime_ns or entry.mtime_ns, SECOND)
    kind = TYPES[entry.kind]
    row = ROW.pack(
        *(inode, 0, kept, kept, 0, 0),
        *(inode, size, -(-size // BLOCK), atime & WORD, mtime & WORD, ctime & WORD),
        *(atime_ns, mtime_ns, ctime_ns, kind | entry.mode),
        *(1 if entry.is_directory else entry.links, entry.uid, entry.gid),
        *(entry.rdev & 0xFFFFFFFF, FULL_BLOCK, 0),
        *(inode, offset, len(name), kind >> 12),
    )
    return row + name + bytes(-(len(row) + len(name)) % 8)
