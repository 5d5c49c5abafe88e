"""What following a source costs: time until a change arrives, calls, memory, and CPU when idle."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from live.conftest import Places
from support.calls import strace, traced
from support.process import MIRRORFS, Service, call, until
from support.walker import differences

OPENS = "open,openat,openat2"


def test_single_writes_arrive_one_after_the_other(places: Places) -> None:
    source, destination, state = places
    (source / "d").mkdir()
    with Service("run", source, destination, state=state) as run:
        run.mirrors()
        taken = []
        for number in range(100):
            (source / "d" / "file").write_text(f"{number}\n")
            began = time.monotonic()
            until(lambda number=number: _text(destination / "d" / "file") == f"{number}\n", "it")
            taken.append(time.monotonic() - began)
        print(f"median {statistics.median(taken) * 1000:.1f} ms, longest {max(taken):.3f} s")
        run.mirrors()
        assert run.stop() == 0


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""


def test_an_idle_mirror_uses_no_cpu(places: Places) -> None:
    source, destination, state = places
    for number in range(50):
        (source / f"d{number}").mkdir()
        (source / f"d{number}" / "file").touch()
    # inotify: what others do on the same file system is none of its business
    quiet = ("--watch-backend", "inotify")
    with Service("run", source, destination, state=state, flags=quiet) as run:
        run.mirrors()
        (source / "last").touch()
        run.mirrors()
        checkpoint = next(state.glob("mirrors/*/checkpoint"))
        vouched = checkpoint.stat().st_mtime_ns

        def settled() -> bool:
            return checkpoint.stat().st_mtime_ns > vouched

        # What was applied last is vouched for after a second of quiet; then nothing is left to do.
        (source / "very last").touch()
        until(settled, "the checkpoint moves")
        # The time that passes is what is measured here. A window without a single tick is enough:
        # what is left of the work before may reach into the first.
        ticks = _ticks(run.pid)
        for _ in range(5):
            _wait_out(run, seconds=2.0)
            before, ticks = ticks, _ticks(run.pid)
            if ticks == before:
                return
        raise AssertionError("it used CPU in each of five windows of two seconds")


def _wait_out(run: Service, *, seconds: float) -> None:
    """Let time pass; it is an error if the process ends meanwhile."""
    assert run.process is not None
    with pytest.raises(subprocess.TimeoutExpired):
        run.process.wait(seconds)


def _ticks(pid: int) -> int:
    """User and system time, in clock ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.slow
def test_one_changed_file_opens_only_the_directories_above_it(places: Places) -> None:
    source, destination, state = places
    for number in range(300):
        directory = source / f"a{number % 10}" / f"b{number}" / "c"
        directory.mkdir(parents=True)
        (directory / "file").write_text("old")
    with Service("watch", source, state=state) as watch:
        watch.watches()
        call("sync", "-a", source, destination, state=state)
        (source / "a3" / "b53" / "c" / "file").write_text("new and longer")
        log = state.with_name("calls")
        done = call(
            *("sync", "-a", "-v", source, destination),
            state=state,
            prefix=strace(log, OPENS),
        )
        assert "replaying" in done.stderr
        opened = {
            os.path.relpath(path, root)
            for root in (source, destination)
            for _, arguments in traced(log)
            for path in [_opened(arguments)]
            if path == os.fspath(root) or path.startswith(f"{root}/")
        }
        directories = {path for path in opened if (source / path).is_dir()}
        assert directories <= {".", "a3", "a3/b53", "a3/b53/c"}
        assert "a3/b53/c" in directories
        assert differences(source, destination) == []


def _opened(arguments: str) -> str:
    """The path an open call was asked for, made of the directory's and the name."""
    first, _, rest = arguments.partition(", ")
    if first.startswith('"'):
        return first.strip('"')
    above = first.partition("<")[2].rstrip(">")
    name = rest.partition('"')[2].partition('"')[0]
    return os.path.normpath(os.path.join(above, name))


@pytest.mark.parametrize("native", ["0", "1"])
def test_what_goes_is_not_asked_for_extended_attributes(
    places: Places, native: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a whole directory, and of names in one that stays; but of what may be a renamed file."""
    monkeypatch.setenv("MIRRORFS_NATIVE", native)
    source, destination, state = places
    for directory in ("goes", "stays"):
        (source / directory).mkdir()
        for number in range(20):
            (source / directory / f"gone-{number}").write_text(f"{number}")
    (source / "stays" / "old").write_text("renamed")
    log = state.with_name("calls")

    def listed(*flags: str) -> list[str]:
        done = call(
            *("sync", "-a", "-v", *flags, source, destination),
            state=state,
            prefix=strace(log, "llistxattr"),
        )
        assert "replaying" in done.stderr
        return [arguments for _, arguments in traced(log)]

    with Service("watch", source, state=state) as watch:
        watch.watches()
        call("sync", "-a", source, destination, state=state)
        shutil.rmtree(source / "goes")
        for number in range(20):
            (source / "stays" / f"gone-{number}").unlink()
        asked = listed()
        # The compiled way may ask by listxattrat, of which strace may know no more than its number.
        assert len(asked) < 10
        assert not any("/gone-" in arguments for arguments in asked)
        assert os.listdir(destination / "stays") == ["old"]
        (source / "copied").write_text("renamed")
        shutil.copystat(source / "stays" / "old", source / "copied")
        (source / "stays" / "old").unlink()
        assert native == "1" or any('/old"' in one for one in listed("--track-renames"))
        call("sync", "-a", "--track-renames", source, destination, state=state)
    assert not differences(source, destination)


def test_a_moved_directory_is_one_rename(places: Places) -> None:
    source, destination, state = places
    (source / "here").mkdir()
    (source / "there").mkdir()
    for number in range(2000):
        directory = source / "here" / "large" / f"d{number % 20}"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"file{number}").write_text(f"{number}")
    with Service("watch", source, state=state) as watch:
        watch.watches()
        call("sync", "-a", source, destination, state=state)
        inode = (destination / "here" / "large" / "d1" / "file1").stat().st_ino
        (source / "here" / "large").rename(source / "there" / "moved")
        log = state.with_name("calls")
        call(
            *("sync", "-a", source, destination),
            state=state,
            prefix=strace(log, f"{OPENS},/rename,/unlink,rmdir,/mkdir,/link,/symlink,/mknod"),
        )
        there = os.fspath(destination)
        writes = [
            (name, arguments)
            for name, arguments in traced(log)
            if f"<{there}" in arguments and (not name.startswith("open") or "O_CREAT" in arguments)
        ]
        assert [name for name, _ in writes] == ["renameat2"], writes[:10]
        assert (destination / "there" / "moved" / "d1" / "file1").stat().st_ino == inode
        assert differences(source, destination) == []


@pytest.fixture
def in_memory() -> Iterator[Places]:
    """Places on a file system that costs no disk."""
    if shutil.disk_usage("/dev/shm").free < 2 << 30:
        pytest.skip("needs 2 GB of /dev/shm")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        where = Path(directory)
        (where / "source").mkdir()
        yield Places(where / "source", where / "destination", where / "state")


@pytest.mark.slow
def test_a_full_pass_over_200_000_unchanged_files_stays_small(in_memory: Places) -> None:
    source, destination, state = in_memory
    for root in (source, destination):
        for number in range(200):
            directory = root / f"d{number:03}"
            directory.mkdir(parents=True)
            held = os.open(directory, os.O_RDONLY)
            for file in range(1000):
                os.mknod(f"file{file}", dir_fd=held)
                os.utime(f"file{file}", ns=(0, 0), dir_fd=held)
            os.close(held)
            os.utime(directory, ns=(0, 0))
        os.utime(root, ns=(0, 0))
    report = (
        "import resource, subprocess, sys\n"
        "code = subprocess.run(sys.argv[1:], stdout=sys.stderr).returncode\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
        "sys.exit(code)\n"
    )
    command = (*MIRRORFS, "plan", "-a", "--json", source, destination, "--state-dir", state)
    done = subprocess.run(
        [sys.executable, "-c", report, *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    planned = json.loads(done.stderr)
    assert (planned["actions"], planned["source_entries"]) == ([], 200_200)
    kilobytes = int(done.stdout)
    print(f"{kilobytes / 1024:.0f} MB")
    assert kilobytes < 100 << 10
