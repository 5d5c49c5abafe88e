"""A disk refuses writes after the system took them: the kernel drops the content and keeps size and
time. Once it takes them again the next run writes everything again that may be lost, and nothing is
vouched for before.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from crash.scenes import watched, words
from support.forked import Done, call
from support.logdisk import LogDisk, log_disk
from support.powercut import MAKE, SIZES, Drive
from support.process import Service, until
from support.walker import differences

from journal import JournalError
from mirrorfs.cli import main
from mirrorfs.core.doubt import Doubts
from mirrorfs.mirror.checkpoint import DoubtsFile
from mirrorfs.trees.local import kernel

pytestmark = [pytest.mark.root]

MARK = b"this sector is bad"
NAMES = ("d/new", "d/e/moves", "left", *(f"old{number}" for number in range(6)))


class Scene(NamedTuple):
    """A source, and its mirror on a disk that can refuse writes."""

    room: Path
    disk: LogDisk
    drive: Drive

    @property
    def source(self) -> Path:
        return self.room / "source"

    @property
    def mirror(self) -> Path:
        return self.drive.point / "mirror"

    def sync(self, *flags: str) -> Done:
        return call(words(self.source, self.room, *flags), self.room)

    def write(self, *names: str) -> None:
        for name in names:
            (self.source / name).parent.mkdir(parents=True, exist_ok=True)
            (self.source / name).write_bytes(MARK + os.urandom(20_000))

    def lost(self) -> list[str]:
        """After everything was read anew from the disk: the files that only look right."""
        self.drive.again()
        return [
            line.partition(":")[0]
            for line in differences(self.source, self.mirror, root=False)
            if line.endswith(": the content differs")
        ]

    def kept(self, name: str) -> bytes:
        (directory,) = (self.room / "state" / "mirrors").iterdir()
        return (directory / name).read_bytes() if (directory / name).exists() else b""

    def doubts(self) -> set[str]:
        (directory,) = (self.room / "state" / "mirrors").iterdir()
        return set(DoubtsFile(str(directory)).load()[0].paths)

    def converges(self) -> None:
        done = self.sync()
        assert done.code == 0, done.said
        self.drive.again()
        assert differences(self.source, self.mirror, root=False) == []
        assert not self.kept("doubts")
        assert "nothing to transfer" in self.sync("-v").said, "and is believed again"


@pytest.fixture
def scene(room: Path) -> Iterator[Scene]:
    (room / "source").mkdir()
    (room / "drive").mkdir()
    with log_disk(room, SIZES["ext4"]) as disk:
        subprocess.run((*MAKE["ext4"], disk.file), check=True, capture_output=True)
        drive = Drive(disk.file, room / "drive")
        drive.mount()
        try:
            made = Scene(room, disk, drive)
            made.mirror.mkdir()
            (room / "mirror").symlink_to(made.mirror)
            yield made
        finally:
            drive.close()


@contextmanager
def recorded(scene: Scene, *, journal: bool) -> Iterator[None]:
    with ExitStack() as watching:
        if journal:
            watching.enter_context(watched(scene.source, scene.room))
        yield


@pytest.mark.parametrize("replaced", [False, True], ids=["new", "replaced"])
def test_what_a_replay_wrote_is_written_again(scene: Scene, replaced: bool) -> None:
    """New files are flushed for the checkpoint, replaced ones in a batch before they are put in
    place; what is renamed in between is no less lost."""
    scene.write("stays", *(name for name in NAMES if replaced and "old" in name))
    with recorded(scene, journal=True):
        assert scene.sync().code == 0
        before = scene.kept("checkpoint")
        scene.write(*NAMES)
        with scene.disk.refusing(MARK):
            done = scene.sync()
        assert done.code == 5, done.said
        assert "could not be made durable" in done.said
        assert "writes again what may be lost" in done.said
        assert scene.kept("checkpoint") == before, "nothing is vouched for"
        lost = scene.lost()
        assert "d/new" in lost, "else the test shows nothing"
        assert "stays" not in lost
        (scene.source / "left").rename(scene.source / "left2")
        (scene.source / "d" / "e").rename(scene.source / "d" / "f")
        scene.converges()


def test_a_sync_without_a_journal(scene: Scene) -> None:
    scene.write("stays", *NAMES[3:])
    assert scene.sync().code == 0
    scene.drive.settle()
    assert not (scene.room / "state").exists()
    scene.write(*NAMES)
    with scene.disk.refusing(MARK):
        done = scene.sync()
    assert done.code == 5, done.said
    assert "d/new" in scene.lost()
    scene.converges()


def test_a_process_killed_before_its_flush(scene: Scene) -> None:
    """Its successor hears of what it lost."""
    scene.write("stays")
    with recorded(scene, journal=True):
        assert scene.sync().code == 0
        scene.write("d/new", "left")
        with scene.disk.refusing(MARK):
            child = os.fork()
            if child == 0:
                kernel.syncfs = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
                main(words(scene.source, scene.room))
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
            assert scene.sync().code == 5
        assert {*scene.lost()} == {"d/new", "left"}
        scene.converges()


def test_a_running_mirror_writes_again_what_was_lost(scene: Scene) -> None:
    scene.write("stays")
    with Service("run", scene.source, scene.mirror, state=scene.room / "state") as run:
        run.mirrors()
        with scene.disk.refusing(MARK):
            scene.write(*NAMES)
            until(lambda: "could not be made durable" in run.said(), "the flush failed")
        until(lambda: not scene.doubts(), "written again, flushed and vouched for")
        run.reaches("in sync")
        assert run.stop() == 0
    scene.drive.again()
    assert differences(scene.source, scene.mirror, root=False) == []


def test_what_cannot_be_remembered_is_said(room: Path) -> None:
    """The process itself does not forget it."""
    place = room / "mirrors" / "mirror"
    file = DoubtsFile(str(place))
    with pytest.raises(JournalError):
        file.store(Doubts(frozenset({"a"})), None)
    assert DoubtsFile(str(place)).load() == (Doubts(frozenset({"a"})), None)
    place.mkdir(parents=True, mode=0o700)
    file.store(Doubts(), None)
    assert DoubtsFile(str(place)).load() == (Doubts(), None)
