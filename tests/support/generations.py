"""Files that never hold still, and the judge of their copies.

Law: what a file holds in its n-th generation follows from its name and n alone, so that a copy can
be judged by itself: it is of one generation, or it is torn.
"""

import os
import signal
import time
from pathlib import Path
from typing import NamedTuple, NoReturn

KINDS = ("rewritten", "resized", "renamed", "appended")
PIECE = 997  # bytes of one line of an appended file, more or less


def name_of(number: int) -> str:
    return f"d{number % 7}/{KINDS[number % len(KINDS)]}{number}"


def kind_of(path: str) -> str:
    return path.rpartition("/")[2].rstrip("0123456789")


def size_of(path: str, generation: int) -> int:
    """Most files are small, some take several reads, and those of one kind keep their size."""
    number = int(path[len(path.rstrip("0123456789")) :])
    size = (3_000, 70_000, 400_000, 1_500_000)[number // len(KINDS) % 4]
    return size if kind_of(path) == "rewritten" else size - generation * 31 % (size // 2)


def content(path: str, generation: int) -> bytes:
    line = f"{path} {generation:010d}\n".encode()
    size = size_of(path, generation)
    return (line * (size // len(line) + 1))[:size]


def appended(path: str, lines: int) -> bytes:
    """The n-th line says so, and is long enough to cross pages."""
    return b"".join(b"%s %010d\n" % (path.encode().ljust(PIECE, b"."), n) for n in range(lines))


class Seen(NamedTuple):
    """``progress`` never goes back; ``fault`` says what is torn, "" for nothing."""

    progress: int
    fault: str = ""


def judge(path: str, data: bytes) -> Seen:
    """What one copy of a file holds. Empty, and the beginning of a generation, are states that a
    file whose size changes did have."""
    if kind_of(path) == "appended":
        lines = len(data) // (PIECE + 12) + 1
        whole = data == appended(path, lines)[: len(data)]
        return Seen(len(data), "" if whole else "not what was appended")
    begins = data[: data.find(b"\n")].rpartition(b" ")[2]
    if not begins.isdigit():
        known = kind_of(path) == "resized" and len(data) < 64
        return Seen(0, "" if known else f"begins with {data[:40]!r}")
    generation = int(begins)
    want = content(path, generation)
    if data == want or (kind_of(path) == "resized" and data == want[: len(data)]):
        return Seen(generation)
    wrong = next(at for at in range(len(want)) if data[at : at + 1] != want[at : at + 1])
    return Seen(generation, f"{len(data)} bytes, others than of generation {generation} at {wrong}")


def begin(root: Path, files: int) -> None:
    for number in range(files):
        path = root / name_of(number)
        path.parent.mkdir(exist_ok=True)
        is_appended = kind_of(name_of(number)) == "appended"
        path.write_bytes(b"" if is_appended else content(name_of(number), 0))


def write(root: Path, beside: Path, number: int, generation: int) -> None:
    """The next generation of a file. ``beside``: a directory of the same file system."""
    name = name_of(number)
    path = root / name
    match kind_of(name):
        case "appended":
            line = appended(name, generation)[(generation - 1) * (PIECE + 12) :]
            with open(path, "ab", buffering=0) as file:
                file.write(line)
        case "renamed":
            new = beside / path.name
            new.write_bytes(content(name, generation))
            new.replace(path)
        case "resized":
            with open(path, "wb", buffering=0) as file:
                file.write(content(name, generation))
        case _:
            with open(path, "r+b", buffering=0) as file:
                file.write(content(name, generation))
    time.sleep(0.02)  # a copy takes a while, and must have a chance of being whole


class Writers:
    """Processes that write generation after generation; a context manager."""

    def __init__(self, root: Path, beside: Path, files: int, writers: int = 4) -> None:
        self._pids: list[int] = []
        self._all = (root, beside, files, writers)

    def __enter__(self) -> "Writers":
        root, beside, files, writers = self._all
        for writer in range(writers):
            pid = os.fork()
            if pid == 0:
                _write_on(root, beside, range(writer, files, writers))
            self._pids.append(pid)
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self._pids:
            os.kill(pid, signal.SIGTERM)
        for pid in self._pids:
            assert os.waitpid(pid, 0)[1] == 0


def _write_on(root: Path, beside: Path, numbers: range) -> NoReturn:
    """Until SIGTERM; what was begun is finished, for a write that is killed is half a write."""
    told: list[int] = []
    code = 70
    try:
        signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
        generation = 0
        while not told:
            generation += 1
            for number in numbers:
                write(root, beside, number, generation)
                if told:
                    break
        code = 0
    finally:
        os._exit(code)


class Judge:
    """Looks at every copy it meets. ``changes`` counts how often each was seen to go on."""

    def __init__(self, root: Path, files: int) -> None:
        self._root = root
        self._last: dict[str, tuple[int, int]] = {}
        self._paths = [name_of(number) for number in range(files)]
        self.changes = dict.fromkeys(self._paths, 0)
        self.faults: list[str] = []

    def look(self) -> None:
        for path in self._paths:
            try:
                with open(self._root / path, "rb") as file:
                    inode = os.fstat(file.fileno()).st_ino
                    before = self._last.get(path, (-1, -1))
                    if inode == before[0]:
                        continue
                    data = file.read()
            except FileNotFoundError:
                continue
            seen = judge(path, data)
            if seen.fault:
                self.faults.append(f"{path}: {seen.fault}")
            if seen.progress < before[1] and not (kind_of(path) == "resized" and not seen.progress):
                self.faults.append(f"{path}: {seen.progress} after {before[1]}")
            self._last[path] = (inode, max(seen.progress, before[1]))
            self.changes[path] += 1
