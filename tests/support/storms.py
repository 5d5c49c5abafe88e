"""Changes made by processes of their own, as fast as the kernel takes them.

Law: a storm is what its seed says, and ends by itself. The processes are forks that run nothing
but what is in here. Storms of one kind use the same directories: what happens in those that were
there before is heard by a watcher that does not come to set watches.
"""

import os
import random
import shutil
import subprocess
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

Storm = Callable[[str, random.Random, int], None]


@contextmanager
def blowing(*storms: tuple[Storm, Path, int, int]) -> Iterator[None]:
    """(storm, root, seed, times) each in a process; at the end of the block all have ended."""
    children = [_start(*storm) for storm in storms]
    try:
        yield
    finally:
        codes = [os.waitpid(child, 0)[1] for child in children]
    assert codes == [0] * len(codes)


def blow(*storms: tuple[Storm, Path, int, int]) -> None:
    with blowing(*storms):
        pass


def _start(storm: Storm, root: Path, seed: int, times: int) -> int:
    child = os.fork()
    if child == 0:
        try:
            storm(str(root), random.Random(seed), times)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    return child


def create(root: str, rng: random.Random, times: int) -> None:
    os.makedirs(f"{root}/created", exist_ok=True)
    tag = rng.randrange(10**6)
    for number in range(times):
        _touch(f"{root}/created/{tag}-{number}")


def rename(root: str, rng: random.Random, times: int) -> None:
    """Some files, back and forth between two directories, as often as asked for."""
    for side in ("here", "there"):
        os.makedirs(f"{root}/{side}", exist_ok=True)
    tag = rng.randrange(10**6)
    for number in range(20):
        _touch(f"{root}/here/{tag}-{number}")
    for number in range(times):
        sides = ("here", "there") if number // 20 % 2 == 0 else ("there", "here")
        old, new = (f"{root}/{side}/{tag}-{number % 20}" for side in sides)
        os.rename(old, new)


def remove(root: str, rng: random.Random, times: int) -> None:
    """Directories with files, made in ten others; half of those go, with all they hold."""
    tag = rng.randrange(10**6)
    for number in range(times):
        path = f"{root}/{number % 10}/{tag}-{number}"
        os.makedirs(path, exist_ok=True)
        _touch(f"{path}/file")
    for number in range(0, 10, 2):
        shutil.rmtree(f"{root}/{number}", ignore_errors=True)


def mixed(root: str, rng: random.Random, times: int) -> None:
    for storm in (create, rename, remove):
        storm(root, rng, times // 3)


def rewrite(root: str, rng: random.Random, times: int) -> None:
    """The same thousand names, again and again."""
    for number in range(times):
        os.utime(f"{root}/{number * 7 % 1000}", (number, number))


def race(root: str, rng: random.Random, times: int) -> None:
    """Directories that are made, filled, replaced, moved in and moved out, with random pauses of
    at most two milliseconds, so that the watcher is met at every point."""
    outside = f"{os.path.dirname(root)}/outside-{rng.randrange(10**6)}"
    os.mkdir(outside)
    acts: list[Callable[[str, str, random.Random], None]] = [_deep, _replace, _in, _out]
    acts = acts * 8 + [_unpack, _clone]
    for _ in range(times):
        with suppress(OSError):  # another process was quicker
            rng.choice(acts)(root, outside, rng)
        time.sleep(rng.random() * 0.002 if rng.random() < 0.3 else 0)


def _touch(path: str, data: bytes = b"") -> None:
    fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o644)
    os.write(fd, data) if data else None
    os.close(fd)


def _deep(root: str, outside: str, rng: random.Random) -> None:
    path = "/".join([root, *(rng.choice("abc") for _ in range(8))])
    os.makedirs(path, exist_ok=True)
    _touch(f"{path}/file{rng.randrange(4)}", b"x" * rng.randrange(50))


def _replace(root: str, outside: str, rng: random.Random) -> None:
    path = "/".join([root, *(rng.choice("abc") for _ in range(rng.randrange(1, 4)))])
    shutil.rmtree(path)
    os.mkdir(path)
    _touch(f"{path}/new{rng.randrange(4)}")


def _in(root: str, outside: str, rng: random.Random) -> None:
    os.makedirs(f"{outside}/tree/below", exist_ok=True)
    _touch(f"{outside}/tree/below/file{rng.randrange(4)}", b"in")
    os.rename(f"{outside}/tree", f"{root}/{rng.choice('abcd')}/in{rng.randrange(3)}")


def _out(root: str, outside: str, rng: random.Random) -> None:
    shutil.rmtree(f"{outside}/out", ignore_errors=True)
    os.rename(f"{root}/{rng.choice('abcd')}", f"{outside}/out")
    _touch(f"{outside}/out/outside", b"not in the tree")


def _unpack(root: str, outside: str, rng: random.Random) -> None:
    archive = f"{outside}/archive.tar"
    if not os.path.exists(archive):
        for number in range(5):
            os.makedirs(f"{outside}/pack/{number}/below")
            _touch(f"{outside}/pack/{number}/below/file", b"packed")
        subprocess.run(["tar", "cf", archive, "-C", f"{outside}/pack", "."], check=True)
    place = f"{root}/unpacked{rng.randrange(3)}"
    os.makedirs(place, exist_ok=True)
    subprocess.run(["tar", "xf", archive, "-C", place], check=False, capture_output=True)


def _clone(root: str, outside: str, rng: random.Random) -> None:
    origin, place = f"{outside}/origin", f"{root}/clone{rng.randrange(2)}"
    git = ["git", "-c", "user.name=x", "-c", "user.email=x", "-c", "gc.auto=0"]
    if not os.path.exists(origin):
        subprocess.run([*git, "init", "-q", origin], check=True, capture_output=True)
        _touch(f"{origin}/file", b"cloned")
        subprocess.run([*git, "-C", origin, "add", "."], check=True)
        subprocess.run([*git, "-C", origin, "commit", "-q", "-m", "x"], check=True)
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run([*git, "clone", "-q", origin, place], check=False, capture_output=True)
