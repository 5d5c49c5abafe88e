"""The view follows what happens, and what is open stays as it was opened."""

import errno
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from support.process import Service, call, until
from support.view import View
from support.walker import differences

INOTIFY = ("--watch-backend", "inotify")

pytestmark = [pytest.mark.fuse, pytest.mark.root, pytest.mark.slow]


def reads(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def test_changes_show_without_a_journal(view: View, trees: tuple[Path, Path]) -> None:
    source, destination = trees
    after = view.after
    assert reads(after / "changed") == "as it will be, and longer\n"  # the kernel keeps this
    assert reads(after / "later") is None

    (source / "changed").write_text("and then it changed again\n")
    (source / "later").write_text("later\n")
    (source / "kept" / "same").unlink()
    until(lambda: reads(after / "changed") == "and then it changed again\n", "new content")
    until(lambda: reads(after / "later") == "later\n", "a new file")
    until(lambda: "same" not in os.listdir(after / "kept"), "a file is gone")
    until(lambda: (view.pending / "delete/kept/same").exists(), "and will be deleted")

    # A change of the destination is one of the plan.
    (destination / "stranger").write_text("not from the source\n")
    until(lambda: (view.pending / "delete/stranger").exists(), "a stranger will be deleted")
    assert not (after / "stranger").exists()
    until(lambda: not differences(source, after), "no difference")


def test_a_rename_shows(view: View, trees: tuple[Path, Path]) -> None:
    source, _ = trees
    (source / "kept").rename(source / "elsewhere")
    until(lambda: (view.after / "elsewhere/same").exists(), "the directory at its new name")
    until(lambda: not (view.after / "kept").exists(), "and not at the old one")
    until(lambda: not differences(source, view.after), "no difference")


def test_what_is_open_stays_as_it_was(view: View, trees: tuple[Path, Path]) -> None:
    source, _ = trees
    path = view.after / "changed"
    with open(path) as file, open(view.pending / "delete/old name") as leaving:
        number = path.stat().st_ino
        (source / "changed").rename(source / "moved away")
        (source / "changed").write_text("a file of another kind\n")
        until(lambda: reads(path) == "a file of another kind\n", "the new content")
        assert path.stat().st_ino != number
        assert os.fstat(file.fileno()).st_ino == number
        assert file.read() == "as it will be, and longer\n"
        assert leaving.read() == "will have another name\n" * 50


def test_inode_numbers_stay_with_what_is_shown(
    view: View, trees: tuple[Path, Path], tmp_path: Path
) -> None:
    source, destination = trees
    paths = ["changed", "kept", "kept/new name", "new", "mode"]
    before = {path: (view.after / path).stat().st_ino for path in paths}
    (source / "unrelated").touch()
    until(lambda: (view.after / "unrelated").exists(), "the change")
    assert {path: (view.after / path).stat().st_ino for path in paths} == before
    call("sync", "-a", source, destination, state=tmp_path / "state")
    until(lambda: not os.listdir(view.pending / "create"), "nothing is pending")
    assert {path: (view.after / path).stat().st_ino for path in paths} == before


def test_a_listing_survives_changes(view: View, trees: tuple[Path, Path]) -> None:
    source, _ = trees
    many = source / "many"
    many.mkdir()
    for index in range(1000):
        (many / f"{index:05}").touch()
    until(lambda: (view.after / "many").exists() and len(os.listdir(view.after / "many")) == 1000,
          "all of them")  # fmt: skip
    with os.scandir(view.after / "many") as listing:
        seen = [next(listing).name]
        for index in range(0, 1000, 2):
            (many / f"{index:05}").unlink()
        (many / "late").touch()
        until(lambda: (view.after / "many/late").exists(), "the change")
        seen += [entry.name for entry in listing]
    assert len(seen) == len(set(seen))
    assert {f"{index:05}" for index in range(1, 1000, 2)} <= set(seen)
    assert len(os.listdir(view.after / "many")) == 501


def test_readers_in_parallel_while_everything_changes(view: View, trees: tuple[Path, Path]) -> None:
    """Whatever is read is a whole file: its content says how long it is."""
    source, _ = trees
    stop, wrong = threading.Event(), []

    def write(generation: int) -> None:
        text = f"{generation} " * (generation % 97 + 1)
        (source / "turning.new").write_text(text)
        (source / "turning.new").rename(source / "turning")

    def read() -> None:
        while not stop.is_set():
            try:
                words = (view.after / "turning").read_text().split()
                os.listdir(view.after)
                os.stat(view.after / "kept" / "same")
            except FileNotFoundError:
                continue
            except OSError as error:
                wrong.append(repr(error))
                return
            if words and (len(set(words)) != 1 or len(words) != int(words[0]) % 97 + 1):
                wrong.append(repr(words))
                return

    write(0)
    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    try:
        for generation in range(1, 400):
            write(generation)
        until(lambda: wrong or reads(view.after / "turning") == "399 " * (399 % 97 + 1), "the last")
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert wrong == []


def test_beside_a_watcher(trees: tuple[Path, Path], point: Path, tmp_path: Path) -> None:
    """The journal says what is pending; a sync by hand empties it."""
    source, destination = trees
    state = tmp_path / "state"
    with Service("watch", source, state=state) as watcher:
        watcher.watches()
        call("sync", "-a", source, destination, state=state)
        with View(source, destination, point, state=state) as view:
            assert "replaying" in (point / "summary").read_text()
            assert os.listdir(view.pending / "create") == []
            (source / "fresh").write_text("fresh\n")
            until(lambda: os.listdir(view.pending / "create") == ["fresh"], "one file to create")
            assert reads(view.after / "fresh") == "fresh\n"
            call("sync", "-a", source, destination, state=state)
            until(lambda: not os.listdir(view.pending / "create"), "nothing to create")
            assert reads(view.after / "fresh") == "fresh\n"


def test_beside_run_in_one_process(tmp_path: Path, point: Path) -> None:
    source, destination = tmp_path / "source", tmp_path / "destination"
    source.mkdir()
    for index in range(20):
        (source / f"file {index}").write_text(f"{index}\n")
    flags = ("--mount", str(point))
    with Service("run", source, destination, state=tmp_path / "state", flags=flags) as run:
        run.mirrors()
        until(lambda: (point / "summary").exists(), "the view")
        assert differences(destination, point / "after") == []
        (source / "more").write_text("more\n")
        run.mirrors()
        until(lambda: reads(point / "after/more") == "more\n", "the view follows")
        until(lambda: "nothing to do" in (point / "summary").read_text(), "nothing is pending")

        # A disaster is held, and the view shows it.
        subprocess.run(["find", source, "-mindepth", "1", "-delete"], check=True)
        run.reaches("held")
        deleted = point / "pending/delete"
        until(lambda: sorted(os.listdir(deleted)) == sorted(os.listdir(destination)), "all of it")
        assert os.listdir(point / "after") == []
        assert os.listdir(destination) != []

        # The way to approval is there to be typed.
        def whole() -> str:
            summary = (point / "summary").read_text()
            everything = re.search(r" ([0-9]+) of \1 entries", summary)
            return summary if everything and "to approve:" in summary else ""

        summary = until(whole, "the command, of the whole plan")
        command = summary.partition("to approve:")[2].splitlines()[0].split()
        assert command[:2] == ["mirrorfs", "approve"]
        call(*command[1 : command.index("--state-dir")], state=tmp_path / "state")
        until(lambda: os.listdir(deleted) == [], "nothing is left to do")
        assert os.listdir(destination) == []
        assert run.stop() == 0
    assert not os.path.ismount(point)


def test_a_destination_that_is_gone_costs_errors_and_not_the_view(
    tmp_path: Path, point: Path
) -> None:
    source, drive = tmp_path / "source", tmp_path / "drive"
    source.mkdir()
    drive.mkdir()
    (source / "new").write_text("new\n")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", drive], check=True)
    try:
        destination = drive / "mirror"
        (destination / "old").mkdir(parents=True)
        (destination / "old" / "file").write_text("old\n")
        with View(source, destination, point, state=tmp_path / "state") as view:
            assert reads(view.after / "new") == "new\n"
            subprocess.run(["umount", "-l", drive], check=True)
            until(lambda: _errno(view.after) == errno.EIO, "an error that says so")
            assert (point / "plan.txt").read_text()
            assert reads(view.pending / "create/new") == "new\n"
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", drive], check=True)
            (destination / "old").mkdir(parents=True)
            until(lambda: not _errno(view.after), "it is there again")
            assert view.stop() == 0
    finally:
        while subprocess.run(["umount", "-l", drive], capture_output=True).returncode == 0:
            pass


def _errno(directory: Path) -> int | None:
    try:
        os.listdir(directory)
    except OSError as error:
        return error.errno
    return None


def test_a_view_inside_the_source_is_gone_round(tmp_path: Path) -> None:
    """Nobody scans or watches the view: it would read itself. Nor is it missed when it is gone."""
    source, destination = tmp_path / "source", tmp_path / "destination"
    inside = source / "look here"
    inside.mkdir(parents=True)
    (source / "file").write_text("file\n")
    state = tmp_path / "state"
    try:
        with (
            View(source, destination, inside, state=tmp_path / "views") as view,
            Service("run", source, destination, state=state, flags=INOTIFY) as run,
        ):
            run.reaches("in sync")
            assert run.status()["watched"] == 1, "the source, and nothing of the view"
            (source / "another").write_text("another\n")
            until(lambda: (destination / "another").exists(), "mirrored")
            assert os.listdir(destination / "look here") == []
            until(lambda: "nothing to do" in (inside / "summary").read_text(), "in the view")
            # And a sync by somebody else, who compares everything, goes round it too.
            other = tmp_path / "other"
            call("sync", "-a", "--full", source, other, state=tmp_path / "others")
            assert os.listdir(other / "look here") == []
            times = [(tree / "look here").stat().st_mtime for tree in (other, destination)]
            assert times[0] == times[1]
            assert view.stop() == 0
            (source / "third").write_text("third\n")
            until(lambda: (destination / "third").exists(), "mirrored")
            run.reaches("in sync")
            assert run.status()["owed_count"] == 0
            assert run.stop() == 0
    finally:
        subprocess.run(["umount", "-l", inside], capture_output=True, check=False)
    shutil.rmtree(source)
