"""The trees that are mirrored: what is in them depends on their kind and number alone.

Law: a tree is made once in a place and never changed by a contender; whoever changes one says so
(`benchmarks.places.Place.tree`), and puts it back or makes one of its own.
"""

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

Make = Callable[[Path], None]
PER_DIRECTORY = 100
BLOCK = bytes(range(256)) * 4096  # 1 MiB; no zeros that could become holes
PROJECT = Path(__file__).resolve().parent.parent


def many(root: Path, files: int, size: int = 4096) -> None:
    """Many small files: a hundred in each directory, a hundred directories in each above."""
    content = BLOCK[:size]
    for number in range(files):
        if number % PER_DIRECTORY == 0:
            directory = number // PER_DIRECTORY
            parent = f"{root}/{directory // 100:03}/{directory % 100:02}"
            os.makedirs(parent)
        write(f"{parent}/file-{number:07}.dat", content)


def large(root: Path, files: int, size: int) -> None:
    """A few large files."""
    root.mkdir()
    for number in range(files):
        big(root / f"large-{number}", size)


def deep(root: Path, files: int) -> None:
    """Chains of directories, fifty deep, with a file on each level."""
    root.mkdir()
    for number in range(files):
        if number % 50 == 0:
            path = f"{root}/chain-{number // 50:05}"
        os.mkdir(path)
        write(f"{path}/file", BLOCK[:1024])
        path += f"/{number % 50:02}"


def wide(root: Path, files: int) -> None:
    """One directory that holds everything."""
    root.mkdir()
    for number in range(files):
        write(f"{root}/file-{number:07}", BLOCK[:1024])


def real(root: Path) -> None:
    """What people have: Python's standard library, and a git checkout with its history."""
    root.mkdir()
    library = sysconfig.get_path("stdlib")
    ignore = shutil.ignore_patterns("site-packages", "test", "__pycache__")
    shutil.copytree(library, root / "library", symlinks=True, ignore=ignore)
    if (PROJECT / ".git").exists():
        clone = ["git", "clone", "-q", "--no-hardlinks", str(PROJECT), str(root / "checkout")]
        subprocess.run(clone, check=True)


def directories(root: Path, count: int) -> None:
    """Directories for watching: fifty in one, and so on down, all empty."""
    root.mkdir()
    level, made = [str(root)], 0
    while made < count:
        below = []
        for parent in level:
            for number in range(min(50, count - made)):
                path = f"{parent}/directory-{number:02}"
                os.mkdir(path)
                below.append(path)
                made += 1
        level = below


def write(path: str | Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        if content:
            os.write(descriptor, content)
    finally:
        os.close(descriptor)


def big(path: Path, size: int) -> None:
    with open(path, "wb", buffering=0) as file:
        for start in range(0, size, len(BLOCK)):
            file.write(BLOCK[: size - start])


def count(root: str | Path) -> int:
    """How many names there are below a directory; what vanishes meanwhile is not counted."""
    total, todo = 0, [os.fspath(root)]
    while todo:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    total += 1
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
        except FileNotFoundError:
            continue
    return total


def names(root: str | Path) -> set[str]:
    """All paths below a directory, as they stand now."""
    return {
        os.path.join(os.path.relpath(folder, root), name)
        for folder, folders, files in os.walk(root)
        for name in (*folders, *files)
    }
