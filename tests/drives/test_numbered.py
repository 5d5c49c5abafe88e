"""File systems whose id is the number of the device they were plugged in as: NTFS, by ntfs-3g."""

import subprocess
from pathlib import Path

import pytest

from mirrorfs.drives import located
from mirrorfs.mirror.record import identity_now

pytestmark = [pytest.mark.root, pytest.mark.fuse]


def said(*words: object) -> str:
    done = subprocess.run([*map(str, words)], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_same_directory_on_another_device(tmp_path: Path) -> None:
    image, point = tmp_path / "image", tmp_path / "point"
    with open(image, "wb") as file:
        file.truncate(4 << 20)
    said("mkfs.ntfs", "-q", "-F", "-Q", "-L", "stick", image)
    point.mkdir()
    seen = []
    first = said("losetup", "-f", "--show", image)
    second = said("losetup", "-f", "--show", image)
    try:
        for device in (first, second):
            said("ntfs-3g", device, point)
            try:
                (point / "folder").mkdir(exist_ok=True)
                uuid = said("blkid", "-p", "-o", "value", "-s", "UUID", device)
                assert located("LABEL=stick:/folder") == f"{point}/folder"
                assert located(f"UUID={uuid}:/folder") == f"{point}/folder"
                seen.append(identity_now(f"UUID={uuid}:/folder"))
            finally:
                said("umount", point)
    finally:
        for device in (first, second):
            said("losetup", "-d", device)
    assert seen[0] == seen[1]
    assert seen[0].filesystem == uuid
