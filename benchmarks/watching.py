"""What watching costs, next to the least that any program could do: ratios within one run.

    python benchmarks/watching.py [directories]

Setting watches is compared with one system call and one listing per directory; emptying a full
queue with reading and unpacking it; memory is counted by tracemalloc; and a storm shows whether the
default queue overflows.
"""

import ctypes
import os
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress

from mirrorfs.core.change import Change
from mirrorfs.core.tree import Identity
from mirrorfs.watch import Watcher
from mirrorfs.watch.inotify import DIRECTORY, OVERFLOW, Inotify, decode

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

    def __init__(self, root: str, cookies: str) -> None:
        self.count = 0
        self.seen = threading.Condition()
        self.go = threading.Event()
        self.go.set()
        self.held = threading.Event()
        self.watcher = Watcher(root, self.emit, cookie_directory=cookies, identity=lambda: IDENTITY)

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


def setting(root: str, cookies: str, directories: int) -> None:
    plain(root)
    floor = min(seconds(lambda: plain(root)) for _ in range(3))
    times = []
    for _ in range(3):
        run = Run(root, cookies)
        begun = time.perf_counter()
        run.watcher.start()
        run.watcher.ready.wait()
        times.append(time.perf_counter() - begun)
        watched = run.watcher.status().watched
        run.watcher.close()
    ours = min(times)
    print(
        f"watches      {watched} directories: {ours / directories * 1e6:.1f} µs each,"
        f" {ours / floor:.2f} x of add_watch + scandir by path ({floor / directories * 1e6:.1f} µs)"
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
    root, files, floors, ours = f"{base}/drain", 8000, [], []
    os.mkdir(root)
    header = struct.Struct("iIII")
    for _ in range(3):
        inotify = Inotify()
        fd = os.open(root, os.O_RDONLY)
        inotify.watch(fd)
        fill(root, files)

        def empty(inotify: Inotify = inotify) -> None:
            while data := inotify.read():
                at = 0
                while at < len(data):
                    at += 16 + header.unpack_from(data, at)[3]

        floors.append(seconds(empty))
        os.close(fd)
        inotify.close()
        clear(root)
        run = Run(root, cookies)
        with run.watcher:
            run.watcher.ready.wait()
            run.hold(root)
            fill(root, files)
            begun = time.perf_counter()
            run.go.set()
            run.wait(files)
            ours.append(time.perf_counter() - begun)
            assert not run.watcher.status().overflows
        clear(root)
    floor, mine = min(floors), min(ours)
    print(
        f"draining     {mine / files * 1e6:.2f} µs for each file made (2 events), with paths:"
        f" {mine / floor:.1f} x of read + unpack ({floor / files * 1e6:.2f} µs)"
    )


STORM = """
import os, sys
root, directories, rounds = sys.argv[1], 1000, 100
for number in range(rounds):
    for directory in range(directories):
        os.close(os.open(f"{root}/{directory}/{number}", os.O_CREAT | os.O_WRONLY))
"""


def storm(base: str, cookies: str) -> None:
    """100,000 files made by another process; a thread that only reads shows what the machine
    allows.
    """
    root, files = f"{base}/storm", 100_000
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
        finally:
            with suppress(FileNotFoundError):
                shutil.rmtree(base)


if __name__ == "__main__":
    main()
