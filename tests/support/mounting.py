"""File systems of every kind, mounted for the time of a block.

Law: nothing stays mounted, whatever happens in the block.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZES = {"ext4": 16 << 20, "xfs": 300 << 20, "btrfs": 128 << 20}


def mount(*words: str | Path) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


def umount(point: Path, *options: str) -> None:
    subprocess.run(["umount", *options, point], check=True, capture_output=True)


def make(kind: str, base: Path) -> tuple[str | Path, ...]:
    """What to tell mount(8), before the mount point, to mount the same file system again and again;
    ``base``: a directory of its own for what that takes."""
    base.mkdir(exist_ok=True)
    if kind == "tmpfs":
        return ("-t", "tmpfs", "tmpfs")
    if kind == "bind":
        (base / "bound").mkdir()
        return ("--bind", base / "bound")
    if kind == "overlay":
        for name in ("lower", "upper", "work"):
            (base / name).mkdir()
        layers = f"lowerdir={base}/lower,upperdir={base}/upper,workdir={base}/work"
        return ("-t", "overlay", "-o", layers, "overlay")
    image = base / f"{kind}.image"
    with open(image, "wb") as file:
        file.truncate(SIZES[kind])
    subprocess.run([f"mkfs.{kind}", "-q", image], check=True)
    return ("-o", "loop", image)


@contextmanager
def mounted(how: tuple[str | Path, ...], point: Path) -> Iterator[None]:
    """Mounted at ``point``; it may be unmounted and mounted again meanwhile."""
    mount(*how, point)
    try:
        yield
    finally:
        while (
            subprocess.run(["umount", "-l", point], check=False, capture_output=True).returncode
            == 0
        ):
            pass
