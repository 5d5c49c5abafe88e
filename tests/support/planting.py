"""Small trees from a list of what stands where, for tests that draw such lists at random."""

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

SECOND = 10**9


class Thing(NamedTuple):
    """``what`` a file holds (bytes), or a link points to, or another name is of; ``time`` of its
    last change in nanoseconds, ``owner`` (user and group), ``xattr`` the value of one attribute."""

    kind: str = "file"
    what: int | bytes = 3
    mode: int = 0o644
    owner: int = 0
    xattr: bytes = b""
    time: int = 5 * SECOND


def plant(top: bytes, things: Iterable[tuple[bytes, bytes, Thing]]) -> None:
    """Each with the directory it is in and its name there, below a new directory. What cannot be
    made where something else is already is left out."""
    os.makedirs(top)
    for place, name, thing in things:
        with suppress(OSError):
            _plant(os.path.join(top, place, name), name, thing)
    for directory, _, _ in os.walk(top, topdown=False):
        os.utime(directory, ns=(SECOND, SECOND))


def _plant(path: bytes, name: bytes, thing: Thing) -> None:
    kind, what, mode, owner, xattr, time = thing
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if kind == "link":
        os.symlink(what, path)
    elif kind == "directory":
        os.mkdir(path)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "hard":
        assert isinstance(what, bytes)
        os.link(os.path.join(os.path.dirname(path), what), path, follow_symlinks=False)
    else:
        assert isinstance(what, int)
        with open(path, "xb") as file:
            if kind == "sparse":
                file.truncate(what)
            else:
                file.write((name * what)[:what])
        if xattr:
            os.setxattr(path, "user.kind", xattr)
    if kind not in ("link", "hard"):
        os.chown(path, owner, owner)
        os.chmod(path, mode)
    os.utime(path, ns=(time, time), follow_symlinks=False)
