"""What looks like a disaster deletes nothing: roots that go away, come back, or are others."""

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from live.conftest import Places
from support.process import Service, call, plan, until
from support.walker import count, differences

FILES = 300


@pytest.fixture
def filled(places: Places) -> Places:
    fill(places.source)
    return places


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[Path, Path], None]]:
    """`mounted(drive, point)` mounts a directory like a drive; all are unmounted in the end."""
    points: list[Path] = []

    def mount(drive: Path, point: Path) -> None:
        point.mkdir(exist_ok=True)
        subprocess.run(["mount", "--bind", drive, point], check=True)
        points.append(point)

    yield mount
    for point in points:
        subprocess.run(["umount", "-l", point], check=False, capture_output=True)


def fill(directory: Path) -> None:
    for number in range(FILES):
        file = directory / f"d{number % 7}" / f"file{number}"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{number}\n")


def unmount(point: Path) -> None:
    subprocess.run(["umount", "-l", point], check=True)


def test_an_emptied_source_is_held(filled: Places) -> None:
    source, destination, state = filled
    with Service("run", source, destination, state=state) as run:
        run.mirrors()
        whole = count(destination)
        for directory in source.iterdir():
            shutil.rmtree(directory)
        run.reaches("held")
        # What went before it looked like a disaster cannot have been more than half.
        assert 2 * count(destination) >= whole
        shown = call("status", state=state, code=1).stdout
        assert "held" in shown
        assert f"mirrorfs approve {destination}" in shown
        fill(source)
        (source / "more").write_text("arrives all the same\n")
        run.mirrors()


def test_an_emptied_source_is_held_at_the_start_and_the_user_can_insist(filled: Places) -> None:
    source, destination, state = filled
    with Service("run", source, destination, state=state) as run:
        run.mirrors()
        run.kill()
        whole = count(destination)
        for directory in source.iterdir():
            shutil.rmtree(directory)
        (source / "new").write_text("new\n")
        run.start()
        run.reaches("held")
        until((destination / "new").exists, "what is new is copied all the same")
        assert count(destination) == whole + 1
        assert run.stop() == 0
        assert plan(source, destination, state)["held"] is None, "a plain sync does what it is told"
        call("sync", "-a", source, destination, state=state)
        assert differences(source, destination) == []
        run.start()
        run.mirrors()


def test_what_was_copied_a_moment_ago_may_go_again(places: Places) -> None:
    """A tree that grew while it was followed is as large as it is, not as it was at the start."""
    source, destination, state = places
    with Service("run", source, destination, state=state) as run:
        run.mirrors()
        fill(source)
        for name in ("one", "other"):
            (source / name).mkdir()
            fill(source / name)
        run.mirrors()
        shutil.rmtree(source / "one")
        run.mirrors()


def test_what_came_and_went_within_a_minute_is_no_disaster(places: Places) -> None:
    source, destination, state = places
    (source / "kept").touch()
    with Service("run", source, destination, state=state) as run:
        run.mirrors()
        fill(source)
        run.mirrors()
        for number in range(FILES):
            file = source / f"d{number % 7}" / f"file{number}"
            file.unlink()
            gone = destination / file.relative_to(source)
            until(lambda gone=gone: run.phase() and not gone.exists(), "one by one they go")
        run.mirrors()


def test_a_source_that_is_missing_while_it_runs_and_back(filled: Places) -> None:
    source, destination, state = filled
    with Service("run", source, destination, state=state) as run:
        run.mirrors()
        whole = count(destination)
        aside = source.with_name("aside")
        source.rename(aside)
        run.reaches("waiting")
        assert count(destination) == whole
        (aside / "meanwhile").write_text("while nobody could see it\n")
        aside.rename(source)
        run.mirrors()


def test_a_source_that_is_missing_at_the_start(filled: Places) -> None:
    source, destination, state = filled
    with Service("run", source, destination, state=state) as run:
        run.mirrors()
        assert run.stop() == 0
        whole = count(destination)
        source.rename(source.with_name("aside"))
        run.start()
        run.reaches("waiting")
        assert "is not there" in run.status()["why"]
        source.mkdir()
        until(
            lambda: "not the directory that was mirrored before" in run.status()["why"],
            "another one in its place",
        )
        assert count(destination) == whole


@pytest.mark.root
def test_an_unmounted_source(
    filled: Places, mounted: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    drive, destination, state = filled
    point = tmp_path / "point"
    mounted(drive, point)
    with Service("run", point, destination, state=state) as run:
        run.mirrors()
        whole = count(destination)
        unmount(point)
        run.reaches("waiting")
        assert count(destination) == whole
        run.kill()
        run.start()
        run.reaches("waiting")
        assert count(destination) == whole
        (drive / "meanwhile").write_text("while it was not mounted\n")
        mounted(drive, point)
        run.mirrors()


@pytest.mark.root
def test_an_unmounted_destination_and_not_a_byte_into_its_mount_point(
    filled: Places, mounted: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    source, drive, state = filled
    drive.mkdir()
    point = tmp_path / "point"
    mounted(drive, point)
    with Service("run", source, point, state=state) as run:
        run.mirrors()
        unmount(point)
        (source / "new").write_text("new\n")
        run.reaches("waiting")
        assert list(point.iterdir()) == []
        run.kill()
        run.start()
        run.reaches("waiting")
        assert list(point.iterdir()) == []
        assert not (drive / "new").exists()
        mounted(drive, point)
        run.mirrors()
        assert (drive / "new").exists()


@pytest.mark.root
def test_a_directory_below_an_empty_mount_point_is_not_made(
    filled: Places, mounted: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    source, drive, state = filled
    drive.mkdir()
    point = tmp_path / "point"
    mounted(drive, point)
    with Service("run", source, point / "mirror", state=state) as run:
        run.mirrors()
        unmount(point)
        (source / "new").write_text("new\n")
        run.reaches("waiting")
        assert list(point.iterdir()) == []
        assert run.stop() == 0
        run.start()
        run.reaches("waiting")
        assert list(point.iterdir()) == []
        mounted(drive, point)
        run.mirrors()


@pytest.mark.root
def test_a_drive_that_comes_back_as_another_device(filled: Places, tmp_path: Path) -> None:
    """Unplugged and plugged in again: the same file system under a new device number."""
    source, _, state = filled
    image, point = tmp_path / "image", tmp_path / "point"
    point.mkdir()
    with open(image, "wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, point], check=True)
    (point / "lost+found").rmdir()
    try:
        with Service("run", source, point, state=state) as run:
            run.mirrors()
            unmount(point)
            (source / "new").write_text("new\n")
            run.reaches("waiting")
            # What held the drive is let go of, so that it is really unmounted.
            until(lambda: not loops(image), "the loop device is free")
            subprocess.run(["mount", "-o", "loop", image, point], check=True)
            run.mirrors()
            assert run.stop() == 0
    finally:
        subprocess.run(["umount", "-l", point], check=False)


def loops(image: Path) -> str:
    return subprocess.run(
        ["losetup", "-j", image], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.root
def test_a_full_destination_is_waited_out(filled: Places, tmp_path: Path) -> None:
    source, _, state = filled
    point = tmp_path / "point"
    point.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", point], check=True)
    try:
        with Service("run", source, point, state=state, flags=("--min-free=0",)) as run:
            run.mirrors()
            (source / "large").write_bytes(bytes(range(256)) * (8 << 12))
            until(lambda: "large" in run.status().get("owed", {}), "the file is owed")
            assert os.strerror(errno.ENOSPC) in run.status()["owed"]["large"]
            (source / "small").write_text("fits\n")
            until((point / "small").exists, "what fits arrives")
            subprocess.run(["mount", "-o", "remount,size=64m", point], check=True)
            run.mirrors()
            assert run.stop() == 0
    finally:
        subprocess.run(["umount", "-l", point], check=False)


def test_a_second_run_of_the_same_pair_is_refused(filled: Places) -> None:
    source, destination, state = filled
    with Service("run", source, destination, state=state) as run:
        run.mirrors()
        second = call("run", source, destination, state=state, code=7)
        assert "another mirrorfs" in second.stderr
        assert "Traceback" not in second.stderr
        elsewhere = call("run", source, destination, state=state.with_name("else"), code=7)
        assert "another mirrorfs" in elsewhere.stderr
        (source / "new").write_text("new\n")
        run.mirrors()


@pytest.mark.parametrize("inner", ["", "d1", "d1/made"])
def test_a_destination_in_the_source_is_refused(filled: Places, inner: str) -> None:
    source, _, state = filled
    before = count(source)
    refused = call("run", source, source / inner, state=state, code=7)
    assert "overlapping" in refused.stderr
    refused = call("run", source / "d1", source, state=state, code=7)
    assert "overlapping" in refused.stderr
    assert count(source) == before


def test_state_in_a_mirrored_tree_is_refused(filled: Places) -> None:
    source, destination, _ = filled
    destination.mkdir()
    before = count(source)
    for command, place in (
        (("run", source, destination), source),
        (("run", source, destination), destination),
        (("watch", source), source),
    ):
        refused = call(*command, state=place / "state", code=7)
        assert "--state-dir" in refused.stderr
        assert not (place / "state").exists()
    assert count(source) == before
    (destination / "state").mkdir()
    refused = call("sync", source, destination, state=destination / "state", code=7)
    assert "--exclude '/state/**'" in refused.stderr
    call("sync", "--exclude", "/state/**", source, destination, state=destination / "state")
    assert (destination / "state").is_dir()
    shutil.rmtree(destination)
    flags = ("--exclude=/state/**",)
    with Service("run", source, destination, state=source / "state", flags=flags) as run:
        run.reaches("in sync")
        assert run.stop() == 0
    assert not (destination / "state").exists()


def test_a_destination_with_other_things_is_held_until_they_are_given_up(filled: Places) -> None:
    source, destination, state = filled
    destination.mkdir()
    (destination / "precious").write_text("of somebody else\n")
    (destination / "d1").write_text("in the way\n")
    with Service("run", source, destination, state=state) as run:
        run.reaches("held")
        assert "never mirrored" in run.status()["why"]
        until((destination / "d2" / "file2").exists, "new files are copied")
        assert run.stop() == 0
        assert (destination / "precious").read_text() == "of somebody else\n"
        assert (destination / "d1").read_text() == "in the way\n"
    with Service("run", source, destination, state=state, flags=("--adopt",)) as run:
        run.mirrors()
