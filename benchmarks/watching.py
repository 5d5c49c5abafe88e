"""What watching costs, next to the least that any program could do: ratios within one run.

    python benchmarks/watching.py [directories]

Setting watches is compared with one system call and one listing per directory; emptying a full
queue with reading it, unpacking each event and cutting out its name (and with unpacking alone,
which tells nobody what changed). Both are paired runs, of which the median is shown, in seconds of
the processor: other programs on the machine count less. Memory is counted by tracemalloc; and a
storm shows whether the default queue overflows.
"""

import ctypes
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from statistics import median

from mirrorfs.core.change import Change
from mirrorfs.core.tree import Identity
from mirrorfs.watch import Watcher
from mirrorfs.watch.inotify import DIRECTORY, HEADER, OVERFLOW, Inotify, decode

IDENTITY = Identity("bench", "bench", 1, 0)
libc = ctypes.CDLL(None, use_errno=True)


def build(root: str, directories: int) -> None:
    """Fifty directories in one, and so on down, with two files each."""
    level, made = [root], 0
    while made < directories:
        below = []
        for parent in level:
            for number in range(50):
                path = f"{parent}/directory-{number:02}"
                os.mkdir(path)
                for name in ("one", "two"):
                    os.close(os.open(f"{path}/{name}", os.O_CREAT | os.O_WRONLY))
                below.append(path)
                made += 1
                if made == directories:
                    return
        level = below


def plain(root: str) -> int:
    """The floor for setting watches: add one, list, go down, by path; returns how many."""
    fd = libc.inotify_init1(0)
    todo, paths = [root], {}
    while todo:
        path = todo.pop()
        paths[libc.inotify_add_watch(fd, os.fsencode(path), DIRECTORY)] = path
        with os.scandir(path) as entries:
            todo += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    os.close(fd)
    return len(paths)


class Run:
    """A watcher whose records are counted, and which can be held."""

    def __init__(self, root: str, cookies: str, backend: str = "inotify") -> None:
        self.count = 0
        self.seen = threading.Condition()
        self.go = threading.Event()
        self.go.set()
        self.held = threading.Event()
        self.watcher = Watcher(
            root,
            self.emit,
            cookie_directory=cookies,
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

    def hold(self, root: str) -> None:
        """Stop the reader: it is inside `emit` when this returns."""
        self.held.clear()
        self.go.clear()
        with open(f"{root}/held", "w"):
            pass
        self.held.wait()

    def wait(self, records: int) -> None:
        with self.seen:
            self.seen.wait_for(lambda: self.count >= records, 30)


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def processor(work: Callable[[], object]) -> float:
    """Seconds of the processor, in all threads."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def setting(root: str, cookies: str, directories: int) -> None:
    plain(root)
    pairs = []
    for _ in range(5):
        floor = processor(lambda: plain(root))
        run = Run(root, cookies)

        def start(run: Run = run) -> None:
            run.watcher.start()
            run.watcher.ready.wait()

        pairs.append((processor(start), floor))
        watched = run.watcher.status().watched
        run.watcher.close()
    ours, floor = (median(times) / directories * 1e6 for times in zip(*pairs, strict=True))
    ratio = median(ours / floor for ours, floor in pairs)
    print(
        f"watches      {watched} directories: {ours:.1f} µs each,"
        f" {ratio:.2f} x of add_watch + scandir by path ({floor:.1f} µs)"
    )


def memory(root: str, cookies: str, directories: int) -> None:
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    run = Run(root, cookies)
    with run.watcher:
        run.watcher.ready.wait()
        used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    print(f"memory       {used / directories:.0f} bytes for each watched directory")


def fill(root: str, files: int) -> None:
    for number in range(files):
        os.close(os.open(f"{root}/file-{number}", os.O_CREAT | os.O_WRONLY))


def clear(root: str) -> None:
    for name in os.listdir(root):
        os.unlink(f"{root}/{name}")


def draining(base: str, cookies: str) -> None:
    """8,000 files made while nobody reads: 16,000 events (create and close), under the default
    queue.
    """
    root, files = f"{base}/drain", 8000
    os.mkdir(root)
    rounds = []
    for _ in range(7):
        floors = [processor(partial(work, queue)) for work in (unpack, cut) for queue in full(root)]
        run = Run(root, cookies)
        with run.watcher:
            run.watcher.ready.wait()
            run.hold(root)
            fill(root, files)

            def drain(run: Run = run) -> None:
                run.go.set()
                run.wait(files)

            rounds.append((processor(drain), *floors))
            assert not run.watcher.status().overflows
        clear(root)
    ours, unpacked, named = (median(times) / files * 1e6 for times in zip(*rounds, strict=True))
    print(
        f"draining     {ours:.2f} µs for each file made (2 events), with paths and records:"
        f" {median(ours / named for ours, _, named in rounds):.2f} x of read + unpack + name"
        f" ({named:.2f} µs),"
        f" {median(ours / unpacked for ours, unpacked, _ in rounds):.2f} x of read + unpack alone"
        f" ({unpacked:.2f} µs)"
    )


def full(root: str, files: int = 8000) -> Iterator[Inotify]:
    """An instance with a full queue."""
    inotify = Inotify()
    fd = os.open(root, os.O_RDONLY)
    inotify.watch(fd)
    os.close(fd)
    fill(root, files)
    yield inotify
    inotify.close()
    clear(root)


def unpack(inotify: Inotify) -> None:
    while data := inotify.read():
        at = 0
        while at < len(data):
            at += 16 + HEADER.unpack_from(data, at)[3]


def cut(inotify: Inotify) -> None:
    while data := inotify.read():
        at = 0
        while at < len(data):
            _, _, _, length = HEADER.unpack_from(data, at)
            data[at + 16 : at + 16 + length].rstrip(b"\0")
            at += 16 + length


STORM = """
import os, sys
root, directories, rounds = sys.argv[1], 1000, 200
for number in range(rounds):
    for directory in range(directories):
        os.close(os.open(f"{root}/{directory}/{number}", os.O_CREAT | os.O_WRONLY))
"""


def storm(base: str, cookies: str) -> None:
    """200,000 files made by another process; a thread that only reads shows what the machine
    allows.
    """
    root, files = f"{base}/storm", 200_000
    os.mkdir(root)
    for directory in range(1000):
        os.mkdir(f"{root}/{directory}")
    raw = Inotify()
    for directory in range(1000):
        fd = os.open(f"{root}/{directory}", os.O_RDONLY)
        raw.watch(fd)
        os.close(fd)
    overflows, stop = 0, threading.Event()

    def read() -> None:
        nonlocal overflows
        while not stop.is_set():
            select.select([raw.fd], [], [], 0.1)
            overflows += sum(1 for event in decode(raw.read()) if event[1] & OVERFLOW)

    reader = threading.Thread(target=read)
    reader.start()
    spent = seconds(lambda: subprocess.run([sys.executable, "-c", STORM, root], check=True))
    stop.set()
    reader.join()
    raw.close()
    print(
        f"storm        only reading: {overflows} overflows at {files / spent:,.0f} files a second"
    )
    for directory in range(1000):
        clear(f"{root}/{directory}")
    run = Run(root, cookies)
    with run.watcher:
        run.watcher.ready.wait()
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", STORM, root], check=True)
        rate = files / (time.perf_counter() - begun)
        run.wait(files)
        status = run.watcher.status()
    print(
        f"storm        watching: {status.overflows} overflows at {rate:,.0f} files a second,"
        f" {run.count} records of {status.events} events"
    )


ELSEWHERE = """
import os, sys
for number in range(50000):
    os.close(os.open(f"{sys.argv[1]}/{number % 1000}", os.O_CREAT | os.O_WRONLY | os.O_TRUNC))
"""


def whole(base: str, root: str, cookies: str, directories: int) -> None:
    """fanotify beside inotify: to begin, to empty a full queue, and what the rest of the file
    system costs.
    """
    begins, drains = {}, {}
    for backend in ("inotify", "fanotify") * 3:
        run = Run(root, cookies, backend)
        begun = time.perf_counter()
        with run.watcher:
            run.watcher.ready.wait()
            spent = time.perf_counter() - begun
            begins[backend] = min(spent, begins.get(backend, spent))
        place = f"{base}/whole"
        os.mkdir(place)
        run = Run(place, cookies, backend)
        with run.watcher:
            run.watcher.ready.wait()
            run.hold(place)
            fill(place, 8000)

            def drain(run: Run = run) -> None:
                run.go.set()
                run.wait(8000)

            spent = processor(drain) / 8000 * 1e6
            drains[backend] = min(spent, drains.get(backend, spent))
        shutil.rmtree(place)
    print(
        f"fanotify     {directories} directories: ready after {begins['fanotify'] * 1e3:.1f} ms,"
        f" inotify {begins['inotify'] * 1e3:.0f} ms;"
        f" {drains['fanotify']:.2f} µs for each file made, inotify {drains['inotify']:.2f} µs"
    )
    os.mkdir(f"{base}/other")
    run = Run(root, cookies, "fanotify")
    with run.watcher:
        run.watcher.ready.wait()
        other = [sys.executable, "-c", ELSEWHERE, f"{base}/other"]
        begun = time.perf_counter()
        spent = processor(lambda: subprocess.run(other, check=True))
        whole = time.perf_counter() - begun
        status = run.watcher.status()
    print(
        f"elsewhere    50,000 files opened and closed in {whole:.1f} s outside the source:"
        f" {spent / 50000 * 1e6:.2f} µs each, {run.count} records, {status.overflows} overflows"
    )


def main() -> None:
    directories = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    for place in ("/var/tmp", "/dev/shm"):
        base = tempfile.mkdtemp(dir=place)
        try:
            print(place)
            root, cookies = f"{base}/tree", f"{base}/cookies"
            os.mkdir(root)
            os.mkdir(cookies)
            build(root, directories)
            setting(root, cookies, directories)
            memory(root, cookies, directories)
            draining(base, cookies)
            storm(base, cookies)
            if os.geteuid() == 0 and place == "/dev/shm":  # a disk's queue has others' events, too
                whole(base, root, cookies, directories)
        finally:
            with suppress(FileNotFoundError):
                shutil.rmtree(base)


if __name__ == "__main__":
    main()
