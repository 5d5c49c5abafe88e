"""Clocks that tick: two writes within a tick look alike, and no copy must believe them."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorfs.core.plan import Status, Verb
from mirrorfs.trees.local import content, tick

SECOND = tick.SECOND
CLOCKS = [1, SECOND // 1000, SECOND // 250, SECOND // 100]
PHASE = 123_456_789  # the kernel's clock does not step at round numbers
now = st.integers(1_700_000_000 * SECOND, 1_700_000_010 * SECOND)


@given(
    clock=st.sampled_from(CLOCKS),
    kept=st.sampled_from((1, *tick.GRAINS)),
    changed=now,
    waited=st.integers(0, 3 * SECOND),
    later=st.integers(0, 3 * SECOND),
)
def test_after_a_look_that_is_trusted_no_change_looks_alike(clock, kept, changed, waited, later):
    """``clock`` is the step of the kernel's clock, ``kept`` that of the file system."""

    def coarse(moment):
        return moment - (moment - PHASE) % clock

    def stamp(moment):
        return coarse(moment) - coarse(moment) % kept

    looked = changed + waited
    wait = tick.unsettled(stamp(changed), coarse(looked))
    if not wait:
        assert stamp(looked + later) != stamp(changed)
    assert wait <= 2 * SECOND


@given(stamp=now, looked=now)
def test_a_wait_ends(stamp, looked):
    wait = tick.unsettled(stamp, looked)
    assert tick.unsettled(stamp, looked + wait) == 0


def test_a_time_of_the_future_is_not_waited_for():
    """The clock was set back: whatever is changed now gets an earlier time."""
    now = 1_700_000_000 * SECOND + PHASE
    assert tick.unsettled(now + 3600 * SECOND, now) == 0
    assert tick.unsettled(now - 1, now) == 0


@given(changed=now, later=st.integers(0, 5 * SECOND))
def test_times_that_the_destination_keeps_coarsely(changed, later):
    """A write that gets the same time there must not be possible after the copy."""
    coarse = 2 * SECOND
    looked = changed + later
    if not tick.unsettled(changed, looked, coarse):
        assert looked // coarse != changed // coarse


@pytest.fixture
def seconds(tmp_path: Path) -> Iterator[Path]:
    """An ext4 that keeps whole seconds: small inodes have no place for more."""
    image, where = tmp_path / "image", tmp_path / "seconds"
    where.mkdir()
    subprocess.run(["truncate", "-s", "8M", image], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-I", "128", "-O", "^metadata_csum", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, where], check=True)
    yield where
    subprocess.run(["umount", "-l", where], check=True)


@pytest.mark.root
def test_a_file_rewritten_within_a_second_is_not_believed(seconds, local, monkeypatch):
    """The writer comes back between two reads of ours, with as many bytes, in the same second."""
    world = local(where=seconds)
    path = world.there.root / "file"
    read = content.LocalContent.read
    versions = [b"1" * 300]
    written: list[int] = []

    def torn(self, size):
        half = read(self, 150)
        if len(written) < len(versions):
            with open(path, "r+b") as file:
                file.write(versions[len(written)])
            written.append(path.stat().st_mtime_ns)
        return half + read(self, size - 150)

    monkeypatch.setattr(content.LocalContent, "read", torn)
    path.write_bytes(b"0" * 300)
    begun = path.stat().st_mtime_ns
    assert begun % SECOND == 0
    outcome = world.create("file")
    assert outcome.status is Status.DONE
    assert world.here.data("file") == versions[-1]
    assert written


@pytest.mark.root
def test_a_small_wait_is_shared_by_all_that_changed_together(seconds, local):
    """Two hundred files of this second cost one wait, not two hundred."""
    world = local(where=seconds)
    for number in range(200):
        world.there.write(f"{number}", b"x")
    actions = [world.action(Verb.CREATE, f"{number}") for number in range(200)]
    slept: list[float] = []
    real = time.sleep

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        real(seconds)

    content.time.sleep, before = sleep, content.time.sleep
    try:
        outcomes = world.destination.transfer(actions, world.source)
    finally:
        content.time.sleep = before
    assert {outcome.status for outcome in outcomes} == {Status.DONE}
    assert sum(slept) < 4.5
    assert os.listdir(world.here.root)
