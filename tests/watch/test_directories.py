"""Directories that come, go and change their place: watched where they are, silent where they are
not.
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from watch.conftest import stalled

from mirrorfs.core.change import Coverage, Dirty, Moved
from mirrorfs.watch import Pace

needs_root = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs the rights of root"),
]


def exchange(one: Path, other: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), 2) == 0


def test_files_made_at_once_in_new_directories_are_seen(start: Callable, source: Path) -> None:
    watched = start()
    for number in range(50):
        deep = source / str(number) / "b" / "c" / "d"
        deep.mkdir(parents=True)
        (deep / "file").touch()
    watched.assert_complete()
    assert watched.watcher.status().watched == 1 + 50 * 4


def test_a_directory_replaced_under_its_name_is_watched(start: Callable, source: Path) -> None:
    (source / "d").mkdir()
    watched = start()
    for number in range(50):
        shutil.rmtree(source / "d")
        (source / "d").mkdir()
        (source / "d" / str(number)).touch()
    watched.assert_complete()
    (source / "d" / "after").touch()
    assert watched.barrier() == [Dirty("d/after")]


def test_a_renamed_directory_is_one_record_however_much_is_in_it(
    start: Callable, source: Path
) -> None:
    for number in range(200):
        (source / "old" / str(number) / "below").mkdir(parents=True)
    watched = start()
    (source / "old").rename(source / "new")
    assert watched.barrier() == [Moved("old", "new")]
    (source / "new" / "7" / "below" / "file").touch()
    assert watched.barrier() == [Dirty("new/7/below/file")]
    watched.assert_complete()


def test_a_directory_moved_out_is_heard_of_no_more(start: Callable, source: Path) -> None:
    (source / "d" / "below").mkdir(parents=True)
    watched = start()
    outside = source.parent / "outside"
    (source / "d").rename(outside)
    assert watched.barrier() == [Dirty("d")]
    for number in range(1000):
        (outside / "below" / str(number)).touch()
    assert watched.barrier() == []
    assert watched.watcher.status().watched == 1


def test_a_directory_moved_in_is_watched(start: Callable, source: Path) -> None:
    outside = source.parent / "outside"
    (outside / "below").mkdir(parents=True)
    watched = start()
    outside.rename(source / "d")
    assert watched.barrier() == [Dirty("d", True)]
    (source / "d" / "below" / "file").touch()
    assert watched.barrier() == [Dirty("d/below/file")]


def test_out_and_in_again(start: Callable, source: Path) -> None:
    (source / "d" / "below").mkdir(parents=True)
    watched = start()
    outside = source.parent / "outside"
    for _ in range(30):
        (source / "d").rename(outside)
        (outside / "below" / "file").touch()
        outside.rename(source / "d")
        (source / "d" / "below" / "other").touch()
        (source / "d" / "below" / "file").unlink()
    watched.assert_complete()
    (source / "d" / "below" / "last").touch()
    assert watched.barrier() == [Dirty("d/below/last")]


def test_directories_exchanged(start: Callable, source: Path) -> None:
    for name in ("a/in-a", "b/in-b"):
        (source / name).mkdir(parents=True)
    watched = start()
    exchange(source / "a", source / "b")
    watched.assert_complete()
    (source / "a" / "in-b" / "file").touch()
    (source / "b" / "in-a" / "file").touch()
    assert set(watched.barrier()) == {Dirty("a/in-b/file"), Dirty("b/in-a/file")}


def test_a_directory_moved_out_of_one_that_was_exchanged_a_moment_ago(
    start: Callable, source: Path
) -> None:
    """All is read at once; for a moment the map knows no place of the directory it came from."""
    (source / "a").mkdir()
    (source / "b" / "d" / "e").mkdir(parents=True)
    watched = start()
    with stalled(watched):
        exchange(source / "a", source / "b")
        (source / "a" / "d" / "e" / "file").touch()
        (source / "a" / "d").rename(source / "c")
    watched.assert_complete()
    (source / "c" / "e" / "other").touch()
    assert watched.barrier() == [Dirty("c/e/other")]


def test_a_directory_moved_into_its_former_child(start: Callable, source: Path) -> None:
    (source / "a" / "b" / "c").mkdir(parents=True)
    watched = start()
    (source / "a" / "b").rename(source / "b")
    (source / "a").rename(source / "b" / "a")
    (source / "b" / "a" / "file").touch()
    (source / "b" / "c" / "file").touch()
    watched.assert_complete()
    assert watched.watcher.status().watched == 4


def test_renames_are_right_without_pairing(start: Callable, source: Path) -> None:
    (source / "d" / "below").mkdir(parents=True)
    (source / "f").touch()
    watched = start(pace=Pace(pair=0))
    (source / "d").rename(source / "e")
    (source / "f").rename(source / "g")
    reported = watched.barrier()
    assert not [change for change in reported if isinstance(change, Moved)]
    assert {Dirty("d"), Dirty("e", True), Dirty("f"), Dirty("g")} <= set(reported)
    (source / "e" / "below" / "file").touch()
    assert watched.barrier() == [Dirty("e/below/file")]


def test_excluded_directories_are_neither_watched_nor_entered(
    start: Callable, source: Path
) -> None:
    for name in ("keep/cache/x", "cache/y"):
        (source / name).mkdir(parents=True)
    watched = start(exclude=lambda path: path.endswith("cache"))
    (source / "cache" / "y" / "file").touch()
    (source / "keep" / "cache" / "file").touch()
    assert watched.barrier() == []
    assert watched.watcher.status().watched == 2


def test_what_was_excluded_by_its_path_is_watched_after_a_rename(
    start: Callable, source: Path
) -> None:
    (source / "a" / "cache" / "x").mkdir(parents=True)
    watched = start(exclude=lambda path: path == "a/cache")
    (source / "a").rename(source / "b")
    assert set(watched.barrier()) == {Moved("a", "b"), Dirty("b/cache", True)}
    (source / "b" / "cache" / "x" / "file").touch()
    assert watched.barrier() == [Dirty("b/cache/x/file")]
    (source / "b").rename(source / "a")
    watched.barrier()
    (source / "c").mkdir()
    (source / "c").rename(source / "a" / "cache" / "c")
    watched.assert_complete()


def test_a_directory_renamed_to_an_excluded_name_is_heard_of_no_more(
    start: Callable, source: Path
) -> None:
    (source / "d" / "below").mkdir(parents=True)
    watched = start(exclude=lambda path: path == "cache")
    (source / "d").rename(source / "cache")
    assert set(watched.barrier()) == {Dirty("d"), Dirty("cache")}
    (source / "cache" / "below" / "file").touch()
    assert watched.barrier() == []
    assert watched.watcher.status().watched == 1


def test_paths_longer_than_the_kernel_takes(start: Callable, source: Path) -> None:
    name, fds = "n" * 200, [os.open(source, os.O_RDONLY)]
    for _ in range(30):
        os.mkdir(name, dir_fd=fds[-1])
        fds.append(os.open(name, os.O_RDONLY, dir_fd=fds[-1]))
    watched = start()
    os.mkdir("new", dir_fd=fds[-1])
    os.mkdir("new/below", dir_fd=fds[-1])
    path = "/".join([name] * 30)
    assert Dirty(f"{path}/new", True) in watched.barrier()
    os.close(os.open("new/below/file", os.O_CREAT | os.O_WRONLY, dir_fd=fds[-1]))
    assert Dirty(f"{path}/new/below/file") in watched.barrier()
    assert watched.watcher.status().failed == 0
    for fd in fds:
        os.close(fd)


@pytest.mark.parametrize("mark", [pytest.param(None, marks=needs_root)])
def test_a_directory_seen_twice_is_reported_as_blind(
    start: Callable, source: Path, mark: None
) -> None:
    for name in ("a", "z"):
        (source / name).mkdir()
    for name in ("a", "loop"):
        (source / "z" / name).mkdir()
    subprocess.run(["mount", "--bind", source / "a", source / "z" / "a"], check=True)
    try:
        subprocess.run(["mount", "--bind", source, source / "z" / "loop"], check=True)
        try:
            watched = start(pace=Pace(poll=0.1))
            watched.gapped("z/loop", "the same directory as the root")
            blind = {change for change in watched.log if isinstance(change, Coverage)}
            assert len(blind) == 2
            (source / "a" / "file").touch()
            assert Dirty("a/file") in watched.barrier() or Dirty("z/a/file") in watched.log
            watched.mirror.log.clear()
            watched.gapped("z/loop", "the same directory as the root")
        finally:
            subprocess.run(["umount", "-l", source / "z" / "loop"], check=True)
    finally:
        subprocess.run(["umount", "-l", source / "z" / "a"], check=True)


@pytest.mark.parametrize("mark", [pytest.param(None, marks=needs_root)])
def test_other_file_systems_are_left_out_when_asked(
    start: Callable, source: Path, mark: None
) -> None:
    (source / "mount").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", source / "mount"], check=True)
    try:
        (source / "mount" / "below").mkdir()
        watched = start(one_file_system=True)
        assert watched.watcher.status().watched == 1
        (source / "mount" / "below" / "file").touch()
        assert watched.barrier() == []
        watched.watcher.close()
    finally:
        subprocess.run(["umount", source / "mount"], check=True)
