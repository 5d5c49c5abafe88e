"""SIGUSR2 lifts the limit on bandwidth, and puts it back (rclone).

Law: without a limit the signal keeps its meaning.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mirrorfs.pace import Pace


@contextmanager
def toggling(pace: Pace) -> Iterator[None]:
    """Inside, the signal toggles; only the main thread can take signals."""
    if not pace.limits or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGUSR2, lambda number, frame: pace.toggle())
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR2, before)
