"""SIGINT and SIGTERM end a command through its own clean-up: temporaries go, locks are released.

Law: the signal is raised in the main thread; threads that copy see the flag after the next piece of
content, so that the end does not wait for a large file.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

_stopping = threading.Event()


class Stopping:
    """A context manager that takes the two signals, and gives them back."""

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        _stopping.clear()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, _stop)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    # RACE: a second signal would raise in the middle of the clean-up that the first one began, and
    # leave temporaries behind. It asks for nothing new.
    if _stopping.is_set():
        return
    _stopping.set()
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def stoppable(meter: Callable[[int], None]) -> Callable[[int], None]:
    """A destination's meter that ends a copy, by SystemExit in its thread, once a signal came."""

    def measure(count: int) -> None:
        meter(count)
        if _stopping.is_set():
            raise SystemExit

    return measure
