"""How a path could be written by its drive.

Law: only said where it leads to the same folder today (`mirrorfs.drives.find`).
"""

import os

from mirrorfs.drives.find import located
from mirrorfs.drives.place import Place
from mirrorfs.errors import MirrorError
from mirrorfs.trees.local import volume
from mirrorfs.trees.local.mountinfo import covering, mounts_now


def offered(path: str) -> str:
    """A folder that need not be there yet, as UUID=…:/folder; "" for one on the root file system,
    on no device, or on one whose UUID nobody tells."""
    real = os.path.realpath(path)
    mount = covering(real, mounts_now())
    if mount is None or not mount.point or not volume.on_device(mount):
        return ""
    if not (uuid := volume.value(mount, "UUID")):
        return ""
    below = real.strip("/")[len(mount.point) :].strip("/")
    place = str(Place("UUID", uuid, os.path.join(mount.root, below).strip("/")))
    try:
        return place if located(place) == real else ""
    except MirrorError:
        return ""
