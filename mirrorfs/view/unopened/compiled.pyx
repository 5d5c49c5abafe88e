# cython: language_level=3, embedsignature=True
"""See `mirrorfs.view.unopened`."""


cdef extern from "unopened.h":
    int unopened_heard
    int unopened_told

ROWS = 0x6D6972726F720001  # see unopened.h


def heard():
    """Whether requests come by here, from a kernel that needs no directory opened."""
    return unopened_heard != 0


def told():
    """How many rows the last answer took."""
    return unopened_told
