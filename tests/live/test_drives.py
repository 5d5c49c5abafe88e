"""Drives that come and go under a run, by path, by UUID and by label: changes gather meanwhile, are
replayed when the drive is back, wherever it is mounted then; nothing goes into a bare mount point.
"""

import fcntl
import os
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from live.conftest import Places
from support.forked import call as fork
from support.mounting import make, mounted, umount
from support.powercut import GOING_DOWN, NO_LOG_FLUSH
from support.process import Service, until
from support.walker import count, differences, leftovers

pytestmark = pytest.mark.root

MB = 1 << 20
AWAY = 1_000  # files that change while a drive is away


class Drive:
    """A file system that is mounted here and there. ``how`` is what to tell mount(8)."""

    def __init__(self, kind: str, base: Path, point: Path, size: str = "") -> None:
        self.how = make(kind, base, size=size or ("64M" if kind == "ext4" else ""))
        self.point = point
        point.mkdir(parents=True)
        self._mounted = ExitStack()

    def mount(self, point: Path | None = None) -> Path:
        self.point = point or self.point
        self.point.mkdir(exist_ok=True)
        self._mounted.enter_context(mounted(self.how, self.point))
        return self.point

    def goes(self) -> None:
        """As a person unmounts it, who tries again when it is busy."""
        words = ["umount", self.point]
        until(
            lambda: not subprocess.run(words, check=False, capture_output=True).returncode,
            "it can be unmounted while nothing happens",
        )

    def tag(self, name: str) -> str:
        words = ["blkid", "-p", "-o", "value", "-s", name, self.how[-1]]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()

    def labelled(self, label: str) -> None:
        subprocess.run(["e2label", self.how[-1], label], check=True)

    def close(self) -> None:
        self._mounted.close()


@pytest.fixture
def drive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Drive]:
    made = Drive(getattr(request, "param", "ext4"), tmp_path / "drive", tmp_path / "point")
    yield made
    made.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Drive]:
    made = Drive("ext4", tmp_path / "other", tmp_path / "other point")
    yield made
    made.close()


def fill(source: Path, files: int = 20, name: str = "file") -> None:
    for number in range(files):
        directory = source / f"d{number % 7}"
        directory.mkdir(exist_ok=True)
        (directory / f"{name}{number}").write_text(f"{name}{number}")


def equal(source: Path, destination: Path) -> bool:
    return destination.is_dir() and not differences(source, destination, root=False)


def compared(run: Service) -> int:
    return run.said().count("comparing everything")


def comes_back(run: Service, source: Path, destination: Path) -> None:
    until(lambda: run.lives() or equal(source, destination), "all is there")
    run.reaches("in sync")


@pytest.mark.parametrize("drive", ["ext4", "xfs", "btrfs"], indirect=True)
def test_away_for_long_and_back(places: Places, drive: Drive) -> None:
    source, _, state = places
    destination = drive.mount() / "mirror"
    fill(source)
    with Service("run", source, destination, state=state) as run:
        comes_back(run, source, destination)
        assert compared(run) == 1
        drive.goes()
        run.reaches("waiting")
        said = fork(["status", "--state-dir", str(state)], state.parent)
        assert f"UUID={drive.tag('UUID')}" in said.out
        assert f"at {drive.point} on " in said.out
        assert said.code == 1
        fill(source, AWAY, "away")
        (source / "d1").rename(source / "renamed")
        (source / "d2" / "file2").unlink()
        assert list(drive.point.iterdir()) == []
        drive.mount()
        comes_back(run, source, destination)
        assert compared(run) == 1
        assert "replaying" in run.said()
        # Once more, with a write on its way at the very moment.
        for number in range(3):
            (source / f"racing{number}").write_bytes(bytes(MB))
            drive.goes()
            assert list(drive.point.iterdir()) == []
            drive.mount()
        comes_back(run, source, destination)
        assert compared(run) == 1
        assert run.stop() == 0


@pytest.mark.torture
def test_a_hundred_thousand_changes_are_replayed(places: Places, tmp_path: Path) -> None:
    """Beside a tree that nobody looks at: what is listed are the directories that changed."""
    source, _, state = places
    drive = Drive(
        "xfs", tmp_path / "drive", tmp_path / "point", size="8G"
    )  # sparse; xfs allots ahead
    try:
        destination = drive.mount() / "mirror"
        (source / "still").mkdir()
        fill(source / "still", 10_000)
        with Service("run", source, destination, state=state) as run:
            run.reaches("in sync")
            drive.goes()
            run.reaches("waiting")
            for number in range(5):
                fill(source, 20_000, "away" if number else "once")
            began = time.monotonic()
            drive.mount()
            run.reaches("in sync", within=600)
            print(f"{time.monotonic() - began:.1f} s: {run.said()}")
            assert equal(source, destination)
            assert compared(run) == 1
            assert "replaying" in run.said()
            assert run.stop() == 0
    finally:
        drive.close()


def test_mounted_elsewhere_next_time(places: Places, drive: Drive, tmp_path: Path) -> None:
    source, _, state = places
    drive.labelled("backup")
    fill(source)
    for written in ("LABEL=backup:/a/mirror", f"UUID={drive.tag('UUID')}:/b/mirror"):
        folder = written.partition(":/")[2]
        with Service("run", source, Path(written), state=state) as run:
            run.reaches("waiting")
            assert "is not there" in run.status()["why"]
            first = drive.mount() / folder
            comes_back(run, source, first)
            assert compared(run) == 1
            drive.goes()
            run.reaches("waiting")
            fill(source, name="more")
            second = drive.mount(tmp_path / "elsewhere") / folder
            comes_back(run, source, second)
            assert compared(run) == 1
            assert not list((tmp_path / "point").iterdir())
            assert run.stop() == 0
        with Service("run", source, Path(written), state=state) as run:  # and with it there
            comes_back(run, source, second)
            assert run.stop() == 0
        drive.goes()
        drive.point = tmp_path / "point"


def test_the_wrong_drive_gets_nothing(places: Places, drive: Drive, other: Drive) -> None:
    source, _, state = places
    for each in (drive, other):
        each.labelled("backup")
    other.mount()
    (other.point / "of another").write_text("precious")
    (other.point / "mirror").mkdir()
    before = count(other.point)
    other.goes()
    destination = drive.mount() / "mirror"
    fill(source)
    for written in (destination, Path("LABEL=backup:/mirror")):
        with Service("run", source, written, state=state) as run:
            comes_back(run, source, destination)
            drive.goes()
            run.reaches("waiting")
            other.mount(drive.point)
            fill(source, name=f"more {len(str(written))}")
            until(lambda run=run: other.tag("UUID") in run.status()["why"], "it says which it is")
            assert drive.tag("UUID") in run.status()["why"]
            assert count(other.point) == before
            if "LABEL" in str(written):
                drive.mount(drive.point.with_name("beside"))
                until(lambda run=run: "could be" in run.status()["why"], "two are refused")
                drive.goes()
                drive.point = other.point
            other.goes()
            drive.mount()
            comes_back(run, source, destination)
            assert run.stop() == 0


@pytest.mark.parametrize("how", ["unmounted lazily", "dead"])
def test_gone_in_the_middle_of_a_copy(places: Places, drive: Drive, how: str) -> None:
    source, _, state = places
    destination = drive.mount() / "mirror"
    fill(source)
    with Service("run", source, destination, state=state, flags=("--bwlimit", "2M")) as run:
        comes_back(run, source, destination)
        (source / "large").write_bytes(os.urandom(5 * MB))
        until(lambda: leftovers(destination), "copying")
        if how == "dead":
            top = os.open(drive.point, os.O_RDONLY)
            fcntl.ioctl(top, GOING_DOWN, struct.pack("I", NO_LOG_FLUSH))
            os.close(top)
            run.reaches("waiting")
            drive.goes()
        else:
            umount(drive.point, "-l")
            run.reaches("waiting")
        (source / "d1" / "file1").unlink()
        assert list(drive.point.iterdir()) == []
        drive.mount()
        comes_back(run, source, destination)
        assert leftovers(destination) == []
        assert compared(run) == 1
        assert run.stop() == 0


def test_a_source_that_goes_takes_nothing_along(
    places: Places, drive: Drive, other: Drive, tmp_path: Path
) -> None:
    _, destination, state = places
    for each in (drive, other):
        each.labelled("camera")
    source = drive.mount() / "photos"
    source.mkdir()
    fill(source)
    written = Path("LABEL=camera:/photos")
    with Service("run", written, destination, state=state) as run:
        comes_back(run, source, destination)
        names = count(destination)
        drive.goes()
        run.reaches("waiting")
        other.mount(drive.point)  # of the same label, and empty
        (other.point / "photos").mkdir()
        until(lambda: other.tag("UUID") in run.status()["why"], "it says which it is")
        other.goes()
        assert count(destination) == names
        source = drive.mount(tmp_path / "elsewhere") / "photos"
        (source / "d1" / "file1").unlink()
        fill(source, name="more")
        comes_back(run, source, destination)
        assert compared(run) > 1, "nobody watched meanwhile"
        (source / "d2" / "file2").unlink()
        comes_back(run, source, destination)
        assert run.stop() == 0
    drive.goes()
    with Service("run", written, destination, state=state) as run:
        run.reaches("waiting")
        assert count(destination) == count(destination)
        source = drive.mount() / "photos"
        (source / "new").write_text("new")
        comes_back(run, source, destination)
        assert run.stop() == 0


def test_both_roots_can_be_unmounted_while_nothing_happens(
    places: Places, drive: Drive, other: Drive
) -> None:
    source, destination = drive.mount() / "a", other.mount() / "b"
    source.mkdir()
    fill(source)
    with Service("run", source, destination, state=places.state) as run:
        comes_back(run, source, destination)
        other.goes()
        drive.goes()
        run.reaches("waiting")
        drive.mount()
        other.mount()
        fill(source, name="more")
        comes_back(run, source, destination)
        # Nobody else may write there meanwhile.
        words = ["sync", str(source), str(destination), "--state-dir", str(places.state)]
        assert "another mirrorfs" in fork(words, places.state.parent).err
        assert run.stop() == 0


def test_sync_to_a_label(places: Places, drive: Drive, other: Drive) -> None:
    source, _, state = places
    fill(source)
    for each in (drive, other):
        each.labelled("backup")
    words = ["sync", "-a", str(source), "LABEL=backup:/some/folder", "--state-dir", str(state)]
    done = fork(words, state.parent)
    assert (done.code, "the drive LABEL=backup is not there" in done.err) == (5, True), done.err
    drive.mount()
    assert fork(words, state.parent).code == 0
    assert differences(source, drive.point / "some" / "folder") == []
    assert fork(["check", *words[2:4]], state.parent).code == 0
    assert fork(["plan", *words[1:]], state.parent).out.endswith("nothing to do\n")
    other.mount()
    done = fork(words, state.parent)
    assert done.code == 7
    assert drive.tag("UUID") in done.err
    assert other.tag("UUID") in done.err
