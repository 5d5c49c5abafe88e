"""SIGUSR2 lifts the limit on bandwidth, and puts it back (rclone).

Law: without a limit the signal keeps its meaning.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mirrorfs.apply.pace import Pace


@contextmanager
def toggling(*paces: Pace) -> Iterator[None]:
    """Inside, the signal toggles; only the main thread can take signals."""
    limited = [pace for pace in paces if pace.limits]
    if not limited or threading.current_thread() is not threading.main_thread():
        yield
        return

    def toggle(*_: object) -> None:
        for pace in limited:
            pace.toggle()

    before = signal.signal(signal.SIGUSR2, toggle)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR2, before)
