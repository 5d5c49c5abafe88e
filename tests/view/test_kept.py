"""What the kernel keeps of the view: all of it until it is told, where directories need no opening;
and nothing is different where they do."""

import errno
import os
import signal
import subprocess
from pathlib import Path

import pytest
from support.process import Service, call, until
from support.view import View
from support.walker import differences

GONE = os.fsencode(f": {os.strerror(errno.ENOENT)}")

pytestmark = [pytest.mark.fuse, pytest.mark.root, pytest.mark.slow]


def listed(directory: Path) -> list[str]:
    """Names and sizes, asked for by a process of its own; without what vanishes before it is asked
    for its size, which `find` complains about on any file system. Every other error counts."""
    asked = ["find", directory, "!", "-type", "d", "-printf", "%P %s\\n"]
    done = subprocess.run(asked, capture_output=True, timeout=60, env=os.environ | {"LC_ALL": "C"})
    said = [line for line in done.stderr.splitlines() if not line.endswith(GONE)]
    assert not said and (done.returncode == 0 or done.stderr), done
    return sorted(os.fsdecode(done.stdout).splitlines())


def test_who_looks_twice_asks_nobody(view: View) -> None:
    assert view.process is not None
    before = listed(view.after), listed(view.pending)
    view.process.send_signal(signal.SIGSTOP)
    try:
        assert (listed(view.after), listed(view.pending)) == before
    finally:
        view.process.send_signal(signal.SIGCONT)


def test_an_empty_directory_fills_and_empties(view: View, trees: tuple[Path, Path]) -> None:
    source, _ = trees
    empty = view.after / "empty"
    for _ in range(2):
        assert os.listdir(empty) == []
        (source / "empty" / "first").touch()
        until(lambda: os.listdir(empty) == ["first"], "the first name")
        assert "first" in os.listdir(view.pending / "create" / "empty")
        (source / "empty" / "first").unlink()
        until(lambda: os.listdir(empty) == [], "nothing again")


def test_a_name_becomes_another_kind(view: View, trees: tuple[Path, Path]) -> None:
    source, _ = trees
    turning = view.after / "new"
    for _ in range(2):
        assert turning.is_file()
        (source / "new").unlink()
        (source / "new").mkdir()
        (source / "new" / "inside").touch()
        until(lambda: turning.is_dir() and os.listdir(turning) == ["inside"], "a directory")
        (source / "new" / "inside").unlink()
        (source / "new").rmdir()
        (source / "new").write_text("a file\n")
        until(lambda: turning.is_file() and turning.read_text() == "a file\n", "a file")


def test_every_listing_begins_with_the_dots(view: View) -> None:
    for directory in (view.point, view.after, view.after / "empty", view.pending / "rename"):
        said = subprocess.run(["ls", "-1af", directory], capture_output=True, check=True).stdout
        assert said.split()[:2] == [b".", b".."]


def test_a_destination_nobody_watches_is_looked_at_again(
    trees: tuple[Path, Path], point: Path, tmp_path: Path
) -> None:
    """Beside a watcher the view hears of the source alone; what is excluded is in no plan."""
    source, destination = trees
    state, flags = tmp_path / "state", ("--exclude", "stranger")
    with Service("watch", source, state=state) as watcher:
        watcher.watches()
        call("sync", "-a", source, destination, *flags, state=state)
        with View(source, destination, point, state=state, flags=flags) as view:
            stranger = destination / "kept" / "stranger"
            for change in (
                lambda: stranger.write_text("of somebody else\n"),
                lambda: stranger.write_text("written over\n"),
            ):
                assert listed(view.after) == listed(destination)
                change()
                until(lambda: listed(view.after) == listed(destination), "found")


def test_where_nothing_was_compiled(
    trees: tuple[Path, Path], point: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIRRORFS_NATIVE", "0")
    source, destination = trees
    with View(source, destination, point, state=tmp_path / "state") as view:
        assert listed(view.after) == listed(source)
        (source / "empty" / "later").touch()
        (source / "kept" / "same").unlink()
        until(lambda: listed(view.after) == listed(source), "it follows")
        assert not differences(source, view.after)
