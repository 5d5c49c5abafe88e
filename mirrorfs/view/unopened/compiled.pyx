# cython: language_level=3, embedsignature=True
"""See `mirrorfs.view.unopened`."""


cdef extern from "unopened.h":
    int unopened_heard


def heard():
    """Whether requests come by here, from a kernel that needs no directory opened."""
    return unopened_heard != 0
