"""The trees that are mirrored: what is in them depends on their kind and number alone.

Law: a tree is made once in a place and never changed by a contender; whoever changes one says so
(`benchmarks.places.Place.tree`), and puts it back or makes one of its own.
"""

import os
import shutil
import signal
import subprocess
import sysconfig
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from benchmarks.measure import end_with_parent, undisturbed

Make = Callable[[Path], None]
PER_DIRECTORY = 100
WORTH = 5_000  # files that are made by several processes
BLOCK = bytes(range(256)) * 4096  # 1 MiB; no zeros that could become holes
PROJECT = Path(__file__).resolve().parent.parent


def many(root: Path, files: int, size: int = 4096) -> None:
    """Many small files: a hundred in each directory, a hundred directories in each above."""
    root.mkdir(exist_ok=True)
    content = BLOCK[:size]

    def fill(part: int, parts: int) -> None:
        for first in range(0, files, PER_DIRECTORY)[part::parts]:
            directory = first // PER_DIRECTORY
            parent = f"{root}/{directory // 100:03}/{directory % 100:02}"
            os.makedirs(parent)
            handle = os.open(parent, os.O_RDONLY | os.O_DIRECTORY)
            for number in range(first, min(first + PER_DIRECTORY, files)):
                write(f"file-{number:07}.dat", content, handle)
            os.close(handle)

    if files < WORTH:
        fill(0, 1)
    else:
        in_parts(fill)


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


def copied(source: Path, target: Path) -> None:
    """``target``, a directory, becomes as ``source``, by as many cp as there are processors."""
    names = sorted(os.listdir(source))

    def copy(part: int, parts: int) -> None:
        if some := names[part::parts]:
            subprocess.run(["cp", "-a", "-t", target, "--", *some], cwd=source, check=True)

    in_parts(copy)
    shutil.copystat(source, target)


def in_parts(work: Callable[[int, int], None]) -> None:
    """Call it once for each processor, each in a process of its own, with its number and theirs.
    Raises ChildProcessError when one fails."""
    parts = os.cpu_count() or 1
    children: list[int] = []
    try:
        for part in range(parts):
            with undisturbed():
                child = os.fork()
            if child == 0:
                _work(work, part, parts)
            children.append(child)
        codes = [os.waitpid(child, 0)[1] for child in children]
    except BaseException:
        for child in children:
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
        raise
    if any(codes):
        raise ChildProcessError("a tree could not be made")


def _work(work: Callable[[int, int], None], part: int, parts: int) -> NoReturn:
    code = 1
    try:
        os.setpgid(0, 0)
        end_with_parent()
        work(part, parts)
        code = 0
    finally:
        os._exit(code)


def write(path: str | Path, content: bytes, directory: int | None = None) -> None:
    flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o644, dir_fd=directory)
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
