"""What watching costs, beside the least that any program could do.

Setting watches is compared with one system call and one listing per directory; emptying a full
queue with reading it, unpacking each event and cutting out its name, and with unpacking alone,
which tells nobody what changed. Seconds of the processor, in pairs. A storm of another process
shows whether the default queue overflows.
"""

import ctypes
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks import trees
from benchmarks.answer import Answer
from benchmarks.places import Place, remove
from mirrorfs.core.change import Change
from mirrorfs.core.tree import Identity
from mirrorfs.watch import Watcher
from mirrorfs.watch.inotify import DIRECTORY, HEADER, Inotify

IDENTITY = Identity("bench", "bench", 1, 0)
WHO = "watcher"
QUEUED = 8000  # files: twice as many events, and just below the default queue
_libc = ctypes.CDLL(None, use_errno=True)


class Run:
    """A watcher whose records are counted, and which can be held."""

    def __init__(self, root: Path, cookies: Path, backend: str = "inotify") -> None:
        self.count = 0
        self.seen = threading.Condition()
        self.go = threading.Event()
        self.go.set()
        self.held = threading.Event()
        self.watcher = Watcher(
            str(root),
            self.emit,
            cookie_directory=str(cookies),
            identity=lambda: IDENTITY,
            backend=backend,
        )

    def emit(self, changes: list[Change]) -> None:
        if not self.go.is_set():
            self.held.set()
            self.go.wait()
        with self.seen:
            self.count += len(changes)
            self.seen.notify_all()

    def hold(self, root: Path) -> None:
        """Stop the reader: it is inside `emit` when this returns."""
        self.held.clear()
        self.go.clear()
        trees.write(root / "held", b"")
        self.held.wait()

    def wait(self, records: int) -> None:
        with self.seen:
            self.seen.wait_for(lambda: self.count >= records, 60)


def measure(answer: Answer, place: Place, directories: int, files: int, rounds: int) -> None:
    root, cookies = place.fresh("watched"), place.empty("cookies")
    trees.directories(root, directories)
    _setting(answer, place, root, cookies, rounds)
    _memory(answer, place, root, cookies, directories)
    _draining(answer, place, cookies, min(QUEUED, files), rounds)
    _storm(answer, place, cookies, files)
    for path in (root, cookies):
        remove(path)


def _setting(answer: Answer, place: Place, root: Path, cookies: Path, rounds: int) -> None:
    ours: list[float] = []
    floor: list[float] = []
    directories = _plain(str(root))  # and all of it is in the cache
    for _ in range(rounds):
        floor.append(_processor(partial(_plain, str(root))) / directories * 1e6)
        run = Run(root, cookies)

        def start(run: Run = run) -> None:
            run.watcher.start()
            run.watcher.ready.wait()

        ours.append(_processor(start) / directories * 1e6)
        run.watcher.close()
    what = "setting a watch: CPU"
    answer.add(WHO, what, place.name, "µs", ours)
    answer.add("add_watch + scandir", what, place.name, "µs", floor)
    answer.compare((WHO, "add_watch + scandir"), what, place.name, (ours, floor))


def _memory(answer: Answer, place: Place, root: Path, cookies: Path, directories: int) -> None:
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    run = Run(root, cookies)
    with run.watcher:
        run.watcher.ready.wait()
        used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    answer.add(WHO, "objects per directory", place.name, "bytes", [used / directories])


def _draining(answer: Answer, place: Place, cookies: Path, files: int, rounds: int) -> None:
    """Files made while nobody reads, each two events (create and close)."""
    root = place.empty("drained")
    taken: dict[str, list[float]] = {WHO: [], "read + unpack + name": [], "read + unpack": []}
    for _ in range(rounds):
        for name, work in (("read + unpack", _unpack), ("read + unpack + name", _cut)):
            with _full(root, files) as queue:
                taken[name].append(_processor(partial(work, queue)) / files * 1e6)
        run = Run(root, cookies)
        with run.watcher:
            run.watcher.ready.wait()
            run.hold(root)
            _fill(root, files)

            def drain(run: Run = run) -> None:
                run.go.set()
                run.wait(files)

            taken[WHO].append(_processor(drain) / files * 1e6)
            assert not run.watcher.status().overflows
        _clear(root)
    what = "draining, per file: CPU"
    for name, found in taken.items():
        answer.add(name, what, place.name, "µs", found)
    for name in ("read + unpack + name", "read + unpack"):
        answer.compare((WHO, name), what, place.name, (taken[WHO], taken[name]))
    remove(root)


STORM = """
import os, sys
root, directories, files = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for number in range(files):
    path = f"{root}/{number % directories}/{number}"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
"""


def _storm(answer: Answer, place: Place, cookies: Path, files: int) -> None:
    root, directories = place.empty("stormed"), min(1000, files)
    for directory in range(directories):
        (root / str(directory)).mkdir()
    run = Run(root, cookies)
    with run.watcher:
        run.watcher.ready.wait()
        began = time.perf_counter()
        words = [sys.executable, "-c", STORM, str(root), str(directories), str(files)]
        subprocess.run(words, check=True)
        rate = files / (time.perf_counter() - began)
        run.wait(files)
        overflows = run.watcher.status().overflows
    answer.add(WHO, "storm: files made", place.name, "files/s", [rate])
    answer.add(WHO, "storm: overflows", place.name, "", [overflows] * 3, 0.0)
    remove(root)


def _plain(root: str) -> int:
    """The floor for setting watches: add one, list, go down, by path; returns how many."""
    fd = _libc.inotify_init1(0)
    todo, paths = [root], {}
    while todo:
        path = todo.pop()
        paths[_libc.inotify_add_watch(fd, os.fsencode(path), DIRECTORY)] = path
        with os.scandir(path) as entries:
            todo += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    os.close(fd)
    return len(paths)


def _processor(work: Callable[[], object]) -> float:
    """Seconds of the processor, in all threads."""
    began = time.process_time()
    work()
    return time.process_time() - began


@contextmanager
def _full(root: Path, files: int) -> Iterator[Inotify]:
    """An instance with a full queue."""
    inotify = Inotify()
    fd = os.open(root, os.O_RDONLY)
    inotify.watch(fd)
    os.close(fd)
    _fill(root, files)
    yield inotify
    inotify.close()
    _clear(root)


def _unpack(inotify: Inotify) -> None:
    while data := inotify.read():
        at = 0
        while at < len(data):
            at += 16 + HEADER.unpack_from(data, at)[3]


def _cut(inotify: Inotify) -> None:
    while data := inotify.read():
        at = 0
        while at < len(data):
            _, _, _, length = HEADER.unpack_from(data, at)
            data[at + 16 : at + 16 + length].rstrip(b"\0")
            at += 16 + length


def _fill(root: Path, files: int) -> None:
    for number in range(files):
        os.close(os.open(f"{root}/file-{number}", os.O_CREAT | os.O_WRONLY))


def _clear(root: Path) -> None:
    for name in os.listdir(root):
        os.unlink(root / name)
