"""A directory that waits for a drive: a mount point on which nothing is mounted.

Law: what looks like one, and is empty or not there yet, gets nothing until somebody says that the
directory itself is meant. What fstab(5) names is one, and so is what lies where udisks mounts.
"""

import os
import re
from contextlib import suppress

from mirrorfs.core.tree import is_below, is_within
from mirrorfs.drives.name import name
from mirrorfs.drives.place import parse
from mirrorfs.errors import DriveAway
from mirrorfs.trees.local.mountinfo import covering, mounts_now

FSTAB = "/etc/fstab"
MEDIA = ("run/media", "media")

_OCTAL = r"\\([0-7]{3})"


def refuse_bare(text: str) -> None:
    """Raises DriveAway for a destination that is to be on a drive, and is not."""
    if parse(text) is not None:
        return  # it is found on its drive, or not at all
    real = name(text).strip("/")
    with suppress(OSError):
        if os.listdir(text):
            return
    mount = covering(real, mounts_now())
    point = "" if mount is None else mount.point
    for waiting in _mount_points():
        if is_within(real, waiting) and not is_within(point, waiting):
            _refuse(f"nothing is mounted at /{waiting}, where {FSTAB} has a drive")
    for media in MEDIA:
        if is_below(real, media) and not is_below(point, media):
            _refuse(f"/{real} is on no drive, and /{media} is where drives are mounted")


def _mount_points() -> list[str]:
    found = []
    with suppress(OSError), open(FSTAB, encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            fields = line.partition("#")[0].split()
            if len(fields) > 1 and fields[1].startswith("/"):
                found.append(
                    re.sub(_OCTAL, lambda match: chr(int(match[1], 8)), fields[1]).strip("/")
                )
    return [point for point in found if point]


def _refuse(why: str) -> None:
    raise DriveAway(
        why, remedy="mount the drive; or, if the directory itself is meant, start with --adopt"
    )
