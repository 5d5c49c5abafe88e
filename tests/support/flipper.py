"""A hostile user: a name in a tree is now one thing, now another.

Either a process of its own flips it as fast as the kernel can (`Flipper` as a context manager), or
it flips exactly once, in front of the n-th thing that is asked of the kernel (`in_front_of`): that
way each gap between a look and a change is met for certain, however busy the machine is.
"""

import ctypes
import mmap
import os
import shutil
import signal
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

_HERE = -100  # AT_FDCWD
_EXCHANGE = 2
_DIE_WITH_PARENT = 1

_libc = ctypes.CDLL(None, use_errno=True)
_rename = _libc.renameat2
_rename.argtypes = (
    *(ctypes.c_int, ctypes.c_char_p),
    *(ctypes.c_int, ctypes.c_char_p, ctypes.c_uint),
)


class Flipper:
    """Does ``flip`` over and over while it is entered; `count` says how often it did. ``home``
    makes what is there what was there when it began."""

    def __init__(self, flip: Callable[[], None], home: Callable[[], None]) -> None:
        self.flip = flip
        self.home = home
        self._flips = mmap.mmap(-1, 8)
        self._child = 0

    @property
    def count(self) -> int:
        return int(struct.unpack("Q", self._flips[:])[0])

    def __enter__(self) -> Self:
        parent = os.getpid()
        self._child = os.fork()
        if not self._child:
            try:
                _libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
                flips = 0
                while os.getppid() == parent:
                    for _ in range(256):
                        self.flip()
                        flips += 1
                        struct.pack_into("Q", self._flips, 0, flips)
            finally:
                os._exit(0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        os.kill(self._child, signal.SIGKILL)
        os.waitpid(self._child, 0)
        self.home()


def exchanging(place: Path, target: Path, link: Path) -> Flipper:
    """What is at ``place`` and a symlink to ``target``, kept at ``link``, change places."""
    one, two = os.fsencode(place), os.fsencode(link)

    def ours(name: Path) -> bool:
        return name.is_symlink() and os.readlink(name) == str(target)

    def flip() -> None:
        _rename(_HERE, one, _HERE, two, _EXCHANGE)

    def home() -> None:
        """Whatever became of either meanwhile."""
        if ours(place):
            place.unlink()
        if os.path.lexists(link) and not ours(link):
            if not os.path.lexists(place):
                link.rename(place)
            else:
                shutil.rmtree(link) if link.is_dir() else link.unlink()
        if not os.path.lexists(link):
            link.symlink_to(target)

    home()
    return Flipper(flip, home)


def appearing(place: Path, target: Path, *, hard: bool) -> Flipper:
    """A link to ``target`` comes to ``place``, over whatever is there, and is gone again."""
    name, to = os.fsencode(place), os.fsencode(target)
    # Beside the tree, where nobody looks: it is renamed into it.
    new = os.fsencode(target.parent.parent / f"{target.name}-new")
    there = False

    def flip() -> None:
        nonlocal there
        if there:
            if _libc.unlink(name) < 0:
                _libc.rmdir(name)
        else:
            _libc.unlink(new)
            (_libc.link if hard else _libc.symlink)(to, new)
            _rename(_HERE, new, _HERE, name, 0)
        there = not there

    def home() -> None:
        nonlocal there
        there = False
        for left in (name, new):
            if os.path.lexists(left):
                _libc.unlink(left)

    return Flipper(flip, home)


def in_front_of(number: int, flip: Callable[[], None], work: Callable[[], object]) -> str:
    """Do ``work``, and ``flip`` once in this thread, in front of the call with that number (from 1)
    that may ask the kernel for something; what it was, "" if there were not so many."""
    calls = 0
    met = ""

    def hook(_: FrameType, event: str, function: object) -> None:
        nonlocal calls, met
        if event != "c_call" or not _asks(function):
            return
        calls += 1
        if calls == number:
            sys.setprofile(None)
            met = getattr(function, "__name__", "?")
            flip()

    sys.setprofile(hook)
    try:
        work()
    finally:
        sys.setprofile(None)
    return met


def _asks(function: object) -> bool:
    """Functions of `os` and `fcntl`, what a listing asks of its names, and the encoding of a name
    for a call that `os` lacks."""
    module = getattr(function, "__module__", None)
    name = getattr(function, "__name__", "")
    return (
        module in ("posix", "fcntl")
        or isinstance(getattr(function, "__self__", None), os.DirEntry)
        or name == "encode"
    )
