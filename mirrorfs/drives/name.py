"""What a place is known by, whatever is mounted today.

Law: asking mounts nothing. An automount point is a file system of the kernel's own until somebody
goes through it; who only asks for a name stops in front of it.
"""

import os
from contextlib import suppress

from mirrorfs.drives.place import parse
from mirrorfs.trees.local.mountinfo import Mount, covering, mounted_now, mounts_now

_AUTOMOUNT = "autofs"
_HOPS = 40


def name(text: str) -> str:
    """A real path, or the place as it is written. Raises UsageError."""
    place = parse(text)
    return _real(text)[0] if place is None else str(place)


def absolute(text: str) -> str:
    """The same for people: symlinks stay. Raises UsageError."""
    place = parse(text)
    return os.path.abspath(text) if place is None else str(place)


def asleep(text: str) -> bool:
    """Whether a place is behind an automount point on which nothing is mounted now: to open it
    would mount it, or wait for what is not plugged in. Raises UsageError."""
    return parse(text) is None and _real(text)[1]


def rouse(text: str) -> None:
    """Have mounted what is to be mounted there. May take as long as a drive needs to spin up; what
    is not plugged in shows when the place is opened. Raises UsageError."""
    if asleep(text):
        with suppress(OSError):
            os.close(os.open(text, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))


def _real(path: str) -> tuple[str, bool]:
    """The path without symlinks, as far as it can be gone without mounting anything; and whether
    that is not the end."""
    if not mounted_now(_AUTOMOUNT):
        return os.path.realpath(path), False
    listed = mounts_now()
    here, hops = "/", 0
    rest = _parts(os.path.abspath(path))
    while rest:
        part = rest.pop()
        if part == "..":
            here = os.path.dirname(here)
            continue
        there = os.path.join(here, part)
        if _is_asleep(there, listed):
            return os.path.join(there, *reversed(rest)), True
        try:
            target = os.readlink(there)
        except OSError:
            here = there
            continue
        hops += 1
        if hops > _HOPS:
            return os.path.join(there, *reversed(rest)), False
        here = "/" if target.startswith("/") else here
        rest += _parts(target)
    return here, False


def _parts(path: str) -> list[str]:
    """The last one first."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _is_asleep(real: str, listed: list[Mount]) -> bool:
    mount = covering(real, listed)
    return mount is not None and mount.kind == _AUTOMOUNT
