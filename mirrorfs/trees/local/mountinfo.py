"""The kernel's list of mounts.

Law: one reading of the list is of one moment; it touches no file system.
"""

import os
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mirrorfs.core.tree import is_within

VIEW = "fuse.mirrorfs"  # the type of a mounted view of ours: it belongs to no tree
_OCTAL = rb"\\([0-7]{3})"


class Mount(NamedTuple):
    """``point``: absolute, without its leading slash; ``line``: all that the kernel says."""

    point: str
    line: bytes

    @property
    def kind(self) -> str:
        """The type of its file system."""
        return os.fsdecode(self.line.partition(b" - ")[2].split(b" ", 1)[0])

    @property
    def number(self) -> int:
        """What statx(2) calls it; used again once it is unmounted."""
        return int(self.line.split(b" ", 1)[0])

    @property
    def device(self) -> str:
        """The file system: the same for all mounts of it."""
        return self.line.split(b" ", 3)[2].decode()

    @property
    def root(self) -> str:
        """Which directory of the file system is mounted, without its leading slash."""
        return _plain(self.line.split(b" ", 4)[3])

    @property
    def source(self) -> str:
        """What was mounted: mostly the path of a device."""
        return "/" + _plain(self.line.partition(b" - ")[2].split(b" ", 2)[1])

    @property
    def read_only(self) -> bool:
        after = self.line.partition(b" - ")[2].split(b" ", 2)[2]
        return any(b"ro" in given.split(b",") for given in (self.line.split(b" ", 6)[5], after))


def mounts(descriptor: int) -> Iterator[Mount]:
    """What is mounted in this namespace; ``descriptor`` of /proc/self/mountinfo. Raises OSError."""
    for line in _all(descriptor).splitlines():
        yield parsed(line)


def _all(descriptor: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    return b"".join(iter(lambda: os.read(descriptor, 65536), b""))


def parsed(line: bytes) -> Mount:
    return Mount(_plain(line.split(b" ", 5)[4]), line.rstrip(b"\n"))


def mounts_now() -> list[Mount]:
    """The same, read at once; none where the list cannot be read."""
    return [parsed(line) for line in _now().splitlines()]


def mounted_now(kind: str) -> bool:
    """Whether there is such a file system: a quicker answer than the list."""
    return b" - %b " % kind.encode() in _now()


def _now() -> bytes:
    try:
        descriptor = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return _all(descriptor)
    finally:
        os.close(descriptor)


def covering(real: str, listed: Iterable[Mount]) -> Mount | None:
    """The mount that an absolute path without symlinks leads to; a later one hides an earlier one
    in the same place."""
    found = None
    below = real.strip("/")
    for mount in listed:
        if is_within(below, mount.point) and (
            found is None or len(mount.point) >= len(found.point)
        ):
            found = mount
    return found


def _plain(raw: bytes) -> str:
    """Blanks and the like are escaped as three octal digits."""
    if b"\\" in raw:
        raw = re.sub(_OCTAL, lambda match: bytes([int(match[1], 8)]), raw)
    return os.fsdecode(raw).strip("/")
