"""The power fails while a mirror is written: no file that was there is lost, empty or torn, and
what the checkpoint vouches for is on the disk.
"""

import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from crash.scenes import spread, watched, words
from crash.states import States, become, leftovers, torn
from support.forked import call
from support.inject import Call, Ended, Judge, changes, let, needs_injection, supervised
from support.logdisk import LogDisk, log_disk
from support.portrait import portrait, unlike
from support.powercut import MAKE, SIZES, Drive, drive, make

from mirrorfs.cli import main

pytestmark = [pytest.mark.root, needs_injection, pytest.mark.slow]
KINDS = ("ext4", "xfs")


class Scene:
    """A watched source in memory, and its mirror on a drive. What is remembered of the mirror lies
    on the same drive, or apart; the journal is apart in any case."""

    def __init__(self, states: States, drive: Drive, *, together: bool) -> None:
        self.states, self.drive, self.room = states, drive, states.room
        self.source, self.mirror = self.room / "source", drive.point / "mirror"
        self.mirror.mkdir()
        (self.room / "mirror").symlink_to(self.mirror)
        if together:
            for place in (self.room / "state", self.room / "state" / "mirrors"):
                place.mkdir(mode=0o700)
            (drive.point / "remembered").mkdir(mode=0o700)
            drive.show("remembered", self.room / "state" / "mirrors")

    @contextmanager
    def watched(self) -> Iterator[None]:
        become(self.source, self.states.first)
        with watched(self.source, self.room):
            self.goes(self.states.first)
            yield

    def run(self, judge: Judge = let, *flags: str) -> Ended:
        return supervised(lambda: main(words(self.source, self.room, *flags)), [self.room], judge)

    def goes(self, model: Path, *flags: str) -> Ended:
        """To a state and to the disk."""
        become(self.source, model)
        return self.goes_to_disk(*flags)

    def goes_to_disk(self, *flags: str) -> Ended:
        ended = self.run(let, *flags)
        assert ended.code == 0, ended.said
        assert self.differences() == []
        self.drive.settle()
        return ended

    def differences(self) -> list[str]:
        return unlike(portrait(self.source), portrait(self.mirror))


def cut_at(scene: Scene, number: int, *flags: str) -> Ended:
    """The power fails at the so-manieth call that changes something, or at the end; it is back when
    this returns."""
    left = number

    def judge(call: Call) -> int:
        nonlocal left
        left -= changes(call)
        if left == 0:
            scene.drive.kill()
        return 0

    ended = scene.run(judge, *flags)
    if left > 0:
        scene.drive.kill()
    scene.drive.again()
    return ended


def sweep_of_cuts(scene: Scene, most: int, *flags: str, replaces_durably: bool = True) -> int:
    first, second = scene.states.first, scene.states.second
    with scene.watched():
        numbers = spread(scene.goes(second, *flags).calls, most)
        numbers.append(10**9)
        for number in numbers:
            scene.goes(first, *flags)
            before = portrait(scene.mirror)
            become(scene.source, second)
            ended = cut_at(scene, number, *flags)
            assert "Traceback" not in ended.said
            if replaces_durably:
                now, after = portrait(scene.mirror), portrait(scene.source)
                assert torn(before, now, after, after_power_cut=True) == [], ended.calls[-1]
            if not ended.code:
                assert scene.differences() == [], "what is vouched for is gone"
            again = scene.run()
            assert again.code == 0, again.said
            assert scene.differences() == [], (number, again.said)
            assert not leftovers(portrait(scene.mirror))
    return len(numbers)


def sweep_of_images(scene: Scene, disk: LogDisk, number: int, seed: int) -> None:
    rng = random.Random(seed)
    base, image = scene.room / "base", scene.room / "image"
    with scene.watched():
        before = portrait(scene.mirror)
        scene.drive.umount()
        disk.begin(base)
        scene.drive.mount()
        become(scene.source, scene.states.second)
        ended = scene.run()
        assert ended.code == 0, ended.said
        vouched = len(disk.writes())
        after = portrait(scene.source)
        scene.drive.umount()
        end = len(disk.writes())
        for _ in range(number):
            upto = rng.randint(0, end)
            disk.image(base, image, upto, rng)
            scene.drive.image = image
            scene.drive.mount()
            now = portrait(scene.mirror)
            wrong = torn(before, now, after, after_power_cut=True)
            assert wrong == [], f"{seed}: {upto} of {end}"
            if upto >= vouched:
                assert unlike(after, now) == [], f"{seed}: {upto} of {end}, vouched at {vouched}"
            ended = scene.run()
            assert ended.code == 0, ended.said
            assert scene.differences() == [], f"{seed}: {upto} of {end}, {ended.said}"
            scene.drive.umount()


@contextmanager
def logged(kind: str, room: Path) -> Iterator[tuple[LogDisk, Drive]]:
    """A drive on a log disk."""
    point = room / "drive"
    point.mkdir()
    with log_disk(room, SIZES[kind]) as disk:
        subprocess.run((*MAKE[kind], disk.file), check=True, capture_output=True)
        made = Drive(disk.file, point)
        made.mount()
        try:
            yield disk, made
        finally:
            made.close()


@pytest.mark.parametrize(("kind", "together"), [("ext4", True), ("xfs", False)])
def test_a_power_cut(kind: str, together: bool, states: States) -> None:
    with drive(kind, states.room) as made:
        sweep_of_cuts(Scene(states, made, together=together), 2)


@pytest.mark.parametrize("flag", ["checkpoint", "always"])
def test_a_power_cut_with_another_fsync(flag: str, states: States) -> None:
    with drive("ext4", states.room) as made:
        scene = Scene(states, made, together=True)
        sweep_of_cuts(scene, 1, "--fsync", flag, replaces_durably=flag == "always")


def test_with_fsync_always_a_file_that_is_there_stays(states: States) -> None:
    """No watcher, no checkpoint, no flush at the end: each file was made durable by itself."""
    with drive("ext4", states.room) as made:
        scene = Scene(states, made, together=False)
        become(scene.source, states.second)
        assert scene.run(let, "--fsync", "always").code == 0
        made.cut()
        now, wanted = portrait(scene.mirror), portrait(scene.source)
        files = [path for path, seen in wanted.items() if seen.kind == "file"]
        assert [path for path in files if path not in now] == []
        assert [path for path in files if now[path].content != wanted[path].content] == []


def test_a_new_file_that_ends_in_a_hole_does_not_only_look_complete(states: States) -> None:
    """Its size may be on the disk before its data: size and time are right, and it is empty."""
    with drive("ext4", states.room) as made:
        scene = Scene(states, made, together=False)
        become(scene.source, states.first)
        sparse, other = scene.source / "empty" / "sparse", scene.source / "kept"
        (scene.source / "sparse").unlink()
        scene.goes_to_disk()
        with open(sparse, "wb") as file:
            file.write(b"data" * 5000)
            file.truncate(8 << 20)
        other.write_bytes(b"replaced, so that it is made durable")

        def judge(call: Call) -> int:
            if call.name == "fsync" and "/mirror/.mirrorfs-" in call.paths[0]:
                fsynced.append(call)
            elif fsynced:
                made.kill()
            return 0

        fsynced: list[Call] = []
        assert scene.run(judge, "--check-first", "--transfers", "1").code != 0
        assert fsynced
        made.again()
        assert scene.run().code == 0
        assert scene.differences() == []


def test_a_file_system_mounted_in_the_mirror_is_vouched_for_too(room: Path) -> None:
    source, nested, image = room / "source", room / "mirror" / "nested", room / "image"
    for name in ("new", "replaced"):
        (source / "nested" / "d").mkdir(parents=True, exist_ok=True)
        (source / "nested" / "d" / name).write_text(name * 5000)
    nested.mkdir(parents=True)
    make("ext4", image)
    made = Drive(image, nested)
    made.mount()
    try:
        with watched(source, room):
            done = call(words(source, room), room)
            assert done.code == 0, done.err
            made.cut()
            assert unlike(portrait(source), portrait(room / "mirror")) == []
    finally:
        made.close()


@pytest.mark.fuse
@pytest.mark.parametrize(("kind", "number"), [("ext4", 10), ("xfs", 6)])
def test_images_of_a_power_cut(kind: str, number: int, states: States) -> None:
    with logged(kind, states.room) as (disk, made):
        sweep_of_images(Scene(states, made, together=True), disk, number, random.randrange(10**9))


@pytest.mark.torture
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("together", [False, True], ids=["apart", "together"])
@pytest.mark.parametrize("kind", KINDS)
def test_torture_a_power_cut_anywhere(kind: str, together: bool, states: States) -> None:
    with drive(kind, states.room) as made:
        sweep_of_cuts(Scene(states, made, together=together), 10_000)


@pytest.mark.torture
@pytest.mark.fuse
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", KINDS)
def test_torture_images_of_a_power_cut(kind: str, states: States) -> None:
    with logged(kind, states.room) as (disk, made):
        sweep_of_images(Scene(states, made, together=True), disk, 1000, random.randrange(10**9))
