"""The root goes away, comes back, is replaced or mounted over: never in silence, never the end."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.mounting import make, mounted, umount

from mirrorfs.core.change import Dirty, Epoch, Gap
from mirrorfs.core.tree import Identity
from mirrorfs.errors import DirectoryMissing
from mirrorfs.watch import Pace, Watcher

QUICK = Pace(poll=0.2, retry=0.05)

pytestmark = pytest.mark.backends("inotify", "fanotify")

mounting = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs the rights of root"),
]


MEMORY = ("-t", "tmpfs", "tmpfs")


def directories(root: Path) -> int:
    return sum(1 for _ in os.walk(root))


def assert_begins_anew(watched: object) -> None:
    """A second epoch, after the gap; and then changes are reported again."""
    watched.mirror.wait(lambda log: sum(isinstance(change, Epoch) for change in log) == 2)
    assert watched.watcher.ready.wait(30)
    log = watched.log
    second = max(n for n, change in enumerate(log) if isinstance(change, Epoch))
    assert not log[second].continued
    assert any(isinstance(change, Gap) and change.path == "" for change in log[:second])
    assert watched.watcher.status().alive
    assert watched.watcher.status().reason == ""
    (watched.root / "new").mkdir()
    (watched.root / "new" / "file").touch()
    watched.assert_complete()


def test_a_missing_root_is_an_error_at_the_start(tmp_path: Path) -> None:
    watcher = Watcher(
        str(tmp_path / "none"), print, identity=lambda: Identity("test", "test", 1, 0)
    )
    with pytest.raises(DirectoryMissing):
        watcher.start()
    (tmp_path / "file").touch()
    watcher = Watcher(
        str(tmp_path / "file"), print, identity=lambda: Identity("test", "test", 1, 0)
    )
    with pytest.raises(DirectoryMissing):
        watcher.start()


@pytest.mark.everywhere
def test_the_root_is_deleted_and_made_again(
    start: Callable, source: Path, eventually: Callable
) -> None:
    (source / "d").mkdir()
    watched = start(pace=QUICK)
    shutil.rmtree(source)
    watched.gapped("", "deleted")
    status = eventually(lambda: (s := watched.watcher.status()) and not s.alive and s)
    assert "deleted" in status.reason or "no such file" in status.reason
    assert not status.ready
    assert status.watched == 0
    source.mkdir()
    assert_begins_anew(watched)


@pytest.mark.everywhere
def test_the_root_is_deleted_while_a_file_in_it_is_open(
    start: Callable, source: Path, backend: str
) -> None:
    watched = start(pace=QUICK)
    with (source / "file").open("w"):
        shutil.rmtree(source)
        watched.gapped("", "gone" if backend == "inotify" else "deleted")


@pytest.mark.everywhere
def test_the_root_is_renamed_and_another_takes_its_place(start: Callable, source: Path) -> None:
    watched = start(pace=QUICK)
    source.rename(source.parent / "elsewhere")
    watched.gapped("", "renamed")
    (source.parent / "elsewhere" / "file").touch()
    source.mkdir()
    assert_begins_anew(watched)
    assert Dirty("file") not in watched.log


@pytest.mark.everywhere
def test_a_directory_above_the_root_is_renamed(start: Callable, source: Path, backend: str) -> None:
    above = source.parent
    watched = start(pace=QUICK)
    aside = above.parent / (above.name + "-aside")
    above.rename(aside)
    try:
        watched.gapped("", "gone" if backend == "inotify" else "renamed")
    finally:
        aside.rename(above)
    assert_begins_anew(watched)


@pytest.mark.everywhere
def test_a_barrier_laid_while_the_root_is_away_is_passed_when_it_is_back(
    start: Callable, source: Path
) -> None:
    watched = start(pace=QUICK)
    source.rmdir()
    watched.gapped("", "deleted")
    (watched.cookies / "nonce").touch()
    source.mkdir()
    watched.assert_complete()


def test_the_end_while_the_root_is_away(start: Callable, source: Path) -> None:
    watched = start(pace=QUICK)
    source.rmdir()
    watched.gapped("", "deleted")
    watched.watcher.close()
    assert isinstance(watched.log[-1], Gap)


@pytest.mark.root
@pytest.mark.parametrize("lazy", [(), ("-l",)], ids=["", "lazily"])
@pytest.mark.parametrize("kind", ["tmpfs", "ext4", "xfs", "btrfs"])
def test_the_root_is_unmounted(
    start: Callable, source: Path, tmp_path: Path, backend: str, kind: str, lazy: tuple[str, ...]
) -> None:
    with mounted(make(kind, tmp_path / "drive"), source):
        (source / "d" / "below").mkdir(parents=True)
        watched = start(pace=QUICK)
        if backend == "inotify":
            assert watched.watcher.status().watched == directories(source)
        umount(source, *lazy)
        watched.gapped("", "unmounted")
        assert_begins_anew(watched)


@pytest.mark.root
@pytest.mark.parametrize("busy", [False, True], ids=["", "busy"])
@pytest.mark.parametrize("kind", ["tmpfs", "ext4", "xfs", "btrfs", "bind", "overlay"])
def test_a_mount_below_the_root_is_unmounted(
    start: Callable, source: Path, tmp_path: Path, backend: str, kind: str, busy: bool
) -> None:
    (source / "m" / "hidden").mkdir(parents=True)
    with mounted(make(kind, tmp_path / "drive"), source / "m"):
        for number in range(50):
            (source / "m" / str(number) / "below").mkdir(parents=True)
        (source / "m" / "file").touch()
        watched = start(pace=QUICK)
        if backend == "inotify":
            assert watched.watcher.status().watched == directories(source)
        (source / "m" / "7" / "below" / "heard").touch()
        assert Dirty("m/7/below/heard") in watched.barrier()
        if busy:
            with (source / "m" / "file").open():
                umount(source / "m", "-l")
                watched.gapped("m", "unmounted")
        else:
            umount(source / "m")
            watched.gapped("m", "unmounted")
        watched.assert_complete()
        assert watched.watcher.status().watched == (3 if backend == "inotify" else 0)
        (source / "m" / "hidden" / "file").touch()
        watched.assert_complete()
        assert Dirty("m/hidden/file") in watched.log


@pytest.mark.parametrize("mark", [pytest.param(None, marks=mounting)])
def test_something_is_mounted_over_a_directory(start: Callable, source: Path, mark: None) -> None:
    (source / "m" / "hidden").mkdir(parents=True)
    watched = start(pace=QUICK)
    with mounted(MEMORY, source / "m"):
        watched.gapped("m", "mounted")
        watched.assert_complete()
        (source / "m" / "seen").mkdir()
        (source / "m" / "seen" / "file").touch()
        watched.assert_complete()
        assert "m/seen/file" in watched.mirror.state


@pytest.mark.parametrize("mark", [pytest.param(None, marks=mounting)])
def test_the_root_is_mounted_over(start: Callable, source: Path, mark: None) -> None:
    watched = start(pace=QUICK._replace(poll=30.0))  # else a look at the root may come first
    with mounted(MEMORY, source):
        # RACE: with fanotify an event of anybody's leads to a look at the root, too.
        watched.gapped("", "mounted over", "another directory is in the source's place")
        assert_begins_anew(watched)
        watched.watcher.close()
