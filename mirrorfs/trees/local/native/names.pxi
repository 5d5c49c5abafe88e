"""Many names of one directory, in C; answers as `mirrorfs.trees.local.at_once`."""

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int64_t, uint8_t, uint64_t

from mirrorfs.core.tree import Entry, Kind

_make = tuple.__new__
_FILE, _DIRECTORY = Kind.FILE, Kind.DIRECTORY

DEF AT_ONCE = 512  # names that are looked at before what was seen becomes entries


cdef extern from "<sys/stat.h>" nogil:
    struct stat_of "stat":
        unsigned int st_mode
        uint64_t st_uid, st_gid, st_rdev, st_nlink, st_dev, st_ino
        int64_t st_size
    bint S_ISREG(unsigned int mode)


cdef extern from "names.h" nogil:
    enum look_of "look":
        SEEN, LEFT

    struct seen:
        stat_of found
        int64_t modified, changed, accessed
        look_of look

    struct version:
        uint64_t inode
        int64_t size, modified

    void look_at_names(
        int directory, size_t count, const char **names, const char *prefix, uint64_t device,
        int xattrs, seen *seen
    )
    void rename_names(
        int directory, int to, size_t count, const char **names, const char **others,
        const uint64_t *inodes, uint8_t *done
    )
    void remove_names(
        int directory, size_t count, const char **names, const version *versions, uint8_t *done
    )


cdef class _Texts:
    """Names as C has them. What has a NUL in it is no name, nor is what is empty."""

    cdef const char **texts
    cdef list kept
    cdef size_t count

    def __cinit__(self, names):
        cdef size_t at
        self.kept = [b"" if "\0" in name else PyUnicode_EncodeFSDefault(name) for name in names]
        self.count = len(self.kept)
        self.texts = <const char **>PyMem_Malloc((self.count + 1) * sizeof(char *))
        if not self.texts:
            raise MemoryError
        for at in range(self.count):
            self.texts[at] = <bytes>self.kept[at]

    def __dealloc__(self):
        PyMem_Free(self.texts)


def look_at(int directory, names, prefix, uint64_t device, *, bint xattrs):
    """See `mirrorfs.trees.local.at_once.LookAt`. Raises MemoryError."""
    cdef _Texts texts = _Texts(names)
    cdef bytes start = PyUnicode_EncodeFSDefault(prefix)
    cdef const char *begin = start
    cdef size_t first = 0, at, many
    cdef seen *one
    cdef dict entries = {}
    cdef list left = [], given = list(names)
    cdef object kept = () if xattrs else None
    cdef seen *found = <seen *>PyMem_Malloc(AT_ONCE * sizeof(seen))
    if not found:
        raise MemoryError
    try:
        while first < texts.count:
            many = texts.count - first
            if many > AT_ONCE:
                many = AT_ONCE
            with nogil:
                look_at_names(
                    directory, many, texts.texts + first, begin, device, xattrs, found
                )
            for at in range(many):
                one = &found[at]
                if one.look == SEEN:
                    entries[given[first + at]] = _entry(one, kept)
                elif one.look == LEFT:
                    left.append(given[first + at])
            first += many
        return entries, left
    finally:
        PyMem_Free(found)


cdef object _entry(seen *one, object xattrs):
    cdef bint is_file = S_ISREG(one.found.st_mode)
    return _make(
        Entry,
        (
            _FILE if is_file else _DIRECTORY,
            one.found.st_size if is_file else 0,
            one.modified,
            one.found.st_mode & 0o7777,
            one.found.st_uid,
            one.found.st_gid,
            "",
            one.found.st_rdev,
            one.found.st_nlink,
            one.found.st_dev,
            one.found.st_ino,
            one.changed,
            one.accessed,
            xattrs,
        ),
    )


def rename(int directory, int to, names, others, seen_):
    """See `mirrorfs.trees.local.at_once.Rename`. Raises MemoryError."""
    cdef _Texts texts = _Texts(names), onto = _Texts(others)
    cdef size_t at, count = texts.count
    cdef uint64_t *inodes = <uint64_t *>PyMem_Malloc((count + 1) * sizeof(uint64_t))
    cdef uint8_t *done = <uint8_t *>PyMem_Malloc(count + 1)
    try:
        if not inodes or not done:
            raise MemoryError
        for at in range(count):
            inodes[at] = seen_[at].inode
        with nogil:
            rename_names(directory, to, count, texts.texts, onto.texts, inodes, done)
        return [done[at] != 0 for at in range(count)]
    finally:
        PyMem_Free(inodes)
        PyMem_Free(done)


def remove(int directory, names, seen_):
    """See `mirrorfs.trees.local.at_once.Remove`. Raises MemoryError."""
    cdef _Texts texts = _Texts(names)
    cdef size_t at, count = texts.count
    cdef version *versions = <version *>PyMem_Malloc((count + 1) * sizeof(version))
    cdef uint8_t *done = <uint8_t *>PyMem_Malloc(count + 1)
    try:
        if not versions or not done:
            raise MemoryError
        for at in range(count):
            saw = seen_[at]
            try:
                versions[at] = version(saw.inode, saw.size, saw.mtime_ns)
            except OverflowError:
                versions[at] = version(0, 0, 0)  # no file
        with nogil:
            remove_names(directory, count, texts.texts, versions, done)
        return [done[at] != 0 for at in range(count)]
    finally:
        PyMem_Free(versions)
        PyMem_Free(done)
