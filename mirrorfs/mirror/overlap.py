"""Whether two directories are the same or one lies in the other, whatever paths lead to them.

Symlinks are resolved, and bind mounts seen through: a directory is known by its file system and its
place within that (``/proc/self/mountinfo`` has both), not by its path.
"""

import os
from typing import NamedTuple

from mirrorfs.core.tree import is_within
from mirrorfs.trees.local.mountinfo import Mount, covering, mounts_now


class Overlap(NamedTuple):
    """``inner`` is the path of the inner directory below the outer one, "" when they are the
    same.
    """

    destination_in_source: bool
    inner: str


def overlap(source: str, destination: str) -> Overlap | None:
    """How the two overlap; ``None`` when they do not. They need not exist."""
    listed = mounts_now()
    ours, theirs = _place(source, listed), _place(destination, listed)
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


def _place(path: str, listed: list[Mount]) -> tuple[str, str]:
    """(file system, path within it) of a directory."""
    real = os.path.realpath(path)
    mount = covering(real, listed)
    if mount is None:
        return "", real
    below = real.strip("/")[len(mount.point) :].strip("/")
    return mount.device, "/".join(filter(None, (mount.root, below)))
