"""Files that change while they are copied: whole, as of one moment, or not at all."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.mounting import drive
from trees.conftest import World

from mirrorfs.core.plan import Status, Verb
from mirrorfs.core.tree import Trouble
from mirrorfs.core.values import Reserve
from mirrorfs.trees.base import Meter
from mirrorfs.trees.local import Writing, content, fill, snapshot
from mirrorfs.trees.local import small as straight

MB = 1 << 20


@pytest.fixture(params=["disk", "tmpfs"])
def world(request: Any, local: Any, shm: Any) -> World:
    made: World = local(where=shm) if request.param == "tmpfs" else local()
    return made


def after_each_copy(monkeypatch: Any, change: Any) -> None:
    plain = fill.Copying.copy

    def copy(self: Any, *given: Any) -> Any:
        copied = plain(self, *given)
        change()
        return copied

    monkeypatch.setattr(fill.Copying, "copy", copy)
    monkeypatch.setattr(straight, "copy", lambda here, there, names, *_: [-1] * len(names))


def test_a_write_on_its_way_is_waited_for(world: World, monkeypatch: Any) -> None:
    """It has set the time when it began, and nothing will tell when it ends: half of it would pass
    for a whole file, in a copy and in a comparison."""
    monkeypatch.setattr(content, "unsettled", lambda *_: 0)  # as if it had begun long ago
    size = 48 * MB
    path = world.there.root / "file"
    old, new = bytes(size), b"1" * size
    path.write_bytes(old)
    writing, reading = os.open(path, os.O_WRONLY), os.open(path, os.O_RDONLY)
    met = 0
    try:
        for _ in range(50):
            os.pwrite(writing, old, 0)
            thread = threading.Thread(target=lambda: os.pwrite(writing, new, 0))
            thread.start()
            while os.pread(reading, 1, 0) != b"1":
                pass
            with world.source.open("file") as opened:
                half = os.pread(reading, 1, size - 1) != b"1"
                before = opened.stat()
                descriptor = opened.descriptor()
                assert descriptor is not None
                assert os.pread(descriptor, 1, size - 1) == b"1"
                assert not opened.changed_since(before)
            thread.join()
            met += half
            if met == 2:
                break
        assert met, "the write is slow enough to be met"
    finally:
        os.close(writing)
        os.close(reading)


@pytest.mark.parametrize("size", [5_000, 3 * MB])
def test_a_file_that_only_grows_is_copied_as_of_one_moment(
    world: World, monkeypatch: Any, size: int
) -> None:
    data = os.urandom(size)
    world.there.write("log", data)
    lines = 0

    def grow() -> None:
        nonlocal lines
        lines += 1
        with open(world.there.root / "log", "ab") as file:
            file.write(b"line %d\n" % lines)

    after_each_copy(monkeypatch, grow)
    assert world.create("log").status is Status.DONE
    there, here = world.there.root / "log", world.here.root / "log"
    assert here.read_bytes() == there.read_bytes(), "nothing was written meanwhile"
    assert here.stat().st_mtime_ns < there.stat().st_mtime_ns, "and yet it is looked at again"
    monkeypatch.undo()
    assert world.update("log").status is Status.DONE
    assert here.stat().st_mtime_ns == there.stat().st_mtime_ns


def test_of_a_write_that_makes_a_file_longer_all_is_copied_or_nothing(world: World) -> None:
    """Others see it longer page by page."""
    path, line = world.there.root / "log", b"x" * 5000
    path.write_bytes(b"")
    writer = subprocess.Popen([sys.executable, "-c", WRITE, path, line])
    taken, patience = 0, time.monotonic() + 60
    with open(path, "rb") as log, open(world.here.root / "log", "w+b") as target:
        try:
            while taken < 100 and time.monotonic() < patience:
                at = os.fstat(target.fileno()).st_size
                if snapshot.snapshot(log.fileno(), target.fileno(), at, Meter()):
                    assert os.fstat(target.fileno()).st_size % len(line) == 0
                    taken += 1
                if os.fstat(target.fileno()).st_size > 4 * MB:  # to read it again takes its time
                    os.truncate(path, 0)
                    target.truncate(0)
        finally:
            writer.kill()
            writer.wait()
    assert taken == 100


WRITE = """
import os, sys
log = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
while True:
    if os.fstat(log).st_size < 1 << 26:
        os.write(log, sys.argv[2].encode())
"""


@pytest.mark.parametrize("where", [0, 2 * MB])
def test_a_file_that_grows_and_changes_is_not_copied(
    world: World, monkeypatch: Any, where: int
) -> None:
    """Bytes that were read already change before they are read the second time."""
    world.there.write("file", bytes(3 * MB))
    world.here.write("file", b"old")
    count = 0

    def change() -> None:
        nonlocal count
        count += 1
        with open(world.there.root / "file", "r+b") as file:
            file.seek(where)
            file.write(b"%d" % count)
            file.seek(0, os.SEEK_END)
            file.write(b"more")

    after_each_copy(monkeypatch, change)
    outcome = world.update("file")
    assert outcome.status is Status.FAILED
    assert outcome.failure is not None
    assert outcome.failure.trouble is Trouble.UNSTABLE
    assert world.here.data("file") == b"old"
    assert os.listdir(world.here.root) == ["file"]


def test_a_writer_that_is_faster_than_we_are_is_given_up(world: World, monkeypatch: Any) -> None:
    """It appends more than was read, each time that something is read."""
    path = world.there.root / "file"
    path.write_bytes(bytes(2 * MB))
    plain = snapshot.os.pread

    def pread(fd: int, size: int, at: int) -> bytes:
        data = plain(fd, size, at)
        os.truncate(path, path.stat().st_size + 2 * len(data))
        return data

    monkeypatch.setattr(snapshot.os, "pread", pread)
    after_each_copy(monkeypatch, lambda: os.truncate(path, path.stat().st_size + 1))
    outcome = world.create("file")
    assert outcome.status is Status.FAILED
    assert path.stat().st_size < 200 * MB, "soon"
    assert os.listdir(world.here.root) == []


@pytest.fixture(params=["btrfs", "xfs"])
def sharing(request: Any, tmp_path: Any, local: Any) -> Iterator[World]:
    with drive(request.param, tmp_path) as point:
        world: World = local(where=point)
        yield world
        world.source.close()
        world.destination.close()


@pytest.mark.root
def test_what_the_file_system_shares_is_of_one_moment(sharing: World, monkeypatch: Any) -> None:
    """A disk image that never holds still: a reflink takes it in one step, so it is mirrored."""
    path = sharing.there.root / "image"
    path.write_bytes(b"0" * MB)
    generation = 0

    def change() -> None:
        nonlocal generation
        generation += 1
        with open(path, "r+b") as file:
            file.write(b"%d" % generation * MB)

    after_each_copy(monkeypatch, change)
    for copied in range(4):
        found = sharing.at("image")
        outcome = sharing.create("image") if found is None else sharing.update("image")
        assert outcome.status is Status.DONE
        assert sharing.here.data("image") == b"%d" % copied * MB
        assert generation == copied + 1, "at the first attempt"


def test_bytes_that_are_missing_are_missed(world: World, monkeypatch: Any) -> None:
    """A file system that says the end is here, and shows no change: nothing short is published."""
    world.there.write("small", bytes(1000))
    world.there.write("large", bytes(3 * MB))
    read, copy = os.read, os.copy_file_range
    monkeypatch.setattr(fill.os, "read", lambda fd, size: read(fd, size)[: size // 2])
    monkeypatch.setattr(fill.os, "pread", lambda fd, size, at: b"")
    monkeypatch.setattr(
        fill.os,
        "copy_file_range",
        lambda *given: 0 if given[3] else copy(given[0], given[1], MB, *given[3:]),
    )
    monkeypatch.setattr("mirrorfs.trees.local.content.os.read", lambda fd, size: b"")
    monkeypatch.setattr(straight, "copy", straight.plain.copy)
    for name in ("small", "large"):
        outcome = world.create(name)
        assert outcome.status is Status.FAILED
    monkeypatch.undo()
    assert os.listdir(world.here.root) == []


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    with drive("tmpfs", tmp_path, size="32M") as point:
        yield point


@pytest.mark.root
def test_no_file_takes_what_is_to_stay_free(local: Any, small: Path) -> None:
    world = local(where=small, writing=Writing(min_free=Reserve(percent=50)))
    world.there.write("small", bytes(MB))
    world.there.write("large", bytes(12 * MB))
    with open(world.there.root / "sparse", "wb") as file:
        file.truncate(100 * MB)
    outcomes = {name: world.create(name) for name in ("sparse", "large", "small")}
    failure = outcomes["large"].failure
    assert failure is not None
    assert failure.trouble is Trouble.FULL
    assert failure.message.startswith("it needs 12 MiB, and --min-free ")
    assert outcomes["small"].status is Status.DONE
    assert outcomes["sparse"].status is Status.DONE, "holes take nothing"
    assert sorted(os.listdir(world.here.root)) == ["small", "sparse"]


@pytest.mark.root
def test_many_small_files_take_what_may_be_taken_and_no_more(local: Any, small: Path) -> None:
    reserve = 22 * MB  # of the other ten the source takes six
    world = local(where=small, writing=Writing(min_free=Reserve(size=reserve)))
    names = [f"file{number:02}" for number in range(60)]
    for name in names:
        world.there.write(name, bytes(100 << 10))
    actions = [world.action(Verb.CREATE, name) for name in names]
    outcomes = world.destination.transfer(actions, world.source)
    undone = [outcome for outcome in outcomes if outcome.status is not Status.DONE]
    assert 0 < len(undone) < len(names)
    assert {outcome.failure.trouble for outcome in undone} == {Trouble.FULL}
    found = os.statvfs(small)
    assert reserve <= found.f_bavail * found.f_frsize < reserve + (200 << 10)


@pytest.mark.root
def test_in_place_keeps_what_is_there_where_there_is_no_room(local: Any, small: Path) -> None:
    world = local(where=small, writing=Writing(in_place=True, min_free=Reserve(size=16 * MB)))
    world.here.write("file", b"old")
    world.there.write("file", bytes(12 * MB))
    outcome = world.update("file")
    assert outcome.failure.trouble is Trouble.FULL
    assert world.here.data("file") == b"old"
