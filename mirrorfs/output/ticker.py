"""Calls something at an interval, from a thread of its own, until it is stopped."""

import threading
from collections.abc import Callable


class Ticker:
    """A context manager; ``seconds`` of 0 or less never tick and start no thread."""

    def __init__(self, seconds: float, tick: Callable[[], None]) -> None:
        self._seconds = seconds
        self._tick = tick
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Ticker":
        if self._seconds > 0:
            self._thread = threading.Thread(target=self._run, name="mirrorfs-stats", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self._tick()
