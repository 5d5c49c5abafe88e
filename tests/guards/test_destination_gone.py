"""A destination that is not what it was gets nothing: eight ways to lose a drive. Not a byte goes
into the directory it was mounted on, and when it is back the mirror goes on.
"""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support.stepping import QUIET, Stepped
from support.walker import count

pytestmark = pytest.mark.root


class Drive(NamedTuple):
    """``point`` is where the file system in ``image`` is mounted."""

    source: Path
    point: Path
    image: Path
    state: Path

    def mount(self) -> None:
        run("mount", "-o", "loop", self.image, self.point)

    def unmount(self) -> None:
        run("umount", "-l", self.point)


def run(*words: object) -> None:
    subprocess.run([*map(str, words)], check=True, capture_output=True)


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Drive]:
    drive = Drive(*(tmp_path / name for name in ("source", "point", "image", "state")))
    for directory in (drive.source, drive.point):
        directory.mkdir()
    for number in range(20):
        (drive.source / f"file{number}").write_text("content")
    with open(drive.image, "wb") as file:
        file.truncate(16 << 20)
    run("mkfs.ext4", "-q", "-m", "0", drive.image)
    drive.mount()
    (drive.point / "lost+found").rmdir()
    yield drive
    for _ in range(3):
        subprocess.run(["umount", "-l", drive.point], check=False, capture_output=True)


def put_aside(drive: Drive) -> None:
    drive.unmount()
    drive.point.rename(drive.point.with_name("bare"))


def put_back(drive: Drive) -> None:
    drive.point.with_name("bare").rename(drive.point)
    drive.mount()


def replace(drive: Drive) -> None:
    put_aside(drive)
    drive.point.mkdir()


def bring_back(drive: Drive) -> None:
    drive.point.rmdir()
    put_back(drive)


def fill(drive: Drive) -> None:
    (drive.source / "large").write_bytes(bytes(range(256)) * (80 << 10))


LOSSES: dict[str, tuple[Callable[[Drive], None], Callable[[Drive], None]]] = {
    "unmounted": (Drive.unmount, Drive.mount),
    "another file system": (
        lambda drive: run("mount", "-t", "tmpfs", "tmpfs", drive.point),
        lambda drive: run("umount", "-l", drive.point),
    ),
    "replaced": (replace, bring_back),
    "missing": (put_aside, put_back),
    "read-only": (
        lambda drive: run("mount", "-o", "remount,ro", drive.point),
        lambda drive: run("mount", "-o", "remount,rw", drive.point),
    ),
    "full": (fill, lambda drive: (drive.source / "large").unlink()),
}
IN_PLACE = ("read-only", "full")


def mirrored(drive: Drive) -> Stepped:
    return Stepped(drive.source, drive.point, drive.state)


def spared(drive: Drive, name: str) -> None:
    """Nothing was written to what is in the drive's place."""
    if name not in IN_PLACE and drive.point.exists():
        assert list(drive.point.iterdir()) == []
    assert (drive.point.exists()) is (name != "missing")


def recovered(drive: Drive, run: Stepped) -> None:
    run.recovers(count(drive.source))


@pytest.mark.parametrize("name", LOSSES)
def test_a_drive_lost_while_it_is_mirrored_to(drive: Drive, name: str) -> None:
    goes, returns = LOSSES[name]
    with mirrored(drive) as run:
        recovered(drive, run)
        goes(drive)
        (drive.source / "new").write_text("while it was away")
        run.reaches(*QUIET)
        spared(drive, name)
        returns(drive)
        recovered(drive, run)
        assert (drive.point / "new").exists()


@pytest.mark.parametrize("name", ["unmounted", "another file system", "replaced", "missing"])
def test_a_drive_that_is_not_there_at_the_start(drive: Drive, name: str) -> None:
    goes, returns = LOSSES[name]
    with mirrored(drive) as run:
        recovered(drive, run)
    goes(drive)
    (drive.source / "new").write_text("while it was away")
    with mirrored(drive) as run:
        assert run.reaches(*QUIET) != "ended"
        spared(drive, name)
        returns(drive)
        recovered(drive, run)
