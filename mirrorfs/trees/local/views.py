"""Mounted views of mirrorfs: where they are, and which of them are dead.

Law: a view shows what lies in the trees; whoever reads a tree goes round it, or a scan would read
itself. It is known by the kernel's list of mounts alone, so that looking never waits for whoever
serves it.
"""

import os
import re

FILE_SYSTEM = b"fuse.mirrorfs"
_OCTAL = re.compile(rb"\\([0-7]{3})")


def views() -> dict[int, str]:
    """The mount point of every view in this mount namespace, by device number."""
    found = {}
    with open("/proc/self/mountinfo", "rb") as lines:
        for line in lines:
            if FILE_SYSTEM not in line:
                continue
            mount, _, rest = line.partition(b" - ")
            if not rest.startswith(FILE_SYSTEM + b" "):
                continue
            fields = mount.split()
            major, minor = map(int, fields[2].split(b":"))
            point = _OCTAL.sub(lambda match: bytes([int(match[1], 8)]), fields[4])
            found[os.makedev(major, minor)] = os.fsdecode(point)
    return found


class Views:
    """Which directories of a tree are views; asked for each directory on another file system than
    its root."""

    def __init__(self, device: int) -> None:
        self._home = device
        self._known: dict[int, bool] = {}

    def shows(self, device: int) -> bool:
        """Whether what lies on this device is a view."""
        if device == self._home:
            return False
        known = self._known.get(device)
        if known is None:
            known = self._known[device] = device in views()
        return known

    def forget(self) -> None:
        """Device numbers are used again."""
        self._known.clear()
