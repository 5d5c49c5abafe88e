"""New small files of one directory, copied without detours.

`plain` does it in Python; `mirrorfs.trees.local.native`, where it could be compiled, in C and
without the interpreter's lock.

Law: a file comes out as by the long way (`mirrorfs.trees.local.transfer`), proved to be of one
moment, or not at all. Whatever is out of the ordinary, an error or only a doubt, is left to the
long way, which says what is wrong.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from mirrorfs.trees.local import native
from mirrorfs.trees.local.small import plain


class Terms(NamedTuple):
    """How files are made: with this ``mode`` at first, then with what is kept of the source's.
    ``grain_ns``: so coarse are the times that the destination keeps; ``most``: bytes of a file that
    counts as small. ``uid``: only files of this user; -1 for any."""

    mode: int
    owners: bool
    permissions: bool
    xattrs: bool
    grain_ns: int
    most: int
    uid: int = -1


Copy = Callable[[int, int, Sequence[str], Sequence[str] | None, Terms], list[int]]
"""``(source, target, names, temporaries, terms)``: both directories are held descriptors. Without
``temporaries`` a file gets its only name when it is whole, and one that has several is left. The
bytes copied of each file; -1 for one that is left to the long way: nothing of it is there."""


def compiled() -> Copy | None:
    """The compiled one, where there is one."""
    module = native.load()
    return None if module is None else module.copy


copy: Copy = compiled() or plain.copy
