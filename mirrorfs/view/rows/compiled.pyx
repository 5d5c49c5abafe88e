# cython: language_level=3, embedsignature=True, boundscheck=False, wraparound=False
"""See `mirrorfs.view.rows`: the bytes that `plain` makes."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport qsort
from libc.string cimport memcpy, memset

from mirrorfs.core.preview import Side
from mirrorfs.core.tree import Kind
from mirrorfs.view.places import Area, Place, VERBS, above, directory_number
from mirrorfs.view.rows import plain

EDITION = 1  # see mirrorfs.view.rows.plain

cdef object TYPES = plain.TYPES, Listed = plain.Listed
cdef object DIRECTORY = Kind.DIRECTORY, DESTINATION = Side.DESTINATION, AFTER = Area.AFTER
cdef set TREES = {AFTER, *VERBS}
cdef object new = tuple.__new__
cdef int64_t SECOND = 1000000000
cdef uint64_t NUMBERS = (1ULL << 63) - 1

cdef extern from "Python.h":
    bytes PyUnicode_EncodeFSDefault(object text)

cdef extern from "<linux/fuse.h>":
    struct fuse_attr:
        uint64_t ino, size, blocks, atime, mtime, ctime
        uint32_t atimensec, mtimensec, ctimensec, mode, nlink, uid, gid, rdev, blksize

    struct fuse_entry_out:
        uint64_t nodeid, entry_valid, attr_valid
        fuse_attr attr

    struct fuse_dirent:
        uint64_t ino, off
        uint32_t namelen, type
        char name[]

    struct fuse_direntplus:
        fuse_entry_out entry_out
        fuse_dirent dirent

cdef struct ordered:
    uint64_t offset
    Py_ssize_t index


cdef int _earlier(const void *one, const void *other) noexcept nogil:
    cdef uint64_t a = (<const ordered *>one).offset, b = (<const ordered *>other).offset
    return -1 if a < b else 1 if a > b else 0


cdef inline Py_ssize_t _length(Py_ssize_t name) noexcept:
    return (<Py_ssize_t>sizeof(fuse_direntplus) + name + 7) & ~<Py_ssize_t>7


def pack(place, shown, known, lasting):
    """See `mirrorfs.view.rows.Pack`."""
    if place[0] not in TREES:
        return plain.pack(place, shown, known, lasting)
    cdef list given = list(shown.items()), seen, encoded, starts, offsets, numbers
    cdef Py_ssize_t count = len(given), at, size
    cdef ordered *order = <ordered *>PyMem_Malloc((count + 1) * sizeof(ordered))
    cdef char *bytes_
    cdef Py_ssize_t reached
    cdef uint64_t offset
    cdef bytes name
    if not order:
        raise MemoryError
    try:
        for at in range(count):
            order[at].offset = <uint64_t><int64_t>hash((<tuple>given[at])[0]) & ((1ULL << 62) - 1)
            order[at].index = at
        qsort(order, count, sizeof(ordered), _earlier)
        for at in range(count):
            if order[at].offset <= (order[at - 1].offset if at else 2):
                return plain.pack(place, shown, known, lasting)  # two names, one hash
        area, path = place
        before = f"{path}/" if path else ""
        after = area is AFTER
        seen, encoded = [], [b".", b".."]
        for at in range(count):
            one = <tuple>given[order[at].index]
            seen.append((new(Place, (area, before + <str>one[0])), one[1]))
            encoded.append(PyUnicode_EncodeFSDefault(one[0]))
        size, starts = 0, [0]
        for at in range(count + 2):
            size += _length(PyBytes_GET_SIZE(encoded[at]))
            starts.append(size)
        rows = PyBytes_FromStringAndSize(NULL, size)
        bytes_ = PyBytes_AS_STRING(rows)
        memset(bytes_, 0, size)
        numbers = [directory_number(place), directory_number(above(place))]
        offsets = [1, 2]
        for at in range(2):
            _dot(<fuse_direntplus *>(bytes_ + <Py_ssize_t>starts[at]), numbers[at], at + 1)
        for at in range(count):
            offset = order[at].offset
            offsets.append(offset)
            reached = starts[at + 2]
            name = encoded[at + 2]
            numbers.append(_fill(
                <fuse_direntplus *>(bytes_ + reached), name, offset, <tuple>seen[at], known,
                <tuple>lasting, after,
            ))
        return Listed(rows, starts, offsets, numbers, seen)
    finally:
        PyMem_Free(order)


cdef _dot(fuse_direntplus *row, uint64_t number, int dots):
    row.entry_out.nodeid = row.entry_out.attr.ino = row.dirent.ino = number
    row.entry_out.attr.mode = 0o040000
    row.entry_out.attr.nlink = 1
    row.entry_out.attr.blksize = 4096
    row.dirent.off = row.dirent.namelen = dots
    row.dirent.type = 4
    memcpy(row.dirent.name, b"..", dots)


cdef _fill(
    fuse_direntplus *row, bytes name, uint64_t offset, tuple seen, known, tuple lasting,
    bint after
):
    """One row; the inode number."""
    place = seen[0]
    cdef tuple what = <tuple>seen[1], entry = <tuple>what[0]
    kind, target = entry[0], entry[6]
    cdef bint directory = kind is DIRECTORY
    cdef uint64_t size = entry[1]
    cdef int64_t mtime = entry[2], ctime = entry[11], atime = entry[12]
    cdef uint64_t kept, number
    cdef uint32_t type = TYPES[kind]
    cdef fuse_attr *attr = &row.entry_out.attr
    version = place if directory else (place, kind, size, entry[2], target)
    number = (<uint64_t><int64_t>hash(version) & NUMBERS) | 2
    other = known.get(number)
    while other is not None and other[0] != place:
        number += 1
        other = known.get(number)
    if target:
        size = PyBytes_GET_SIZE(PyUnicode_EncodeFSDefault(target))
    if after and what[1] is DESTINATION:
        kept = lasting[0] if directory else lasting[1]
    else:
        kept = lasting[2]
    ctime, atime = ctime or mtime, atime or mtime
    row.entry_out.nodeid = attr.ino = row.dirent.ino = number
    row.entry_out.entry_valid = row.entry_out.attr_valid = kept
    attr.size, attr.blocks = size, (size + 511) // 512
    # Python's division: a time before 1970 has a whole second less, and nanoseconds on top.
    attr.atime, attr.atimensec = <uint64_t>(atime // SECOND), <uint32_t>(atime % SECOND)
    attr.mtime, attr.mtimensec = <uint64_t>(mtime // SECOND), <uint32_t>(mtime % SECOND)
    attr.ctime, attr.ctimensec = <uint64_t>(ctime // SECOND), <uint32_t>(ctime % SECOND)
    attr.mode = type | <uint32_t>entry[3]
    attr.nlink = 1 if directory else entry[8]
    attr.uid, attr.gid = entry[4], entry[5]
    attr.rdev = <uint32_t><uint64_t>entry[7]
    attr.blksize = 4096
    row.dirent.off = offset
    row.dirent.namelen = PyBytes_GET_SIZE(name)
    row.dirent.type = type >> 12
    memcpy(row.dirent.name, PyBytes_AS_STRING(name), PyBytes_GET_SIZE(name))
    return number
