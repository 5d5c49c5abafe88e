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


class Found(NamedTuple):
    """``folder`` below ``top``, reached through the mount ``number``; 0, and all of it in ``top``,
    for what was written as a path."""

    top: str
    folder: str = ""
    number: int = 0

    @property
    def path(self) -> str:
        """Leads there today."""
        return os.path.join(self.top, self.folder) if self.folder else self.top


def find(text: str) -> Found:
    """Raises DriveAway, FatalError for two drives of one name, UsageError."""
    place = parse(text)
    if place is None:
        return Found(text)
    shown = _mounts_of(place)
    if not shown:
        raise _away(place)
    _refuse_two(place, shown)
    fitting = [mount for mount in shown if is_within(place.folder, mount.root)]
    if not fitting:
        mount = shown[0]
        raise DriveAway(
            f"{place}: of this drive only the folder /{mount.root} is mounted, at /{mount.point}",
            remedy=f"write {place.drive}:/{mount.root}/… if what you mean is below it, or mount "
            "all of the drive",
        )
    mount = min(fitting, key=_preferred)
    below = place.folder[len(mount.root) :].strip("/")
    return Found(f"/{mount.point}", below, mount.number)


def located(text: str) -> str:
    """The path that leads to a place today. Raises as `find` does."""
    return find(text).path


def _mounts_of(place: Place) -> list[Mount]:
    return [
        mount
        for mount in mounts_now()
        if volume.on_device(mount)
        and place.fits(volume.value(mount, place.tag))
        and volume.is_seen(mount)
    ]


def _refuse_two(place: Place, shown: list[Mount]) -> None:
    """One file system may be mounted many times; two are another matter. Raises FatalError."""
    one_each = {mount.device: mount for mount in reversed(shown)}
    if len(one_each) < 2:
        return
    named = " and ".join(
        f"{mount.source} at /{mount.point} (UUID={volume.value(mount, 'UUID') or 'unknown'})"
        for mount in sorted(one_each.values(), key=lambda mount: mount.source)
    )
    raise FatalError(
        f"{place.drive} could be {named}",
        remedy="take one of them away, or name it by its UUID (LABEL to UUID: `blkid`)"
        if place.tag == "LABEL"
        else "take one of them away: one seems to be a copy of the other",
    )


def _preferred(mount: Mount) -> tuple[int, bool, int]:
    """All of the drive before a part of it, one that can be written, the one mounted first."""
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
