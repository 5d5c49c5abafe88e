"""Which file system a mount shows: by udev's links, by its first blocks, by what the kernel tells.

Law: only file systems on a device are asked; a server that hangs is never touched. None of the
three is needed: where there is no udev, root reads the device, and anybody asks the kernel.
"""

import fcntl
import os
import stat
from contextlib import suppress

from mirrorfs.trees.local import kernel
from mirrorfs.trees.local.handles import DIRECTORY
from mirrorfs.trees.local.mountinfo import Mount
from mirrorfs.trees.local.quiet import open_quietly
from mirrorfs.trees.local.superblock import Volume, dashed, recognise

LINKS = "/dev/disk"  # udev's


def on_device(mount: Mount) -> bool:
    return mount.source.startswith("/dev/")


def is_seen(mount: Mount) -> bool:
    """Whether its mount point leads to it: another mount may hide it."""
    try:
        return kernel.mount_at(f"/{mount.point}") in (0, mount.number)
    except OSError:
        return False


def look(mount: Mount) -> Volume:
    """All that can be said of it."""
    return Volume(mount.kind, value(mount, "UUID"), value(mount, "LABEL"))


def value(mount: Mount, tag: str) -> str:
    """Its UUID, LABEL or PARTUUID; "" where nobody knows it.

    The mount point is opened last: while it is open the file system cannot be unmounted.
    """
    if tag == "PARTUUID":
        return partition(mount)
    if linked := _linked(f"by-{tag.lower()}", mount):
        return linked
    found = _read(mount)
    if found is None:
        found = _told(mount)
    return found.uuid if tag == "UUID" else found.label


def uuid_of(mount: Mount) -> str:
    """Where the kernel tells none: of the device, or by udev; "" where nobody knows."""
    found = _read(mount) if on_device(mount) else None
    return found.uuid if found else _linked("by-uuid", mount)


def partition(mount: Mount) -> str:
    """The PARTUUID of its device, as far as somebody tells; "" else."""
    with suppress(OSError, ValueError), open(f"/sys/dev/block/{_device(mount)}/uevent") as lines:
        for line in lines:
            if line.startswith("PARTUUID="):
                return line.rstrip("\n").partition("=")[2]
    return _linked("by-partuuid", mount)


def attached(tag: str, value: str) -> str:
    """The device that udev knows by a tag; "" for none."""
    path = os.path.join(LINKS, f"by-{tag.lower()}", _escaped(value))
    return os.path.realpath(path) if os.path.exists(path) else ""


def _told(mount: Mount) -> Volume:
    """What the kernel tells to who may open it."""
    uuid = label = ""
    try:
        top = open_quietly(f"/{mount.point}", DIRECTORY)
    except OSError:  # not ours to open, or a drive that is gone
        return Volume(mount.kind)
    try:
        with suppress(OSError):
            answer = bytearray(17)
            fcntl.ioctl(top, kernel.FS_IOC_GETFSUUID, answer)
            uuid = dashed(bytes(answer[1:17])) if answer[0] == 16 else ""
        if not uuid:
            with suppress(OSError):
                told = bytearray(1024)
                fcntl.ioctl(top, kernel.BTRFS_IOC_FS_INFO, told)
                uuid = dashed(bytes(told[16:32]))
        with suppress(OSError):
            text = bytearray(256)
            fcntl.ioctl(top, kernel.FS_IOC_GETFSLABEL, text)
            label = os.fsdecode(bytes(text).partition(b"\0")[0])
    finally:
        os.close(top)
    return Volume(mount.kind, uuid, label)


def _read(mount: Mount) -> Volume | None:
    """What the device's first blocks say, if we may read them."""
    try:
        device = os.open(mount.source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        if not stat.S_ISBLK(os.fstat(device).st_mode):
            return None
        return recognise(lambda offset, size: os.pread(device, size, offset))
    except OSError:
        return None
    finally:
        os.close(device)


def _linked(directory: str, mount: Mount) -> str:
    """The name that udev gave its device."""
    with suppress(OSError):
        for name in os.listdir(links := os.path.join(LINKS, directory)):
            with suppress(OSError):
                if _number(os.path.join(links, name)) == _device(mount):
                    return _unescaped(name)
    return ""


def _device(mount: Mount) -> str:
    """The numbers of the device, which those of the file system need not be (btrfs)."""
    with suppress(OSError):
        return _number(mount.source)
    return mount.device


def _number(path: str) -> str:
    number = os.stat(path).st_rdev
    return f"{os.major(number)}:{os.minor(number)}"


def _escaped(name: str) -> str:
    plain = "#+-.:=@_"
    return "".join(
        letter
        if letter.isalnum() or letter in plain or ord(letter) > 127
        else f"\\x{ord(letter):02x}"
        for letter in name
    )


def _unescaped(name: str) -> str:
    parts = name.split("\\x")
    return parts[0] + "".join(chr(int(part[:2], 16)) + part[2:] for part in parts[1:])
