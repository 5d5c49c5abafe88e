"""The sign of life: a stage that hangs stops it, whatever it hangs in; a slow one does not."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from live.conftest import Places
from support.following import Following
from support.process import until

from mirrorfs.apply.flow import Flow
from mirrorfs.mirror.record import identity_now
from mirrorfs.run.pulse import PATIENCE, Pulse, Stage
from mirrorfs.run.stoppable import Watching
from mirrorfs.status.status import Status
from mirrorfs.sync.listener import Listener
from mirrorfs.trees.base import PIECE
from mirrorfs.watch import Watcher


def dies(pulse: Pulse, clock: "Clock") -> None:
    """Wait until it does: a thread that was just started may still be on its way to where it
    hangs."""
    until(lambda: not clock.passes(pulse), "it is dead")


class Clock:
    """Time passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def passes(self, pulse: Pulse) -> bool:
        """Whether it is alive after more than the patience, asked twice on the way."""
        for _ in range(3):
            self.now += 0.6 * PATIENCE
            alive = pulse.alive()
        return alive


@contextmanager
def at_work(stage: Stage, work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Work in a thread, which ends when the event is set."""
    began, end = threading.Event(), threading.Event()

    def live() -> None:
        with stage.working():
            began.set()
            work(end)

    thread = threading.Thread(target=live)
    thread.start()
    assert began.wait(60)
    try:
        yield
    finally:
        end.set()
        thread.join(60)
        assert not thread.is_alive()


def lock(end: threading.Event) -> None:
    """Waits for ever, as two that wait for each other do."""
    end.wait()


def test_a_stage_that_has_nothing_to_do_is_well() -> None:
    pulse = Pulse(clock=(clock := Clock()))
    pulse.stage("idle")
    assert clock.passes(pulse)
    assert pulse.hanging() == []


def test_a_thread_that_waits_for_ever_stops_it_and_going_on_begins_it_again() -> None:
    pulse = Pulse(clock=(clock := Clock()))
    stage = pulse.stage("deadlocked")
    with at_work(stage, lock):
        dies(pulse, clock)
        assert pulse.hanging() == ["deadlocked"]
        stage.beat()
        assert pulse.alive()
        dies(pulse, clock)
    assert pulse.alive()


def test_a_beat_that_comes_late_is_no_work() -> None:
    """A thread that copies may end a moment after its pass."""
    pulse = Pulse(clock=(clock := Clock()))
    stage = pulse.stage("over")
    with stage.working():
        pass
    stage.beat()
    assert clock.passes(pulse)


def test_a_call_that_does_not_come_back_stops_it() -> None:
    reading, writing = os.pipe()
    pulse = Pulse(clock=(clock := Clock()))
    try:
        began = threading.Event()

        def live() -> None:
            with pulse.stage("read").working():
                began.set()
                os.read(reading, 1)

        thread = threading.Thread(target=live)
        thread.start()
        assert began.wait(60)
        dies(pulse, clock)
        os.write(writing, b".")
        thread.join(60)
        assert pulse.alive()
    finally:
        os.close(reading)
        os.close(writing)


def test_a_slow_call_that_gets_on_keeps_it() -> None:
    """No beat for hours, but the thread wakes again and again, as one that waits for pages to be
    written does."""
    pulse = Pulse(clock=(clock := Clock()))
    turns = 0

    def slow(end: threading.Event) -> None:
        nonlocal turns
        while not end.wait(0.001):
            turns += 1

    with at_work(pulse.stage("slow"), slow):
        for _ in range(20):
            before = turns
            until(lambda before=before: turns > before + 1, "it turned")
            clock.now += 0.9 * PATIENCE
            assert pulse.alive()


def test_one_that_hangs_takes_nobody_with_it_but_the_last_does() -> None:
    pulse = Pulse(clock=(clock := Clock()))
    one, other = pulse.stage("one"), pulse.stage("other")
    with at_work(one, lock):
        assert clock.passes(pulse)
        assert pulse.hanging() == ["one"]
        with at_work(other, lock):
            dies(pulse, clock)


def test_what_is_vital_takes_everybody_with_it() -> None:
    pulse = Pulse(clock=(clock := Clock()))
    pulse.stage("idle")
    with at_work(pulse.stage("the source", vital=True), lock):
        dies(pulse, clock)
        assert pulse.hanging() == ["the source"]


@pytest.fixture
def emitted() -> Iterator[tuple[threading.Event, threading.Event]]:
    """What a watcher's emit waits for, and that it does."""
    go, waits = threading.Event(), threading.Event()
    go.set()
    yield go, waits
    go.set()


def test_a_watcher_must_turn_when_asked(
    tmp_path: Path, emitted: tuple[threading.Event, threading.Event]
) -> None:
    """One that is idle for hours does; one that cannot write its journal does not."""
    go, waits = emitted
    (tmp_path / "source").mkdir()

    def emit(_: object) -> None:
        if not go.is_set():
            waits.set()
            go.wait()

    root = str(tmp_path / "source")
    with Watcher(root, emit, identity=lambda: identity_now(root), backend="inotify") as watcher:
        assert watcher.ready.wait(60)
        pulse = Pulse(clock=(clock := Clock()))
        pulse.watch(watcher)
        for _ in range(5):
            asked = watcher.turns
            assert pulse.alive()
            until(lambda asked=asked: watcher.turns > asked, "it turned")
            clock.now += 10 * PATIENCE
        go.clear()
        (tmp_path / "source" / "file").write_text("file")
        assert waits.wait(60)
        dies(pulse, clock)
        go.set()
        until(pulse.alive, "it goes on")


def test_a_copy_beats_with_each_piece(places: Places) -> None:
    source, destination, state = places
    beats: list[bool] = []
    listening = Watching(Status("", ""), Listener(), lambda: beats.append(True))
    with Following(source, destination, state) as following:
        following.mirror.destination.meter = Flow(listening.go_on)
        (source / "large").write_bytes(os.urandom(1 << 20) * (3 * PIECE >> 20))
        following.assert_equal()
    assert len(beats) >= 3
