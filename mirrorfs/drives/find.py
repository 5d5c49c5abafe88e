"""Where a place is today.

Law: the kernel's list of mounts is all that is needed; where udev is, it may help. Asking mounts
nothing and touches no file system that is on no device. A word that could mean two drives means
none.
"""

import os
from typing import NamedTuple

from mirrorfs.core.tree import is_within
from mirrorfs.drives.place import Place, parse
from mirrorfs.errors import DriveAway, FatalError
from mirrorfs.trees.local import volume
from mirrorfs.trees.local.mountinfo import Mount, mounts_now
from mirrorfs.trees.local.superblock import Volume


class Found(NamedTuple):
    """``path`` leads there today, through the mount ``number`` (0: a path that was written as
    one)."""

    path: str
    number: int = 0
    volume: Volume = Volume()


def find(text: str) -> Found:
    """Raises DriveAway, FatalError for two drives of one name, UsageError."""
    place = parse(text)
    if place is None:
        return Found(text)
    shown = _mounts_of(place)
    if not shown:
        raise _away(place)
    _refuse_two(place, shown)
    fitting = [(mount, found) for mount, found in shown if is_within(place.folder, mount.root)]
    if not fitting:
        mount, _ = shown[0]
        raise DriveAway(
            f"{place}: of this drive only the folder /{mount.root} is mounted, at /{mount.point}",
            remedy=f"write {place.drive}:/{mount.root}/… if what you mean is below it, or mount "
            "all of the drive",
        )
    mount, found = min(fitting, key=_preferred)
    below = place.folder[len(mount.root) :].strip("/")
    return Found(
        os.path.join(f"/{mount.point}", below) if below else f"/{mount.point}", mount.number, found
    )


def located(text: str) -> str:
    """The path that leads to a place today. Raises as `find` does."""
    return find(text).path


def _mounts_of(place: Place) -> list[tuple[Mount, Volume]]:
    shown = []
    for mount in mounts_now():
        if (found := volume.look(mount)) is None:
            continue
        match place.tag:
            case "UUID":
                value = found.uuid
            case "LABEL":
                value = found.label
            case _:
                value = volume.partition(mount)
        if place.fits(value):
            shown.append((mount, found))
    return shown


def _refuse_two(place: Place, shown: list[tuple[Mount, Volume]]) -> None:
    """One file system may be mounted many times; two are another matter. Raises FatalError."""
    one_each = {mount.device: (mount, found) for mount, found in reversed(shown)}
    if len(one_each) < 2:
        return
    named = " and ".join(
        f"{mount.source} at /{mount.point} (UUID={found.uuid or 'unknown'})"
        for mount, found in sorted(one_each.values(), key=lambda each: each[0].source)
    )
    raise FatalError(
        f"{place.drive} could be {named}",
        remedy="take one of them away, or name it by its UUID (LABEL to UUID: `blkid`)"
        if place.tag == "LABEL"
        else "take one of them away: one seems to be a copy of the other",
    )


def _preferred(shown: tuple[Mount, Volume]) -> tuple[int, bool, int]:
    """All of the drive before a part of it, one that can be written, the one mounted first."""
    mount, _ = shown
    return len(mount.root), mount.read_only, mount.number


def _away(place: Place) -> DriveAway:
    if device := volume.attached(place.tag, place.value):
        return DriveAway(
            f"the drive {place.drive} is attached as {device}, but not mounted",
            remedy=f"mount it: udisksctl mount -b {device}",
        )
    return DriveAway(
        f"the drive {place.drive} is not there",
        remedy="plug it in and mount it, no matter where",
    )
