"""What can be said of a place to people: which drive it is on, whether that is here, what to do.

Law: nothing is raised, and nothing is mounted by asking.
"""

import os
import time
from contextlib import suppress
from typing import NamedTuple

from mirrorfs.drives.find import find
from mirrorfs.drives.name import absolute, asleep, name
from mirrorfs.errors import MirrorError
from mirrorfs.trees.local import volume
from mirrorfs.trees.local.mountinfo import covering, mounts_now


class Description(NamedTuple):
    """``here``: whether the place can be opened now; else ``why`` not, and the ``remedy``. ``path``
    leads there, and ``point`` is where its file system is mounted; ``size`` and ``free`` in bytes;
    ``at_ns``: when this was so, in wall-clock nanoseconds. "" and 0 for what is not known."""

    place: str
    here: bool = False
    path: str = ""
    point: str = ""
    kind: str = ""
    uuid: str = ""
    label: str = ""
    size: int = 0
    free: int = 0
    why: str = ""
    remedy: str = ""
    at_ns: int = 0


def describe(text: str) -> Description:
    try:
        place = absolute(text)
        if asleep(text):
            why = "nothing is mounted on the automount point"
            return Description(place, path=place, why=why, remedy="it is mounted when it is needed")
        path = find(text).path
    except MirrorError as error:
        return Description(text, why=str(error), remedy=error.remedy)
    mount = covering(name(path), mounts_now())
    if mount is None or not os.path.isdir(path):
        return Description(place, path=path, why=f"{path} is no directory")
    known = volume.look(mount) if volume.on_device(mount) else None
    size = free = 0
    with suppress(OSError):
        space = os.statvfs(path)
        size, free = space.f_blocks * space.f_frsize, space.f_bavail * space.f_frsize
    return Description(
        place,
        here=True,
        path=path,
        point=f"/{mount.point}",
        kind=mount.kind,
        uuid=known.uuid if known else "",
        label=known.label if known else "",
        size=size,
        free=free,
        at_ns=time.time_ns(),
    )


def sight(text: str) -> str:
    """What is mounted where a place is: another text means that another thing is, or nothing."""
    try:
        mount = covering(name(find(text).path), mounts_now())
    except MirrorError as error:
        return str(error)
    return "" if mount is None else f"{mount.number} {mount.device} {mount.root}"
