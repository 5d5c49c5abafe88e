"""Mounting, unmounting, and what a killed view leaves behind."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.forked import NOBODY
from support.process import call, until
from support.view import View

pytestmark = [pytest.mark.fuse, pytest.mark.root, pytest.mark.slow]


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    source, destination = tmp_path / "source", tmp_path / "destination"
    for directory in (source, destination):
        directory.mkdir()
    (source / "file").write_text("content\n")
    (source / "secret").write_text("secret\n")
    (source / "secret").chmod(0o600)
    return source, destination


def _is_mounted(point: Path) -> bool:
    with open("/proc/self/mountinfo") as mounts:
        return any(line.split()[4] == str(point) for line in mounts)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_unmounts(pair: tuple[Path, Path], point: Path, number: int) -> None:
    with View(*pair, point, state=point.parent / "state") as view:
        assert _is_mounted(point)
        assert view.stop(number) == 0
        assert not _is_mounted(point)
        assert os.listdir(point) == []


def test_files_in_use_keep_nothing_from_ending(pair: tuple[Path, Path], point: Path) -> None:
    with View(*pair, point, state=point.parent / "state") as view:
        file = os.open(view.after / "file", os.O_RDONLY)
        working = os.open(view.after, os.O_RDONLY)
        assert view.stop() == 0
        assert not _is_mounted(point)
        for use in (lambda: os.listdir(working), lambda: os.read(file, 100)):
            with pytest.raises(OSError, match="not connected"):
                use()
        with contextlib.suppress(OSError):  # a close tells of the lost file system, too
            os.close(file)
        os.close(working)
    assert os.listdir(point) == []


def test_unmounting_by_hand_ends_the_view(pair: tuple[Path, Path], point: Path) -> None:
    with View(*pair, point, state=point.parent / "state") as view:
        subprocess.run(["fusermount3", "-u", point], check=True)
        assert view.ended() == 0


def test_a_dead_mount_is_cleared(pair: tuple[Path, Path], point: Path) -> None:
    with View(*pair, point, state=point.parent / "state") as view:
        assert view.process is not None
        view.process.kill()
        view.process.wait()
        view.process = None
        with pytest.raises(OSError, match="not connected"):
            os.listdir(point)
        view.start()
        assert (view.after / "file").read_text() == "content\n"
        assert view.stop() == 0
    assert not _is_mounted(point)


def test_where_a_view_cannot_be_mounted(pair: tuple[Path, Path], point: Path) -> None:
    source, destination = pair
    state = point.parent / "state"

    def refused(place: Path, code: int) -> str:
        return call("mount", source, destination, place, state=state, code=code).stderr

    assert "make the directory first" in refused(point / "nothing", 3)
    (point / "something").touch()
    assert "is not empty" in refused(point, 6)
    (point / "something").unlink()
    assert "is not empty" in refused(point.parent, 6)
    bare = point / "bare"
    bare.mkdir()
    done = call("mount", bare, destination, bare, state=state, code=7)
    assert f"would hide {bare}" in done.stderr
    bare.rmdir()
    with View(source, destination, point, state=state) as view:
        assert "mounted on" in refused(point, 6)
        assert (view.after / "file").exists()


def _as_nobody(what: str, path: Path) -> int:
    """The errno of an attempt in a process of another user; 0 for success."""
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        try:
            if what == "list":
                os.listdir(path)
            else:
                os.close(os.open(path, os.O_RDONLY))
        except OSError as error:
            os._exit(error.errno)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_only_the_mounting_user_looks(pair: tuple[Path, Path], tmp_path: Path) -> None:
    open_to_all = Path("/tmp") / f"mirrorfs-view-{os.getpid()}"  # tmp_path is root's alone
    open_to_all.mkdir(mode=0o755)
    try:
        with View(*pair, open_to_all, state=tmp_path / "state") as view:
            assert _as_nobody("list", open_to_all) == 13
            assert view.stop() == 0
        with View(*pair, open_to_all, state=tmp_path / "state", flags=("--allow-other",)) as view:
            assert _as_nobody("list", view.after) == 0
            assert _as_nobody("open", view.after / "file") == 0
            assert _as_nobody("open", view.after / "secret") == 13, "modes are enforced"
            assert view.stop() == 0
    finally:
        subprocess.run(["umount", "-l", open_to_all], capture_output=True, check=False)
        open_to_all.rmdir()


def test_a_slow_destination_costs_one_answer(pair: tuple[Path, Path], point: Path) -> None:
    """A file system that hangs keeps nobody from what lies elsewhere; ended by a signal in time."""
    source, destination = pair
    for tree in pair:
        (tree / "directory").mkdir()
    with View(source, destination, point, state=point.parent / "state") as view:
        assert view.process is not None
        # The view of another view: the destination is served by a process that is stopped.
        second = point.parent / "second"
        second.mkdir()
        try:
            with View(source, point / "after", second, state=point.parent / "state 2") as outer:
                assert sorted(os.listdir(outer.after)) == ["directory", "file", "secret"]
                view.process.send_signal(signal.SIGSTOP)
                try:
                    asked = subprocess.Popen(["cat", outer.after / "file"], stderr=subprocess.PIPE)
                    assert (second / "summary").read_text()
                    assert (outer.pending / "create").is_dir()
                    assert asked.wait(60) != 0
                    assert b"timed out" in asked.stderr.read()
                    asked.stderr.close()
                    assert outer.stop() == 0
                finally:
                    view.process.send_signal(signal.SIGCONT)
        finally:
            subprocess.run(["umount", "-l", second], capture_output=True, check=False)


def test_without_pyfuse3_one_sentence_says_so(pair: tuple[Path, Path], point: Path) -> None:
    without = "import sys; sys.modules['pyfuse3'] = None; from mirrorfs.cli import main; "
    done = subprocess.run(
        [sys.executable, "-c", without + "sys.exit(main())", "mount", *pair, point],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 6
    assert len(done.stderr.splitlines()) == 1
    assert "the view needs pyfuse3" in done.stderr
    assert "mirrorfs[fuse]" in done.stderr


def test_a_view_of_nothing_to_do(pair: tuple[Path, Path], point: Path) -> None:
    source, destination = pair
    state = point.parent / "state"
    call("sync", "-a", source, destination, state=state)
    with View(source, destination, point, state=state) as view:
        assert "nothing to do" in (point / "summary").read_text()
        assert sorted(os.listdir(view.after)) == ["file", "secret"]
        assert [os.listdir(view.pending / verb) for verb in os.listdir(view.pending)] == [[]] * 5


def test_a_destination_yet_to_be_made(tmp_path: Path, point: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_text("content\n")
    with View(source, tmp_path / "new", point, state=tmp_path / "state") as view:
        assert (view.after / "file").read_text() == "content\n"
        until(lambda: os.listdir(view.after) == ["file"], "the listing")
        assert os.statvfs(view.after).f_blocks == os.statvfs(tmp_path).f_blocks
    assert not (tmp_path / "new").exists()
