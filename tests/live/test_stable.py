"""Files that change while they are copied: every copy is of one moment, and none goes back."""

import os
import threading
from pathlib import Path

import pytest
from live.conftest import Places
from support.forked import call as fork
from support.generations import KINDS, Judge, Writers, begin, kind_of
from support.process import Service, until
from support.walker import differences, leftovers

SLOWLY = ("--bwlimit-file", "4M")  # several pieces for a large file, and pauses between them


def holds(path: Path, text: str) -> bool:
    try:
        return path.read_text() == text
    except FileNotFoundError:
        return False


def went_on(judge: Judge, times: int) -> bool:
    """Whether enough files of every kind were seen in several versions."""
    for kind in KINDS:
        of_kind = [n for path, n in judge.changes.items() if kind_of(path) == kind]
        if sum(n > times for n in of_kind) < len(of_kind) * 3 // 4:
            return False
    return True


def unstable(places: Places, files: int, times: int, within: float) -> None:
    source, destination, state = places
    beside = state.with_name("beside")
    beside.mkdir()
    begin(source, files)
    judge = Judge(destination, files)
    with Service("run", source, destination, state=state, flags=SLOWLY) as run:
        run.mirrors()
        with Writers(source, beside, files):

            def enough() -> bool:
                run.lives()
                judge.look()
                return bool(judge.faults) or went_on(judge, times)

            until(enough, "copies of every kind", within=within)
        assert judge.faults == []
        run.mirrors()
        judge.look()
        assert judge.faults == []
        assert leftovers(destination) == []
        assert run.stop() == 0


def test_sixty_files_under_four_writers(places: Places) -> None:
    unstable(places, 60, 1, 60.0)


@pytest.mark.torture
def test_a_thousand_files_under_four_writers(places: Places) -> None:
    unstable(places, 1000, 3, 600.0)


def test_sync_of_files_that_never_hold_still(places: Places) -> None:
    """It may fail for some, and says so; what it says is done is whole."""
    source, destination, state = places
    beside = state.with_name("beside")
    beside.mkdir()
    begin(source, 40)
    judge = Judge(destination, 40)
    with Writers(source, beside, 40):
        for _ in range(3):
            words = ["sync", "-a", "--retries", "1", "--transfers", "16", *SLOWLY]
            done = fork([*words, str(source), str(destination)], state.parent)
            assert (done.code == 0) == ("the file changes while it is read" not in done.err)
            assert done.code in (0, 1)
            judge.look()
    assert judge.faults == []
    assert fork(["sync", "-a", str(source), str(destination)], state.parent).code == 0
    assert differences(source, destination) == []


def test_a_log_that_is_written_without_end(places: Places, tmp_path: Path) -> None:
    """A large one, so that it grows while it is read each time: it is copied as of one moment."""
    source, destination, state = places
    line = b"%09d\n"
    stop, written = threading.Event(), 0
    log = open(source / "log", "wb", buffering=0)  # noqa: SIM115  (held open, as a logger does)
    log.write(b"".join(line % n for n in range(400_000)))
    written = 400_000
    (source / "other").write_text("other")

    def write() -> None:
        nonlocal written
        while not stop.is_set():
            log.write(line % written)
            written += 1
            os.sched_yield()

    thread = threading.Thread(target=write)
    thread.start()
    sizes = []
    try:
        for _ in range(4):
            until(lambda: written * 10 > max(sizes, default=0), "the log to grow")
            done = fork(["sync", "-a", str(source), str(destination)], state.parent)
            assert done.code == 0, done.err
            data = (destination / "log").read_bytes()
            sizes.append(len(data))
            assert data == b"".join(line % n for n in range(len(data) // 10))
            assert (destination / "other").read_text() == "other"
    finally:
        stop.set()
        thread.join()
        log.close()
    assert sizes == sorted(set(sizes)), "each is newer"
    assert fork(["sync", "-a", str(source), str(destination)], state.parent).code == 0
    assert differences(source, destination) == []


@pytest.mark.torture
def test_a_logger_that_never_closes_its_file(places: Places) -> None:
    """The log arrives at the latest after the watcher's cap, and nobody else waits for it."""
    source, destination, state = places
    stop = threading.Event()
    log = open(source / "log", "wb", buffering=0)  # noqa: SIM115  (held open, as a logger does)
    log.write(b"".join(b"%09d\n" % n for n in range(400_000)))

    def write() -> None:
        n = 400_000
        while not stop.wait(0.001):
            log.write(b"%09d\n" % n)
            n += 1

    thread = threading.Thread(target=write)
    with Service("run", source, destination, state=state) as run:
        run.mirrors()
        thread.start()
        try:
            sizes: list[int] = []
            number = 0
            while len(sizes) < 3:
                number += 1
                text = f"{number}"
                (source / "other").write_text(text)
                until(lambda text=text: holds(destination / "other", text), "others go on")
                size = (destination / "log").stat().st_size
                if size != (sizes or [4_000_000])[-1]:
                    sizes.append(size)
                    data = (destination / "log").read_bytes()
                    assert data == b"".join(b"%09d\n" % n for n in range(len(data) // 10))
        finally:
            stop.set()
            thread.join()
            log.close()
        assert sizes == sorted(sizes)
        run.mirrors()
        assert run.stop() == 0
