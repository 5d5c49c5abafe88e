# cython: language_level=3, embedsignature=True
"""The quick check in C, without the interpreter's lock, in several threads; answers as `plain`."""

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int64_t, uint8_t, uint32_t

from os import fsencode

from mirrorfs.core.quick import Quick


cdef extern from "Python.h":
    str PyUnicode_DecodeFSDefaultAndSize(const char *text, Py_ssize_t size)


cdef extern from "check.h":
    enum verdict:
        REST, EQUAL

    struct terms:
        int64_t window_ns
        int64_t uid
        int mode, owner, xattrs

    struct name:
        uint32_t offset, length
        uint8_t verdict

    struct listing:
        const char *bytes
        name *names
        size_t count

    struct answer:
        listing ours, theirs
        int known

    size_t quick_look(
        int source, int destination, const char **names, size_t count, const terms *agreed,
        int threads, size_t most, answer *answers
    ) nogil
    void quick_release(answer *found) nogil


def look(int source, int destination, names, agreed, *, int threads, size_t most):
    """What the directories ``names`` hold, relative to two held ones; the first of them, where it
    is much. At most so many ``threads``; enough for ``most`` names. Raises MemoryError."""
    cdef size_t count = len(names), answered, at
    cdef terms wanted
    wanted.window_ns = min(agreed.window_ns, 1 << 62)
    wanted.mode, wanted.owner, wanted.xattrs = agreed.mode, agreed.owner, agreed.xattrs
    wanted.uid = agreed.uid
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
            source, destination, given, count, &wanted, threads, most, answers
        )
    try:
        return [_told(&answers[at]) for at in range(answered)]
    finally:
        for at in range(answered):
            quick_release(&answers[at])
        PyMem_Free(given)
        PyMem_Free(answers)


cdef _told(answer *found):
    if not found.known:
        return None
    equal = _named(&found.ours, EQUAL)
    rest = _named(&found.ours, REST)
    rest += _named(&found.theirs, REST)
    equal.sort()
    rest.sort()
    return Quick(equal, rest)


cdef list _named(listing *found, int verdict):
    cdef size_t at
    cdef name *one
    cdef list names = []
    for at in range(found.count):
        one = &found.names[at]
        if one.verdict == verdict:
            names.append(PyUnicode_DecodeFSDefaultAndSize(found.bytes + one.offset, one.length))
    return names
