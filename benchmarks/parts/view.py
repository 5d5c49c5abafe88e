"""What looking through the view costs, beside the same in a native directory: one of memory
(tmpfs), and one of a disk (ext4) whose names and inodes are all in the kernel's caches.

Empty files, all yet to be created, lie in one directory, a thousand in each, a hundred in each, and
are shown by `mirrorfs mount`. `find` by name lists; by size it asks for every file's attributes.
The first of all looks at a view, which finds nothing of it in any cache, is shown apart: beside a
native directory that is looked at anew, its names and inodes dropped from the kernel's caches (a
disk's blocks stay in memory, as the destination's do; tmpfs has nothing to drop), beside one that
is in them, and beside the first look at a view in C that knows the tree by heart (`least_view.c`):
the kernel's share. A large file is read.
"""

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from benchmarks import trees
from benchmarks.answer import Answer
from benchmarks.live import Gone, serving, until
from benchmarks.measure import memory
from benchmarks.places import Place, mounted

START = 600.0
DISK = 4 << 30  # takes space only where it is written
FIRST_LOOKS = 3  # each needs a mount
LEAST = Path(__file__).with_name("least_view.c")
DROP = Path("/proc/sys/vm/drop_caches")
INODES = "2"  # names and inodes, no pages
BAR = 2.0  # at least half as fast as a native directory
NAME = ("find by name", ["find", ".", "-name", "*.nothing"])
SIZE = ("find by size", ["find", ".", "-size", "+1G"])
LARGE = ("read a large file", ["cat", "large"])


def measure(answer: Answer, place: Place, files: int, large: int, rounds: int) -> None:
    if importlib.util.find_spec("pyfuse3") is None or not os.path.exists("/dev/fuse"):
        answer.notes.append("view: needs pyfuse3 and /dev/fuse")
        return
    with ExitStack() as undo:
        disk = _disk(answer, place, undo)
        least = _least(answer, place)
        for each in dict.fromkeys((files, min(files, 1000), min(files, 100))):
            layout = "one directory" if each == files else f"{each:,} in each directory"
            native = {place.name: _laid(place, files, each)}
            if disk is not None:
                native["ext4"] = _laid(disk, files, each)
            looks = min(rounds, FIRST_LOOKS)
            for what, words in (NAME, SIZE):
                _first(answer, f"{what}, {layout}", words, place, native, least, looks)
            with _shown(answer, place, native[place.name], weighed=True) as after:
                if after is not None:
                    for what, words in (NAME, SIZE):
                        _compared(answer, f"{what}, {layout}", words, after, native, rounds, BAR)
    source = place.empty("seen")
    trees.big(source / "large", large)
    with _shown(answer, place, source) as after:
        if after is not None:
            _compared(answer, *LARGE, after, {place.name: source}, rounds)


def _disk(answer: Answer, place: Place, undo: ExitStack) -> Place | None:
    try:
        return undo.enter_context(mounted(place, "ext4", DISK))
    except (OSError, subprocess.CalledProcessError) as error:
        answer.notes.append(f"view: no ext4 beside it: {error}")
        return None


def _laid(place: Place, files: int, each: int) -> Path:
    root = place.empty("seen")
    for number in range(files):
        if number % each == 0:
            directory = number // each
            parent = f"{root}/{directory // 100:03}/{directory % 100:02}"
            os.makedirs(parent)
        trees.write(f"{parent}/file-{number:07}.dat", b"")
    return root


@contextmanager
def _shown(
    answer: Answer, place: Place, source: Path, *, weighed: bool = False
) -> Iterator[Path | None]:
    """What will be of a destination that is empty yet."""
    target, point = place.empty("target"), place.empty("view")
    state = ["--state-dir", str(place.empty("memory"))]
    words = [sys.executable, "-m", "mirrorfs", "mount", source, target, point, *state]
    with serving(words, place.fresh("view.log")) as view:
        try:
            until((point / "summary").exists, START)
        except Gone:
            answer.notes.append("view: it was not mounted")
            yield None
            return
        yield point / "after"
        if weighed:
            names, taken = trees.count(source), memory(view.pid) / 1e6
            answer.add("view", f"memory, {names:,} names", place.name, "MB", [taken])


def _least(answer: Answer, place: Place) -> Path | None:
    """The view in C, compiled; ``None`` where it cannot be."""
    program = place.fresh("least-view")
    try:
        asked = subprocess.run(
            ["pkg-config", "--cflags", "--libs", "fuse3"], capture_output=True, check=True
        )
        words = ["cc", "-O2", LEAST, "-o", program, *asked.stdout.decode().split()]
        subprocess.run(words, check=True, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        answer.notes.append("view: no view in C beside it: needs cc, pkg-config and libfuse3-dev")
        return None
    return program


@contextmanager
def _least_shown(program: Path, place: Place, tree: Path) -> Iterator[Path]:
    point = place.empty("view")
    try:
        with serving([program, point, tree], place.fresh("least-view.log")):
            until(partial(os.path.ismount, point), START)
            yield point
    finally:
        subprocess.run(["umount", point], check=True)


def _first(
    answer: Answer,
    what: str,
    words: list[str],
    place: Place,
    native: dict[str, Path],
    least: Path | None,
    looks: int,
) -> None:
    """Each look at a mount of its own."""
    seen: list[float] = []
    known: list[float] = []
    anew: dict[str, list[float]] = {name: [] for name in native}
    warm: dict[str, list[float]] = {name: [] for name in native}
    for _ in range(looks):
        with _shown(answer, place, native[place.name]) as after:
            if after is None:
                return
            seen.append(_seconds(after, words))
        if least is not None:
            with _least_shown(least, place, native[place.name]) as shown:
                known.append(_seconds(shown, words))
        for name, root in native.items():
            with suppress(OSError):  # not root: as warm as it is
                DROP.write_text(INODES)
            anew[name].append(_seconds(root, words))
            warm[name].append(_seconds(root, words))
    answer.add("view, first look", what, place.name, "s", seen)
    if known:
        answer.add("view in C, first look", what, place.name, "s", known)
        both = ("view, first look", "view in C, first look")
        answer.compare(both, what, place.name, (seen, known))
        both = ("view in C, first look", "directory")
        answer.compare(both, what, place.name, (known, warm[place.name]))
    for name in native:
        both = ("view, first look", "directory, first look")
        answer.compare(both, what, name, (seen, anew[name]), BAR)
        answer.compare(("view, first look", "directory"), what, name, (seen, warm[name]))


def _compared(
    answer: Answer,
    what: str,
    words: list[str],
    after: Path,
    native: dict[str, Path],
    rounds: int,
    bar: float | None = None,
) -> None:
    where = {"view": after, **native}
    taken: dict[str, list[float]] = {name: [] for name in where}
    for number in range(rounds + 1):
        for name in where if number % 2 == 0 else reversed(where):
            taken[name].append(_seconds(where[name], words))
    seen = taken["view"][1:]
    for name in native:
        rest = taken[name][1:]
        answer.add("directory", what, name, "s", rest)
        answer.compare(("view", "directory"), what, name, (seen, rest), bar)
    answer.add("view", what, next(iter(native)), "s", seen)


def _seconds(root: Path, words: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(words, cwd=root, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began
