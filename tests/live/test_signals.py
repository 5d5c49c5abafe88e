"""SIGTERM at every moment of a run: it ends in time and with 0, what is there is whole, and the
next run brings the rest. Also where the call that is under way never comes back.
"""

import os
import select
import signal
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from live.conftest import Places
from support.forked import become
from support.forked import call as fork
from support.process import until
from support.walker import differences, leftovers

from mirrorfs.apply.flow import Flow
from mirrorfs.cli import main
from mirrorfs.cli.serving import Serving  # imported here, or every fork would do it
from mirrorfs.mirror.checkpoint import CheckpointFile, NamesFile
from mirrorfs.mirror.flushing import Flushing
from mirrorfs.mirror.follow import Follower
from mirrorfs.mirror.mirror import Mirror
from mirrorfs.mirror.record import Recorder
from mirrorfs.sync.sync import Pass
from mirrorfs.trees.local import LocalTree
from mirrorfs.watch import Watcher

assert Serving
SECONDS = 5.0  # what is promised
LOADED = 15.0  # more, where eight others share two processors


class Moment(NamedTuple):
    """Before the ``nth`` call of a method that this run makes."""

    where: type
    name: str
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.where.__name__}.{self.name}-{self.nth}"


MOMENTS = [
    Moment(Mirror, "__init__"),
    Moment(Recorder, "__init__"),
    Moment(Recorder, "__enter__"),
    Moment(Watcher, "start"),
    Moment(Recorder, "_emit"),
    Moment(Recorder, "_emit", 2),
    Moment(Follower, "start"),
    Moment(Mirror, "reading"),
    Moment(Pass, "run"),
    Moment(LocalTree, "read"),
    Moment(LocalTree, "read", 2),
    Moment(LocalTree, "read", 5),
    Moment(LocalTree, "transfer"),
    Moment(LocalTree, "copy"),
    Moment(LocalTree, "copy", 2),
    Moment(Flow, "moved"),
    Moment(Flow, "moved", 2),
    Moment(LocalTree, "sweep"),
    Moment(Follower, "vouch"),
    Moment(Flushing, "flush"),
    Moment(LocalTree, "flush"),
    Moment(NamesFile, "store"),
    Moment(CheckpointFile, "store"),
    Moment(Follower, "cycle"),
    Moment(Mirror, "plan"),  # the audit
]
AT_THE_END = [
    Moment(Mirror, "__exit__"),
    Moment(Recorder, "__exit__"),
    Moment(Watcher, "close"),
]


def fill(source: Path) -> None:
    for number in range(12):
        file = source / f"d{number % 3}" / f"file{number}"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{number}\n")
    (source / "large").write_bytes(os.urandom(3 << 20))
    os.link(source / "large", source / "other name")


class Stopped:
    """`mirrorfs run` in a fork, that waits at a moment, for ever if it ``hangs``."""

    def __init__(self, places: Places, moment: Moment) -> None:
        self._places, self._moment = places, moment
        self.said = places.state.with_name("said")

    def __enter__(self) -> "Stopped":
        self._reached, reached = os.pipe()
        go, self._go = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            code = 70
            try:
                code = self._live(reached, go)
            except BaseException:
                traceback.print_exc()
            finally:
                # As an interpreter ends, which waits for threads.
                threading._shutdown()
                os._exit(code)
        os.close(reached)
        os.close(go)
        self._pidfd = os.pidfd_open(self._child)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._child:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            os.waitpid(self._child, 0)
        for descriptor in (self._pidfd, self._reached, self._go):
            os.close(descriptor)
        if kind is not None:
            print(f"---- {self.said.read_text(errors='backslashreplace')}")

    def _live(self, reached: int, go: int) -> int:
        said = os.open(self.said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        for descriptor in (1, 2):
            os.dup2(said, descriptor)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        become(None, self._places.state.parent)

        def wait() -> None:
            os.write(reached, b".")
            os.read(go, 1)

        before(self._moment, wait)
        words = [str(self._places.source), str(self._places.destination)]
        state = ["--state-dir", str(self._places.state), "--audit-interval", "1s"]
        return main(["run", *words, *state])

    def stop(self, *, goes_on: bool, ending: bool) -> int:
        """SIGTERM at the moment, or before one that comes at the end; the exit code."""
        if ending:
            until(lambda: (self._places.destination / "other name").exists(), "it works")
            signal.pidfd_send_signal(self._pidfd, signal.SIGTERM)
        ready, _, _ = select.select([self._reached, self._pidfd], [], [], 60)
        assert self._reached in ready, f"it did not come there: {self.said.read_text()}"
        if not ending:
            signal.pidfd_send_signal(self._pidfd, signal.SIGTERM)
        if goes_on:
            os.write(self._go, b".")
        ready, _, _ = select.select([self._pidfd], [], [], LOADED)
        assert ready, f"not ended within {LOADED} s: {self.said.read_text()}"
        _, status = os.waitpid(self._child, 0)
        self._child = 0
        return os.waitstatus_to_exitcode(status)


def before(moment: Moment, wait: Callable[[], None]) -> None:
    """Wait once, before that call."""
    method = getattr(moment.where, moment.name)
    calls = 0

    def waiting(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == moment.nth:
            wait()
        return method(*arguments, **named)

    setattr(moment.where, moment.name, waiting)


EVERY = [*MOMENTS, *AT_THE_END]


@pytest.mark.parametrize("moment", EVERY, ids=str)
def test_it_ends_wherever_it_is(places: Places, moment: Moment) -> None:
    ends(places, moment, goes_on=True)


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(each, marks=pytest.mark.torture if number % 4 else (), id=str(each))
        for number, each in enumerate(EVERY)
    ],
)
def test_it_ends_though_a_call_never_does(places: Places, moment: Moment) -> None:
    ends(places, moment, goes_on=False)


def ends(places: Places, moment: Moment, *, goes_on: bool) -> None:
    source, destination, state = places
    fill(source)
    with Stopped(places, moment) as run:
        assert run.stop(goes_on=goes_on, ending=moment in AT_THE_END) == 0
    there = [path for path in destination.rglob("*") if path.name[0] != "." and path.is_file()]
    for path in there:
        assert path.read_bytes() == (source / path.relative_to(destination)).read_bytes(), path
    words = ["sync", "-a", str(source), str(destination), "--state-dir", str(state)]
    done = fork(words, state.parent)
    assert done.code == 0, done.err
    assert differences(source, destination) == []
    assert leftovers(destination) == []
