"""What a file system says of itself, beside blkid(8), on what the real tools make."""

import os
import subprocess
from pathlib import Path

import pytest

from mirrorfs.trees.local.superblock import Read, Volume, recognise

MAKE: dict[str, tuple[str, str, str]] = {
    "ext2": ("1M", "", "mkfs.ext2 -q -L {}"),
    "ext3": ("8M", "", "mkfs.ext3 -q -L {}"),
    "ext4": ("8M", "", "mkfs.ext4 -q -L {}"),
    "xfs": ("300M", "", "mkfs.xfs -q -L {}"),
    "btrfs": ("110M", "", "mkfs.btrfs -q -L {}"),
    "fat12": ("2M", "vfat", "mkfs.vfat -F 12 -n {}"),
    "fat16": ("20M", "vfat", "mkfs.vfat -F 16 -n {}"),
    "fat32": ("40M", "vfat", "mkfs.vfat -F 32 -n {}"),
    "exfat": ("8M", "", "mkfs.exfat -L {}"),
    "ntfs": ("4M", "", "mkfs.ntfs -q -F -Q -L {}"),
}


def made(kind: str, label: str, room: Path) -> Path:
    size, _, command = MAKE[kind]
    image = room / kind
    with open(image, "wb") as file:
        file.truncate(int(size[:-1]) << 20)
    words = command.format(label).split()
    subprocess.run([*words, image], check=True, capture_output=True)
    return image


def reader(image: Path) -> Read:
    def read(offset: int, size: int) -> bytes:
        with open(image, "rb") as file:
            return os.pread(file.fileno(), size, offset)

    return read


def blkid(image: Path) -> Volume:
    words = ["blkid", "-p", "-o", "export", image]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    found = dict(line.split("=", 1) for line in said.splitlines())
    return Volume(found["TYPE"], found.get("UUID", ""), found.get("LABEL", "").replace("\\", ""))


@pytest.mark.parametrize("kind", MAKE)
def test_the_same_as_blkid(kind: str, tmp_path: Path) -> None:
    image = made(kind, "BACKUP-7", tmp_path)
    volume = recognise(reader(image))
    assert volume == blkid(image)
    assert volume.label == "BACKUP-7"
    assert volume.kind == (MAKE[kind][1] or kind)


@pytest.mark.parametrize("kind", ["ext4", "fat32", "ntfs"])
def test_what_is_cut_short_or_damaged_is_not_believed(kind: str, tmp_path: Path) -> None:
    image = made(kind, "BACKUP", tmp_path)
    whole = image.read_bytes()[: 1 << 20]
    for size in (0, 3, 90, 511, 513, 1100, 1200, 4096):
        recognise(lambda offset, wanted, size=size: whole[:size][offset : offset + wanted])
    noise = bytearray(whole)
    for at in range(11, 80):
        noise[at] ^= 0xFF
        recognise(lambda offset, wanted: bytes(noise[offset : offset + wanted]))
    assert recognise(lambda offset, wanted: bytes(wanted)) is None
