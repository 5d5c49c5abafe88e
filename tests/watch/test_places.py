"""fanotify names a directory by a handle: wherever that is, what happens in it is told."""

import ctypes
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.mounting import make, mount, mounted, umount

from mirrorfs.core.change import Dirty, Gap, Moved
from mirrorfs.watch import Pace
from mirrorfs.watch.fanotify import open_handle

from .conftest import stalled, watching
from .test_backends import make_deep

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs the rights of root")


def test_each_change_below_a_path_longer_than_a_page_is_told(start: Callable, source: Path) -> None:
    fd = make_deep(source)
    watched = start(backend="fanotify")
    for name in ("first", "second"):
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=fd))
        assert any(isinstance(each, Dirty) and each.recursive for each in watched.barrier())
    os.close(fd)
    subprocess.run(["rm", "-rf", source / ("x" * 200)], check=True)


def test_what_was_left_out_by_its_path_is_heard_of_after_a_rename(
    start: Callable, source: Path
) -> None:
    (source / "a" / "cache" / "x").mkdir(parents=True)
    watched = start(backend="fanotify", exclude=lambda path: path == "a/cache")
    (source / "a" / "cache" / "x" / "before").touch()
    assert watched.barrier() == []
    (source / "a").rename(source / "b")
    assert Moved("a", "b") in watched.barrier()
    (source / "b" / "cache" / "x" / "after").touch()
    assert Dirty("b/cache/x/after") in watched.barrier()
    watched.assert_complete()


@pytest.mark.backends("inotify", "fanotify", "auto")
def test_a_bind_mount_of_the_same_file_system_is_not_left_out(
    backend: str, tmp_path: Path, source: Path, start: Callable
) -> None:
    """The walk goes into it, with ``one_file_system``, too; not into what lies below another."""
    elsewhere = tmp_path / "elsewhere"
    for directory in (elsewhere, source / "bound", source / "other"):
        directory.mkdir()
    with mounted(("-t", "tmpfs", "tmpfs"), source / "other"):
        (source / "other" / "bound").mkdir()
        with (
            mounted(("--bind", elsewhere), source / "other" / "bound"),
            mounted(("--bind", elsewhere), source / "bound"),
        ):
            watched = start(one_file_system=True)
            (elsewhere / "file").touch()
            assert watched.barrier() == [Dirty("bound/file")]
            watched.watcher.close()


@pytest.mark.backends("inotify", "fanotify", "auto")
def test_a_file_that_is_mounted_over_another_is_looked_at(
    backend: str, tmp_path: Path, source: Path, start: Callable
) -> None:
    """Whoever writes to it is heard of where it comes from: as with what containers mount."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    for name in ("before", "later"):
        (source / name).touch()
    with mounted(("--bind", elsewhere), source / "before"):
        watched = start()
        assert ("before", "not a directory") in watched.watcher.status().failures
        with mounted(("--bind", elsewhere), source / "later"):
            watched.gapped("later", "not a directory", "something was mounted")
            watched.barrier()
            elsewhere.write_text("new")
            gaps = {each.path for each in watched.barrier() if isinstance(each, Gap)}
            assert gaps == {"before", "later"}
            watched.assert_complete()
        watched.gapped("later", "unmounted")
        watched.barrier()
        watched.assert_complete()


@pytest.mark.backends("inotify", "auto")
def test_a_directory_that_was_hidden_by_a_mount_is_heard_of_again(
    start: Callable, source: Path
) -> None:
    """Something was changed in it a moment before, and told after the mount was known."""
    point = source / "point"
    point.mkdir()
    watched = start()
    with stalled(watched):
        (point / "before").touch()
        mount("-t", "tmpfs", "tmpfs", point)
    try:
        watched.barrier()
    finally:
        umount(point)
    watched.gapped("point", "something was mounted or unmounted here")
    watched.assert_complete()
    (point / "after").touch()
    assert Dirty("point/after") in watched.barrier()


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs"])
def test_a_file_that_the_kernel_knows_no_name_of(tmp_path: Path, kind: str) -> None:
    """As a file server opens it, by its handle, after its name fell out of memory."""
    disk, state, image = tmp_path / "mount", tmp_path / "state", make(kind, tmp_path / "image")
    disk.mkdir()
    state.mkdir()
    with mounted(image, disk):
        (disk / "source").mkdir()
        (disk / "source" / "file").write_text("one")
        handle = _handle(disk / "source" / "file")
    with mounted(image, disk):
        pace = Pace(poll=0.2, retry=0.05)
        with watching(disk / "source", state, backend="fanotify", pace=pace) as watched:
            subprocess.run(["mount", "-o", "remount", disk], check=True)  # lets go of names
            top = os.open(disk, os.O_RDONLY)
            held = open_handle(top, handle)
            os.truncate(f"/proc/self/fd/{held}", 0)
            assert os.readlink(f"/proc/self/fd/{held}") == "/", "its name is known"
            os.close(held)
            os.close(top)
            assert any(isinstance(each, Gap) for each in watched.barrier())
            watched.assert_complete()
            serving = watched.watcher.status().serving
            assert [part.backend for part in serving] == ["fanotify", "poll"]


def _handle(path: Path) -> bytes:
    buffer = ctypes.create_string_buffer(136)
    ctypes.c_uint.from_buffer(buffer).value = 128
    number = ctypes.c_int()
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.name_to_handle_at(-100, os.fsencode(path), buffer, ctypes.byref(number), 0) == 0
    return buffer.raw[: 8 + ctypes.c_uint.from_buffer(buffer).value]
