"""The sign of life of a run: whether every stage that has something to do still gets on with it.

Law: honest. A stage that waits for something to do is well. One that works beats with each
directory that was decided, each outcome, each piece of content; in between, and where one call may
take minutes (a flush, a directory of a million names), the kernel tells whether its threads still
run at all: one that is stuck in a call, or waits for a lock for ever, is never scheduled. The
watcher's thread is asked to turn once, and has to.

`Pulse.alive` is what the service manager's watchdog is to be fed from: ask it in the loop that
feeds, so that a loop that hangs feeds nothing. It costs a few microseconds and one turn of the
watcher. With several targets the one that hangs is named by `Pulse.hanging` and disturbs no other;
the run is dead when its watcher is, or when nothing but stages that hang is left.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

PATIENCE = 60.0  # seconds: a drive may spin up, a bus may be reset


class Turns(Protocol):
    """What a watcher shows: how often it turned, and a way to have it turn."""

    turns: int

    def rouse(self) -> None: ...


class Stage:
    """One that works now and then, in threads."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._clock = clock
        self._works = False
        self._beaten = 0.0
        self._thread = 0
        self._ran: tuple[int, ...] = ()

    def beat(self) -> None:
        """It got on. Called by whoever works, as often as he likes."""
        self._beaten = self._clock()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Inside, this thread works, and those it has copy for it."""
        self._thread = threading.get_native_id()
        self._beaten = self._clock()
        self._works = True
        try:
            yield
        finally:
            self._works = False

    def silence(self) -> float:
        """Seconds since it got on; 0 while it has nothing to do."""
        if not self._works:
            return 0.0
        silent = self._clock() - self._beaten
        if silent > 1 and (ran := self._running()) != self._ran:
            self._ran, self._beaten = ran, self._clock()
            return 0.0
        return silent

    def _running(self) -> tuple[int, ...]:
        """Changes when one of its threads, or of those that copy, was scheduled."""
        copying = [
            thread.native_id
            for thread in threading.enumerate()
            if thread.name.startswith("mirrorfs-transfer") and thread.native_id
        ]
        return tuple(_switches(each) for each in (self._thread, *copying))


class Watching:
    """The watcher's thread."""

    def __init__(self, turns: Turns, clock: Callable[[], float] = time.monotonic) -> None:
        self._turns = turns
        self._clock = clock
        self._seen = -1
        self._asked: float | None = None

    def silence(self) -> float:
        """Seconds since it was asked to turn and did not."""
        now, turns = self._clock(), self._turns.turns
        if turns != self._seen:
            self._seen, self._asked = turns, None
        if self._asked is None:
            self._asked = now
            self._turns.rouse()
        return now - self._asked


class Pulse:
    """Of one run. ``patience``: seconds of silence that still count as life."""

    def __init__(
        self, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience = patience
        self._clock = clock
        self._vital: list[Stage] = []
        self._stages: list[Stage] = []
        self._watching: Watching | None = None

    def stage(self, name: str, *, vital: bool = False) -> Stage:
        """A further one; ``vital``: nothing gets on without it."""
        stage = Stage(name, self._clock)
        (self._vital if vital else self._stages).append(stage)
        return stage

    def watch(self, turns: Turns | None) -> None:
        """The watcher that must turn; ``None`` while there is none."""
        self._watching = None if turns is None else Watching(turns, self._clock)

    def alive(self) -> bool:
        """Whether the run gets on. Ask again within half of the patience: silence is measured from
        one call to the next."""
        watching = self._watching
        if watching is not None and watching.silence() > self._patience:
            return False
        if self._hanging(self._vital):
            return False
        return not self._stages or len(self._hanging(self._stages)) < len(self._stages)

    def hanging(self) -> list[str]:
        """The names of the stages that work and do not get on."""
        return self._hanging([*self._vital, *self._stages])

    def _hanging(self, stages: Sequence[Stage]) -> list[str]:
        return [stage.name for stage in stages if stage.silence() > self._patience]


def _switches(thread: int) -> int:
    """How often a thread of this process was scheduled."""
    try:
        with open(f"/proc/self/task/{thread}/status", "rb") as file:
            lines = file.read().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if b"voluntary_ctxt_switches" in line)
