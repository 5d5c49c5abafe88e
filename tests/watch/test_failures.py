"""The watcher's own misfortunes: what could not be recorded is a gap, and nothing ends it."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from mirrorfs.core.change import Change, Clean, Dirty, Epoch, Gap, Ready
from mirrorfs.core.tree import Identity
from mirrorfs.errors import PermanentError
from mirrorfs.watch import Pace, Watcher

QUICK = Pace(poll=0.2, retry=0.02)


class FullDisk:
    """Takes nothing while ``full``."""

    def __init__(self) -> None:
        self.full = threading.Event()
        self.log: list[Change] = []
        self.refused = threading.Semaphore(0)
        self.taken = threading.Condition()

    def emit(self, changes: list[Change]) -> None:
        if self.full.is_set():
            self.refused.release()
            raise OSError(28, "No space left on device")
        with self.taken:
            self.log += changes
            self.taken.notify_all()

    def wait(self, wanted: Callable[[], bool]) -> None:
        with self.taken:
            assert self.taken.wait_for(wanted, 30), self.log


def watcher(root: Path, disk: FullDisk, **options: object) -> Watcher:
    return Watcher(
        str(root),
        disk.emit,
        identity=lambda: Identity("test", "test", 1, 0),
        pace=QUICK,
        **options,  # type: ignore[arg-type]
    )


def test_what_could_not_be_recorded_is_a_gap_and_goes_first(tmp_path: Path) -> None:
    disk = FullDisk()
    with watcher(tmp_path, disk) as watching:
        assert watching.ready.wait(30)
        disk.full.set()
        (tmp_path / "lost").touch()
        assert disk.refused.acquire(timeout=30)
        assert disk.refused.acquire(timeout=30)  # it tries again by itself
        status = watching.status()
        assert status.alive
        assert "No space left" in status.reason
        before = len(disk.log)
        disk.full.clear()
        disk.wait(lambda: len(disk.log) > before)
        gap = disk.log[before]
        assert isinstance(gap, Gap)
        assert gap.path == ""
        assert "No space left" in gap.reason
        (tmp_path / "kept").touch()
        disk.wait(lambda: Dirty("kept") in disk.log)
        assert watching.status().reason == ""
    assert isinstance(disk.log[-1], Clean)


def test_the_beginning_is_recorded_late_but_not_lost(tmp_path: Path) -> None:
    disk = FullDisk()
    disk.full.set()
    with watcher(tmp_path, disk) as watching:
        assert disk.refused.acquire(timeout=30)
        assert not watching.ready.is_set()
        disk.full.clear()
        assert watching.ready.wait(30)
    kinds = [type(change) for change in disk.log]
    assert kinds == [Gap, Epoch, Ready, Clean]


def test_an_error_of_the_caller_begins_a_new_epoch(tmp_path: Path) -> None:
    disk, wrong = FullDisk(), threading.Event()

    def exclude(path: str) -> bool:
        if path == "d" and not wrong.is_set():
            wrong.set()
            raise RuntimeError("a bug in a filter")
        return False

    with watcher(tmp_path, disk, exclude=exclude, backend="inotify"):
        (tmp_path / "d").mkdir()
        disk.wait(lambda: sum(isinstance(change, Epoch) for change in disk.log) == 2)
        disk.wait(lambda: isinstance(disk.log[-1], Ready))
        assert any(isinstance(c, Gap) and "a bug in a filter" in c.reason for c in disk.log)
        (tmp_path / "d" / "file").touch()
        disk.wait(lambda: Dirty("d/file") in disk.log)


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    for number in range(50):
        (tmp_path / str(number) / "a").mkdir(parents=True)
    threads = threading.active_count()
    with watcher(tmp_path, FullDisk(), cookie_directory=str(tmp_path.parent)):
        (tmp_path / "new").mkdir()
    assert set(os.listdir("/proc/self/fd")) == before
    assert threading.active_count() == threads


def test_ending_twice_and_ending_before_the_start_are_nothing(tmp_path: Path) -> None:
    watching = watcher(tmp_path, FullDisk())
    watching.close()
    watching.start()
    watching.close()
    watching.close()
    assert not watching.status().alive


def test_too_many_instances_is_an_error_with_a_remedy(child: Callable, tmp_path: Path) -> None:
    script = f"""
from conftest import *
from mirrorfs.errors import PermanentError
Path("/proc/sys/user/max_inotify_instances").write_text("0")
watcher = Watcher("{tmp_path}", print, identity=lambda: Identity("test", "test", 1, 0))
try:
    watcher.start()
except PermanentError as error:
    print(error.remedy)
"""
    if os.geteuid() != 0:
        pytest.skip("limits are set by root")
    assert "max_user_instances" in child(script, "unshare", "--user", "--map-root-user").stdout
    assert PermanentError.exit_code
