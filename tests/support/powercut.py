"""A drive whose power fails: what was not on the disk by then is gone.

Law: only the kernel decides what is gone. The file system is shut down as by a dead drive, nothing
of its log is written any more, and mounting it again recovers what a power cut would have left.
"""

import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

GOING_DOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN
NO_LOG_FLUSH = 2
MAKE = {
    # As small as they get, so that many of them can be looked at.
    "ext4": ("mkfs.ext4", "-q", "-F", "-b", "4096", "-J", "size=4"),
    "xfs": ("mkfs.xfs", "-q", "-f"),
}
SIZES = {"ext4": 96 << 20, "xfs": 300 << 20}


def make(kind: str, image: Path) -> None:
    """A file system in a new sparse file."""
    with open(image, "wb") as file:
        file.truncate(SIZES[kind])
    subprocess.run([*MAKE[kind], image], check=True, capture_output=True)


class Drive:
    """A mounted file system in an image. ``point`` is where, ``image`` what is mounted next;
    ``shown`` are directories of it that are to be seen elsewhere, too: name → place."""

    def __init__(self, image: Path, point: Path) -> None:
        self.image = image
        self.point = point
        self.shown: dict[str, Path] = {}
        self._mounted = False

    def mount(self) -> None:
        # xfs refuses a second file system with one uuid; each of our images replaces the last.
        subprocess.run(("mount", "-o", "loop", self.image, self.point), check=True)
        self._mounted = True
        for name, place in self.shown.items():
            subprocess.run(("mount", "--bind", self.point / name, place), check=True)

    def umount(self) -> None:
        subprocess.run(("umount", *self.shown.values(), self.point), check=True)
        self._mounted = False

    def kill(self) -> None:
        """From now on nothing reaches the disk; whoever works on it gets errors."""
        top = os.open(self.point, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(top, GOING_DOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(top)

    def cut(self) -> None:
        """Power off, and on again."""
        self.kill()
        self.again()

    def again(self) -> None:
        self.umount()
        self.mount()

    def show(self, name: str, place: Path) -> None:
        """Let a directory of it be seen at a place, from now on."""
        subprocess.run(("mount", "--bind", self.point / name, place), check=True)
        self.shown[name] = place

    def settle(self) -> None:
        """Everything that is there is on the disk."""
        subprocess.run(("sync", "-f", self.point), check=True)

    def close(self) -> None:
        if self._mounted:
            subprocess.run(("umount", "-l", *self.shown.values(), self.point), check=True)
            self._mounted = False


@contextmanager
def drive(kind: str, room: Path) -> Iterator[Drive]:
    """A new one of ``kind``, ext4 or xfs, mounted below ``room``; needs the rights of root."""
    image, point = room / f"{kind}.image", room / f"{kind}.drive"
    make(kind, image)
    point.mkdir()
    made = Drive(image, point)
    made.mount()
    try:
        yield made
    finally:
        made.close()
