"""What each kind of change is reported as, with the kernel's events."""

import ctypes
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mirrorfs.core.change import Change, Clean, Dirty, Epoch, Moved, Ready
from mirrorfs.watch import Pace


def touch(root: Path) -> None:
    (root / "new").touch()


def write(root: Path) -> None:
    (root / "file").write_text("more")


def append_and_close(root: Path) -> None:
    with (root / "file").open("a") as file:
        file.write("more")


def symlink(root: Path) -> None:
    (root / "new").symlink_to("nowhere")


def hard_link(root: Path) -> None:
    (root / "new").hardlink_to(root / "file")


def fifo(root: Path) -> None:
    os.mkfifo(root / "new")


def bind_socket(root: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "new"))


def chmod(root: Path) -> None:
    (root / "file").chmod(0o600)


def utime(root: Path) -> None:
    os.utime(root / "file", (1, 1))


def set_xattr(root: Path) -> None:
    os.setxattr(root / "file", "user.x", b"1")


def truncate(root: Path) -> None:
    os.truncate(root / "file", 1)


def allocate(root: Path) -> None:
    with (root / "file").open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, 8192)


def copy_range(root: Path) -> None:
    with (root / "other").open("rb") as source, (root / "file").open("r+b") as target:
        os.copy_file_range(source.fileno(), target.fileno(), 1)


def send(root: Path) -> None:
    with (root / "other").open("rb") as source, (root / "file").open("r+b") as target:
        os.sendfile(target.fileno(), source.fileno(), 0, 1)


def exchange(root: Path) -> None:
    libc = ctypes.CDLL(None)
    assert not libc.renameat2(-100, bytes(root / "file"), -100, bytes(root / "other"), 2)


def write_from_elsewhere(root: Path) -> None:
    """By another path, in another mount namespace."""
    script = 'mount --bind "$1" "$2" && echo more > "$2/file"'
    aside = root.parent / "aside"
    aside.mkdir()
    subprocess.run(["unshare", "-m", "sh", "-ec", script, "sh", root, aside], check=True)


def unlink(root: Path) -> None:
    (root / "file").unlink()


def chmod_root(root: Path) -> None:
    root.chmod(0o700)


def chmod_directory(root: Path) -> None:
    (root / "old").chmod(0o700)


def rmdir(root: Path) -> None:
    (root / "old").rmdir()


def mkdir(root: Path) -> None:
    (root / "new").mkdir()


def rename(root: Path) -> None:
    (root / "file").rename(root / "new")


def rename_over(root: Path) -> None:
    (root / "file").rename(root / "other")


def rename_directory(root: Path) -> None:
    (root / "old").rename(root / "new")


def rename_over_directory(root: Path) -> None:
    (root / "old").rename(root / "empty")


def move_out(root: Path) -> None:
    (root / "file").rename(root.parent / "out")


def move_in(root: Path) -> None:
    (root.parent / "outside").rename(root / "new")


def move_directory_in(root: Path) -> None:
    (root.parent / "tree").rename(root / "new")


def move_directory_out(root: Path) -> None:
    (root / "old").rename(root.parent / "out")


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (touch, {Dirty("new")}),
        (write, {Dirty("file")}),
        (append_and_close, {Dirty("file")}),
        (symlink, {Dirty("new")}),
        (hard_link, {Dirty("new")}),
        (fifo, {Dirty("new")}),
        (bind_socket, {Dirty("new")}),
        (chmod, {Dirty("file")}),
        (utime, {Dirty("file")}),
        (set_xattr, {Dirty("file")}),
        (truncate, {Dirty("file")}),
        (allocate, {Dirty("file")}),
        (copy_range, {Dirty("file")}),
        (send, {Dirty("file")}),
        (exchange, {Moved("file", "other"), Moved("other", "file")}),
        pytest.param(
            write_from_elsewhere,
            {Dirty("file")},
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="needs the rights of root"),
        ),
        (unlink, {Dirty("file")}),
        (chmod_root, {Dirty("")}),
        (chmod_directory, {Dirty("old")}),
        (rmdir, {Dirty("old")}),
        (mkdir, {Dirty("new", True)}),
        (rename, {Moved("file", "new")}),
        (rename_over, {Moved("file", "other")}),
        (rename_directory, {Moved("old", "new")}),
        (rename_over_directory, {Moved("old", "empty"), Dirty("empty", True)}),
        (move_out, {Dirty("file")}),
        (move_in, {Dirty("new")}),
        (move_directory_in, {Dirty("new", True)}),
        (move_directory_out, {Dirty("old")}),
    ],
)
def test_one_change_is_one_record(
    start: Callable, source: Path, act: Callable[[Path], None], expected: set[Change]
) -> None:
    for name in ("file", "other", "../outside"):
        (source / name).write_text("content")
    for name in ("old", "empty", "../tree/below"):
        (source / name).mkdir(parents=True)
    watched = start()
    act(source)
    assert set(watched.barrier()) == expected
    watched.assert_complete()


def test_reading_is_no_change(start: Callable, source: Path) -> None:
    (source / "file").write_text("content")
    watched = start()
    (source / "file").read_text()
    os.listdir(source)
    assert watched.barrier() == []


def test_a_run_begins_with_an_epoch_and_ends_clean(start: Callable) -> None:
    watched = start()
    watched.watcher.close()
    assert [type(change) for change in watched.log] == [Epoch, Ready, Clean]
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert watched.log[0]._replace(started_ns=0) == Epoch(
        boot, watched.log[0].root, "inotify", 0, continued=False
    )


def test_what_happened_before_the_end_stands_before_clean(start: Callable, source: Path) -> None:
    watched = start()
    with (source / "open").open("w") as file:
        file.write("x")
        file.flush()
        (source / "new").mkdir()
        (source / "new" / "file").touch()
        watched.watcher.close()
    assert {Dirty("open"), Dirty("new", True)} <= set(watched.log[:-1])
    assert isinstance(watched.log[-1], Clean)


def test_a_file_being_written_is_reported_when_it_is_closed(start: Callable, source: Path) -> None:
    watched = start(pace=Pace(quiet=60, cap=60, created=60))
    with (source / "f").open("w") as file:
        file.write("half")
        file.flush()
        os.fchmod(file.fileno(), 0o600)
        (source / "mark").mkdir()
        watched.wait(Dirty("mark", True))
        assert Dirty("f") not in watched.log
    watched.wait(Dirty("f"))


def test_a_file_held_open_is_reported_when_it_is_quiet(start: Callable, source: Path) -> None:
    watched = start(pace=Pace(quiet=0.05))
    with (source / "f").open("w") as file:
        file.write("half")
        file.flush()
        watched.wait(Dirty("f"))


def test_a_barrier_vouches_for_files_still_open(start: Callable, source: Path) -> None:
    watched = start(pace=Pace(quiet=60, cap=60, created=60))
    with (source / "f").open("w") as file:
        file.write("half")
        file.flush()
        assert Dirty("f") in watched.barrier()
        file.write("more")
        file.flush()
        assert Dirty("f") in watched.barrier()


def test_names_that_are_not_text_survive(start: Callable, source: Path) -> None:
    watched = start()
    name = os.fsdecode(b"\xff\xfe \n'")
    (source / name).mkdir()
    (source / name / name).touch()
    watched.assert_complete()
    assert Dirty(name, True) in watched.log


def link_open_file(fd: int, path: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    source = b"/proc/self/fd/%d" % fd
    assert libc.linkat(-100, source, -100, os.fsencode(path), 0x400) == 0, ctypes.get_errno()


def test_writes_after_a_nameless_file_was_named_are_found(start: Callable, source: Path) -> None:
    (source / "d").mkdir()
    watched = start(pace=Pace(quiet=0.05))
    fd = os.open(source / "d", os.O_TMPFILE | os.O_WRONLY)
    os.write(fd, b"before")
    link_open_file(fd, source / "d" / "named")
    assert Dirty("d/named") in watched.barrier()
    os.write(fd, b"after")
    os.close(fd)
    assert Dirty("d/named") in watched.barrier()
    watched.assert_complete()
