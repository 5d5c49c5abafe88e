"""File systems of every kind, mounted for the time of a block.

Law: nothing stays mounted, whatever happens in the block; lazily, so that a handle that was left
open does not keep it.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KINDS = ("ext4", "xfs", "btrfs", "tmpfs")
SIZES = {"ext4": "16M", "xfs": "300M", "btrfs": "128M"}  # about as small as they get
MAKE = {
    "ext4": ("mkfs.ext4", "-q", "-F", "-b", "4096", "-I", "256"),
    "xfs": ("mkfs.xfs", "-q", "-f"),
    "btrfs": ("mkfs.btrfs", "-q", "-f"),
}


def mount(*words: str | Path) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


def umount(point: Path, *options: str) -> None:
    subprocess.run(["umount", *options, point], check=True, capture_output=True)


def make(kind: str, base: Path, *, size: str = "", options: str = "") -> tuple[str | Path, ...]:
    """What to tell mount(8), before the mount point, to mount the same file system again and again;
    ``base``: a directory for what that takes; images in it are sparse, so a large one costs
    nothing."""
    base.mkdir(exist_ok=True)
    if kind == "tmpfs":
        given = ",".join(filter(None, [size and f"size={size}", options]))
        return ("-t", "tmpfs", *(("-o", given) if given else ()), "tmpfs")
    if kind == "bind":
        (base / "bound").mkdir()
        return ("--bind", base / "bound")
    if kind == "overlay":
        for name in ("lower", "upper", "work"):
            (base / name).mkdir()
        layers = f"lowerdir={base}/lower,upperdir={base}/upper,workdir={base}/work"
        return ("-t", "overlay", "-o", layers, "overlay")
    image = base / f"{kind}.image"
    image.touch()
    subprocess.run(["truncate", "-s", size or SIZES[kind], image], check=True)
    subprocess.run([*MAKE[kind], image], check=True, capture_output=True)
    return ("-o", f"loop,{options}" if options else "loop", image)


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


@contextmanager
def drive(kind: str, where: Path, *, size: str = "400M", options: str = "") -> Iterator[Path]:
    """An empty file system of one of `KINDS`, mounted below ``where`` and gone with the block."""
    point = where / f"{kind}.mounted"
    point.mkdir(parents=True)
    try:
        with mounted(make(kind, where, size=size, options=options), point):
            yield point
    finally:
        point.rmdir()
        (where / f"{kind}.image").unlink(missing_ok=True)
