"""Mounted views of mirrorfs: where they are, and which of them are dead.

Law: a view shows what lies in the trees; whoever reads a tree goes round it, or a scan would read
itself. It is known by the kernel's list of mounts alone, so that looking never waits for whoever
serves it.
"""

import os

from mirrorfs.trees.local.mountinfo import VIEW, mounts


def views() -> dict[int, str]:
    """The mount point of every view in this mount namespace, by device number."""
    found = {}
    descriptor = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
    try:
        for mount in mounts(descriptor):
            if mount.kind == VIEW:
                major, minor = map(int, mount.line.split(b" ", 3)[2].split(b":"))
                found[os.makedev(major, minor)] = f"/{mount.point}"
    finally:
        os.close(descriptor)
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
