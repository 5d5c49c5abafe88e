"""SIGINT and SIGTERM end a command through its own clean-up: temporaries go, locks are released.

Law: while files are being written, nothing is raised at an arbitrary place. The signal is noted,
and the run ends at the next piece of content, the next directory, the next outcome. A second signal
is obeyed at once; what it leaves behind the next run removes.
"""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from mirrorfs.core.bulk import Bulk
from mirrorfs.core.plan import Action, Outcome
from mirrorfs.core.walk import Batch
from mirrorfs.sync.listener import Listener

Choose = Callable[[list[Action]], list[Action]]


class Stopping(Listener):
    """A context manager that takes the two signals, and gives them back; a listener that ends the
    run it listens to."""

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._came = 0
        self._patient = False

    def __enter__(self) -> "Stopping":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def came(self) -> int:
        """The signal that came; 0 for none."""
        return self._came

    def check(self) -> None:
        """Raises KeyboardInterrupt or SystemExit once a signal came."""
        if self._came == signal.SIGINT:
            raise KeyboardInterrupt
        if self._came:
            raise SystemExit(128 + self._came)

    @contextmanager
    def patience(self) -> Iterator[None]:
        """Inside, a first signal is only noted; at the end it is raised."""
        self._patient = True
        try:
            yield
        finally:
            self._patient = False
        self.check()

    def asking(self, choose: Choose) -> Choose:
        """The same question, which a signal ends at once: nothing is written while it waits."""

        def ask(actions: list[Action]) -> list[Action]:
            self._patient = False
            self.check()
            try:
                return choose(actions)
            finally:
                self._patient = True

        return ask

    def planned(self, batch: Batch) -> None:
        self.check()

    def done(self, outcomes: Sequence[Outcome]) -> None:
        self.check()

    def copied(self, bulk: Bulk) -> None:
        self.check()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        # RACE: raised inside ThreadPoolExecutor.submit, a thread that just began would be forgotten
        # and go on writing while the destination is closed.
        waits = self._patient and not self._came
        self._came = number
        if not waits:
            self.check()
