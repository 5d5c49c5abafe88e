# cython: language_level=3, embedsignature=True
"""Small files copied in C, without the interpreter's lock; as `plain` does it."""

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int64_t

from os import fsencode


cdef extern from "copy.h":
    struct terms:
        int mode, owners, permissions, xattrs
        int64_t grain_ns, most

    void small_copy(
        int source, int target, size_t count, const char **names, const char **temporaries,
        const terms *agreed, int64_t *moved
    ) nogil


def copy(int source, int target, names, temporaries, agreed):
    """See `mirrorfs.trees.local.small.Copy`. Raises MemoryError."""
    cdef size_t count = len(names), at
    cdef terms wanted
    wanted.mode, wanted.owners, wanted.permissions, wanted.xattrs = agreed[:4]
    wanted.grain_ns, wanted.most = agreed.grain_ns, agreed.most
    # A name with a NUL in it is none, and one that is empty is found nowhere.
    given = [b"" if "\0" in name else fsencode(name) for name in names]
    given += [fsencode(name) for name in temporaries]
    cdef const char **texts = <const char **>PyMem_Malloc((2 * count + 1) * sizeof(char *))
    cdef int64_t *moved = <int64_t *>PyMem_Malloc((count + 1) * sizeof(int64_t))
    try:
        if not texts or not moved:
            raise MemoryError
        for at in range(2 * count):
            texts[at] = given[at]
        with nogil:
            small_copy(source, target, count, texts, texts + count, &wanted, moved)
        return [moved[at] for at in range(count)]
    finally:
        PyMem_Free(texts)
        PyMem_Free(moved)
