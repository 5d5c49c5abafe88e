"""File systems of every kind, made for a test and gone with it.

Law: what was mounted is unmounted, also when the test fails; lazily, so that a handle that was left
open does not keep it.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KINDS = ("ext4", "xfs", "btrfs", "tmpfs")
_MAKE = {
    "ext4": ("mkfs.ext4", "-q", "-F", "-b", "4096", "-I", "256"),
    "xfs": ("mkfs.xfs", "-q", "-f"),
    "btrfs": ("mkfs.btrfs", "-q", "-f"),
}


@contextmanager
def drive(kind: str, where: Path, *, size: str = "400M", options: str = "") -> Iterator[Path]:
    """An empty file system of one of `KINDS`, mounted below ``where``; needs the rights of root.

    ``size``: the image is sparse, so a large one costs nothing; xfs takes none below 300M.
    """
    point = where / f"{kind}.mounted"
    point.mkdir(parents=True)
    if kind == "tmpfs":
        given = f"size={size},{options}" if options else f"size={size}"
        command = ["mount", "-t", "tmpfs", "-o", given, "tmpfs", point]
    else:
        image = where / f"{kind}.image"
        with open(image, "wb"):
            pass
        subprocess.run(["truncate", "-s", size, image], check=True)
        subprocess.run([*_MAKE[kind], image], check=True, capture_output=True)
        given = f"loop,{options}" if options else "loop"
        command = ["mount", "-o", given, image, point]
    subprocess.run(command, check=True)
    try:
        yield point
    finally:
        subprocess.run(["umount", "-l", point], check=True)
        point.rmdir()
        if kind != "tmpfs":
            image.unlink()
