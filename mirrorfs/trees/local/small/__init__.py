"""New small files of one directory, copied without detours.

`plain` does it in Python; `native`, where it could be compiled, in C and without the interpreter's
lock. The environment's ``MIRRORFS_NATIVE=0`` does without it.

Law: a file comes out as by the long way (`mirrorfs.trees.local.transfer`), proved to be of one
moment, or not at all. Whatever is out of the ordinary, an error or only a doubt, is left to the
long way, which says what is wrong.
"""

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from mirrorfs.trees.local.small import plain


class Terms(NamedTuple):
    """How files are made: with this ``mode`` at first, then with what is kept of the source's.
    ``grain_ns``: so coarse are the times that the destination keeps; ``most``: bytes of a file that
    counts as small."""

    mode: int
    owners: bool
    permissions: bool
    xattrs: bool
    grain_ns: int
    most: int


Copy = Callable[[int, int, Sequence[str], Sequence[str], Terms], list[int]]
"""``(source, target, names, temporaries, terms)``: both directories are held descriptors. The bytes
copied of each file; -1 for one that is left to the long way: nothing of it is there."""


def compiled() -> Copy | None:
    """The compiled one, where there is one."""
    if os.environ.get("MIRRORFS_NATIVE") == "0":
        return None
    try:
        from mirrorfs.trees.local.small.native import copy
    except ImportError:
        return None
    return copy


copy: Copy = compiled() or plain.copy
