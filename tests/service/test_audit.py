"""The audit names what nothing told of, by real causes, and never what was only on its way."""

import ctypes
import json
import mmap
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trio
from live.conftest import Places
from support import forked
from support.process import Service, until
from support.walker import differences

from mirrorfs.run.life import DISTRUSTED
from mirrorfs.service.audited import Audit
from mirrorfs.service.background import in_background
from mirrorfs.service.client import ask
from mirrorfs.state import State


class Kept(NamedTuple):
    """A pair of directories, and the run that keeps it."""

    places: Places
    run: Service

    def ask(self, what: str) -> dict[str, Any]:
        source, destination, state = self.places
        mirror = State(str(state)).mirror(str(source), str(destination))
        return ask(mirror, what, within=120)

    def audit(self) -> dict[str, Any]:
        return self.ask("audit")

    def is_right(self) -> None:
        assert self.ask("wait")["complete"]
        assert differences(self.places.source, self.places.destination) == []


@pytest.fixture
def kept(places: Places) -> Iterator[Kept]:
    (places.source / "d").mkdir()
    for name in ("one", "two", "d/three"):
        (places.source / name).write_text("what it was at first")
    flags = ("--audit-interval=0",)
    with Service("run", *places[:2], state=places.state, flags=flags) as run:
        run.reaches("in sync")
        yield Kept(places, run)


def test_an_equal_tree_has_no_defect(kept: Kept) -> None:
    found = kept.audit()
    assert (found["entries"], found["defect_count"], found["drift_count"]) == (4, 0, 0)
    assert found["unsure"] == ""


def test_a_store_through_a_mapping_is_found_and_named(kept: Kept) -> None:
    """The kernel tells of no store into mapped memory."""
    path = kept.places.source / "d" / "three"
    with open(path, "r+b") as file:
        mapping = mmap.mmap(file.fileno(), 0)
    kept.is_right()
    mapping[:4] = b"WHAT"
    mapping.flush()
    assert kept.ask("wait")["complete"]
    assert (kept.places.destination / "d" / "three").read_bytes()[:4] == b"what", "nobody knows"
    found = kept.audit()
    assert list(found["defects"]) == ["d/three"]
    assert "coverage defect: d/three" in kept.run.said()
    kept.is_right()
    mapping.close()
    assert kept.audit()["defect_count"] == 0


def test_a_write_through_a_name_outside_is_found_and_named(kept: Kept, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.hardlink_to(kept.places.source / "two")
    kept.is_right()
    outside.write_text("written through the other name")
    found = kept.audit()
    assert list(found["defects"]) == ["two"]
    kept.is_right()


def test_where_much_is_not_told_of_is_polled_from_then_on(kept: Kept) -> None:
    source = kept.places.source
    names = [f"d/{number}" for number in range(DISTRUSTED)]
    for name in names:
        (source / name).write_text("what it was at first")
    mappings = []
    for name in names:
        with open(source / name, "r+b") as file:
            mappings.append(mmap.mmap(file.fileno(), 0))
    kept.is_right()
    for mapping in mappings:
        mapping[:4] = b"WHAT"
        mapping.flush()
    assert kept.audit()["defect_count"] == DISTRUSTED

    def polled() -> bool:
        parts = kept.ask("status")["coverage"]["parts"]
        return [part["backend"] for part in parts][1:] == ["poll"]

    until(polled, "the source is polled, too")
    kept.is_right()
    for mapping in mappings:
        mapping[:4] = b"when"
        mapping.flush()
    kept.is_right()
    for mapping in mappings:
        mapping.close()


def test_what_others_changed_on_the_destination_is_drift(kept: Kept) -> None:
    (kept.places.destination / "one").write_text("not from the source")
    found = kept.audit()
    assert (list(found["drift"]), found["defect_count"]) == (["one"], 0)
    kept.is_right()


@pytest.mark.root
def test_a_flag_of_an_inode_and_a_mount_are_no_defects(kept: Kept) -> None:
    """Flags are not mirrored, and a mount is told of by the list of mounts."""
    source = kept.places.source
    subprocess.run(["chattr", "+d", source / "one"], check=True)
    assert kept.audit()["defect_count"] == 0
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", source / "d"], check=True)
    try:
        (source / "d" / "on the mount").write_text("new")
        found = kept.audit()
        assert found["defect_count"] == 0, found
    finally:
        subprocess.run(["umount", "-l", source / "d"], check=True)


def test_a_busy_source_has_no_defect(kept: Kept) -> None:
    source = kept.places.source
    ends = threading.Event()

    def never_rest() -> None:
        n = 0
        while not ends.is_set():
            n += 1
            (source / f"busy{n % 20}").write_text(str(n))
            (source / "d" / f"now{n}").mkdir()
            (source / "d" / f"now{n}").rename(source / f"then{n % 10}{n}")
            (source / f"then{n % 10}{n}").rmdir()
            os.utime(source / "one", ns=(n, n))

    busy = threading.Thread(target=never_rest)
    busy.start()
    try:
        for _ in range(4):
            found = kept.audit()
            assert (found["defects"], found["drift"]) == ({}, {})
    finally:
        ends.set()
        busy.join()
    kept.is_right()


def test_the_command_and_the_status_tell_what_was_found(kept: Kept, tmp_path: Path) -> None:
    source, destination, state = kept.places
    outside = tmp_path / "outside"
    outside.hardlink_to(source / "one")
    kept.is_right()
    outside.write_text("changed behind its back")

    def call(*words: str) -> forked.Done:
        return forked.call([*words, "--state-dir", str(state)], tmp_path)

    done = call("audit", str(source), str(destination))
    assert done.code == 1
    assert "defect  one" in done.out and "1 coverage defects" in done.out
    shown = call("status").out
    assert "audited" in shown and "1 coverage defects" in shown
    assert json.loads(call("status", "--json").out)[0]["audit"]["defect_count"] == 1
    kept.is_right()
    assert call("audit", str(source), str(destination)).code == 0
    kept.run.stop()
    assert "nothing runs" in call("audit", str(source), str(destination)).err


@pytest.mark.slow
def test_it_comes_by_itself(places: Places, tmp_path: Path) -> None:
    (places.source / "one").write_text("one")
    outside = tmp_path / "outside"
    outside.hardlink_to(places.source / "one")
    flags = ("--audit-interval=0.5s",)
    with Service("run", *places[:2], state=places.state, flags=flags) as run:
        run.reaches("in sync")
        outside.write_text("changed behind its back")
        run.mirrors()
        assert "coverage defect: one" in run.said()


async def test_its_thread_yields_to_all_others() -> None:
    def priorities() -> tuple[int, int]:
        nice = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        io = ctypes.CDLL(None).syscall({"x86_64": 252}.get(os.uname().machine, 31), 1, 0)
        return nice, io >> 13

    before = priorities()
    assert await in_background(priorities) == (19, 3)
    assert priorities() == before
    with trio.fail_after(30), pytest.raises(ZeroDivisionError):
        await in_background(lambda: 1 // 0)


def test_a_damaged_record_of_the_last_one_counts_as_none(tmp_path: Path) -> None:
    audit = Audit(5, 7, {"a\udcff": "b"}, 1, unsure="why")
    audit.store(str(tmp_path))
    assert Audit.load(str(tmp_path)) == audit
    for text in ("", "[]", '{"more": 1}', "{" * 9):
        (tmp_path / "audit.json").write_text(text)
        assert Audit.load(str(tmp_path)) == Audit()
