"""Whether two directories are the same or one lies in the other, whatever paths lead to them.

Symlinks are resolved, and bind mounts seen through: a directory is known by its file system and its
place within that (``/proc/self/mountinfo`` has both), not by its path.
"""

import os
from typing import NamedTuple

from mirrorfs.core.tree import is_within


class Overlap(NamedTuple):
    """``inner`` is the path of the inner directory below the outer one, "" when they are the
    same.
    """

    destination_in_source: bool
    inner: str


def overlap(source: str, destination: str) -> Overlap | None:
    """How the two overlap; ``None`` when they do not. They need not exist."""
    mounts = _mounts()
    ours, theirs = _place(source, mounts), _place(destination, mounts)
    if ours[0] != theirs[0]:
        return _nested(os.path.realpath(source), os.path.realpath(destination))
    return _nested(ours[1], theirs[1])


def _nested(source: str, destination: str) -> Overlap | None:
    source, destination = source.strip("/"), destination.strip("/")
    if is_within(destination, source):
        return Overlap(True, destination[len(source) :].lstrip("/"))
    if is_within(source, destination):
        return Overlap(False, source[len(destination) :].lstrip("/"))
    return None


class _Mount(NamedTuple):
    filesystem: str
    root: str  # what of the file system is mounted
    point: str


def _mounts() -> list[_Mount]:
    mounts = []
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                fields = line.split(" ")
                mounts.append(_Mount(fields[2], _plain(fields[3]), _plain(fields[4])))
    except OSError:
        return []
    return mounts


def _plain(field: str) -> str:
    """mountinfo escapes blanks and the like as three octal digits."""
    if "\\" not in field:
        return field
    raw = field.encode("utf-8", "surrogateescape")
    pieces = raw.split(b"\\")
    out = pieces[0] + b"".join(bytes((int(piece[:3], 8),)) + piece[3:] for piece in pieces[1:])
    return os.fsdecode(out)


def _place(path: str, mounts: list[_Mount]) -> tuple[str, str]:
    """(file system, path within it) of a directory."""
    real = os.path.realpath(path)
    found = _Mount("", "/", "/")
    for mount in mounts:  # a later mount hides an earlier one at the same place
        point = mount.point.strip("/")
        if is_within(real.strip("/"), point) and len(mount.point) >= len(found.point):
            found = mount
    below = real[len(found.point.rstrip("/")) :]
    return found.filesystem, found.root.rstrip("/") + below
