# cython: language_level=3, embedsignature=True
"""What is done in C, without the interpreter's lock: the quick check, in several threads, names by
kind, copies of small files, and looks, renames and removals of many names; and, with it, what a read
of the kernel's queue comes to. Each answers as its reference in Python does."""

include "names.pxi"
include "sift.pxi"

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.errno cimport errno
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memset

from os import fsencode, strerror

from mirrorfs.core.quick import Quick

EDITION = 5  # see mirrorfs.trees.local.native


cdef extern from "Python.h":
    str PyUnicode_DecodeFSDefaultAndSize(const char *text, Py_ssize_t size)
    bytes PyUnicode_EncodeFSDefault(object text)

cdef extern from "dirent.h":
    enum:
        DT_REG


cdef extern from "check.h":
    enum verdict:
        REST, FRESH, EQUAL, BELOW

    struct terms:
        int64_t window_ns
        int64_t uid
        int mode, owner, xattrs

    struct bounds:
        const char *prefix
        uint64_t devices[2]
        int xattrs[2]

    struct name:
        uint32_t offset, length
        uint8_t type, verdict

    struct listing:
        const char *bytes
        name *names
        size_t count

    struct answer:
        listing ours, theirs
        size_t equal, below
        seen *seen[2]
        int known

    size_t quick_look(
        int source, int destination, const char **names, size_t count, const terms *agreed,
        const bounds *within, int threads, size_t most, answer *answers
    ) nogil
    void quick_release(answer *found) nogil
    int read_names(int directory, listing *list) nogil
    void release_names(listing *list) nogil


cdef extern from "copy.h":
    struct manner:
        int mode, owners, permissions, xattrs
        int64_t grain_ns, most, uid

    void small_copy(
        int source, int target, size_t count, const char **names, const char **temporaries,
        const manner *manner, int64_t *moved
    ) nogil


def look(int source, int destination, names, agreed, within, *, int threads, size_t most):
    """What the directories ``names`` hold, relative to two held ones; the first of them, where it
    is much. At most so many ``threads``; enough for ``most`` names. Raises MemoryError."""
    cdef size_t count = len(names), answered, at
    cdef terms wanted
    cdef bounds bound
    cdef bytes prefix = fsencode(within.prefix)
    wanted.window_ns = min(agreed.window_ns, 1 << 62)
    wanted.mode, wanted.owner, wanted.xattrs = agreed.mode, agreed.owner, agreed.xattrs
    wanted.uid = agreed.uid
    bound.prefix = prefix
    bound.devices[0], bound.devices[1] = within.devices
    bound.xattrs[0], bound.xattrs[1] = within.xattrs
    encoded = [fsencode(name) for name in names]
    if any(b"\0" in name for name in encoded):
        return []
    cdef const char **given = <const char **>PyMem_Malloc((count + 1) * sizeof(char *))
    cdef answer *answers = <answer *>PyMem_Malloc((count + 1) * sizeof(answer))
    if not given or not answers:
        PyMem_Free(given)
        PyMem_Free(answers)
        raise MemoryError
    for at in range(count):
        given[at] = encoded[at]
    with nogil:
        answered = quick_look(
            source, destination, given, count, &wanted, &bound, threads, most, answers
        )
    try:
        return [_told(&answers[at], within.xattrs) for at in range(answered)]
    finally:
        for at in range(answered):
            quick_release(&answers[at])
        PyMem_Free(given)
        PyMem_Free(answers)


cdef _told(answer *found, tuple xattrs):
    if not found.known:
        return None
    cdef list below = _named(&found.ours, BELOW)
    theirs = _seen(below, found.seen[0], () if xattrs[0] else None)
    ours = _seen(below, found.seen[1], () if xattrs[1] else None)
    rest = _named(&found.ours, REST)
    rest += _named(&found.theirs, REST)
    rest.sort()
    cdef list fresh = _named(&found.ours, FRESH)
    fresh.sort()
    cdef Names equal = Names()
    equal.found, equal.count = found.ours, found.equal
    memset(&found.ours, 0, sizeof(listing))
    return Quick(equal, fresh, rest, theirs, ours)


cdef dict _seen(list names, seen *found, object xattrs):
    cdef Py_ssize_t at
    return {names[at]: _entry(&found[at], xattrs) for at in range(len(names))}


cdef class Names:
    """The equal names of a directory, in order: counted, and made for whoever asks for them, as
    hardly anybody does."""

    cdef listing found
    cdef Py_ssize_t count
    cdef list made

    def __dealloc__(self):
        release_names(&self.found)

    def __len__(self):
        return self.count

    def __iter__(self):
        return iter(self._all())

    def __getitem__(self, at):
        return self._all()[at]

    cdef list _all(self):
        if self.made is None:
            self.made = sorted(_named(&self.found, EQUAL))
        return self.made


cdef list _named(listing *found, int verdict):
    cdef size_t at
    cdef name *one
    cdef list names = []
    for at in range(found.count):
        one = &found.names[at]
        if one.verdict == verdict:
            names.append(PyUnicode_DecodeFSDefaultAndSize(found.bytes + one.offset, one.length))
    return names


def kinds(int directory):
    """See `mirrorfs.trees.local.kinds.Kinds`."""
    cdef listing found
    cdef size_t at
    cdef name *one
    cdef list files = [], others = []
    memset(&found, 0, sizeof(listing))
    try:
        with nogil:
            failed = read_names(directory, &found)
        if failed:
            raise OSError(errno, strerror(errno))
        for at in range(found.count):
            one = &found.names[at]
            name = PyUnicode_DecodeFSDefaultAndSize(found.bytes + one.offset, one.length)
            (files if one.type == DT_REG else others).append(name)
        return files, others
    finally:
        release_names(&found)


def copy(int source, int target, names, temporaries, terms):
    """See `mirrorfs.trees.local.small.Copy`. Raises MemoryError."""
    cdef size_t count = len(names), many, at
    cdef manner wanted
    wanted.mode, wanted.owners, wanted.permissions, wanted.xattrs = terms[:4]
    wanted.grain_ns, wanted.most, wanted.uid = terms[4:]
    # A name with a NUL in it is none, and one that is empty is found nowhere.
    given = [b"" if "\0" in name else PyUnicode_EncodeFSDefault(name) for name in names]
    if temporaries is not None:
        given += [PyUnicode_EncodeFSDefault(name) for name in temporaries]
    many = len(given)
    cdef const char **texts = <const char **>PyMem_Malloc((many + 1) * sizeof(char *))
    cdef int64_t *moved = <int64_t *>PyMem_Malloc((count + 1) * sizeof(int64_t))
    cdef const char **spare = NULL
    try:
        if not texts or not moved:
            raise MemoryError
        for at in range(many):
            texts[at] = given[at]
        if temporaries is not None:
            spare = texts + count
        with nogil:
            small_copy(source, target, count, texts, spare, &wanted, moved)
        return [moved[at] for at in range(count)]
    finally:
        PyMem_Free(texts)
        PyMem_Free(moved)
