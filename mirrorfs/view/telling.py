"""How the rows of a listing get into an answer.

Law: many at a time where requests come by our own library, else one by one, and the same is told
either way.
"""

import pyfuse3
from pyfuse3 import EntryAttributes

from mirrorfs.view.rows.plain import ROW, SECOND, Listed
from mirrorfs.view.unopened import ROWS, heard, told

AT_ONCE = 512  # names of a directory: more than fit into one answer


def tell(token: pyfuse3.ReaddirToken, listed: Listed, first: int) -> int:
    """The index of the first row that did not fit, of those from ``first`` on."""
    last = min(first + AT_ONCE, len(listed.offsets))
    if first == last:
        return last
    if heard():
        many = EntryAttributes()
        many.generation = ROWS
        many.st_blocks, many.st_size = listed.starts[first], listed.starts[last]
        fits = pyfuse3.readdir_reply(token, listed.rows, many, 0)
        return first + told() if fits else first
    for index in range(first, last):
        row = listed.rows[listed.starts[index] : listed.starts[index + 1]]
        name, attributes, offset = _read(row)
        if not pyfuse3.readdir_reply(token, name, attributes, offset):
            return index
    return last


def _read(row: bytes) -> tuple[bytes, EntryAttributes, int]:
    """(name, attributes, offset)."""
    inode, _, kept, _, _, _, *rest = ROW.unpack_from(row)
    _, size, blocks, atime, mtime, ctime, atime_ns, mtime_ns, ctime_ns, *rest = rest
    mode, links, uid, gid, rdev, _, _, _, offset, length, _ = rest
    attributes = EntryAttributes()
    attributes.st_ino = inode
    attributes.entry_timeout = attributes.attr_timeout = kept
    attributes.st_size, attributes.st_blocks = size, blocks
    attributes.st_atime_ns = _signed(atime) * SECOND + atime_ns
    attributes.st_mtime_ns = _signed(mtime) * SECOND + mtime_ns
    attributes.st_ctime_ns = _signed(ctime) * SECOND + ctime_ns
    attributes.st_mode, attributes.st_nlink = mode, links
    attributes.st_uid, attributes.st_gid, attributes.st_rdev = uid, gid, rdev
    return row[ROW.size : ROW.size + length], attributes, offset


def _signed(word: int) -> int:
    return word - (word >> 63 << 64)
