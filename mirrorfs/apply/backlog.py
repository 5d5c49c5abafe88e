"""Sorted transfers of which some workers take the first and the others the last.

Law: at no time do more than ``front`` workers hold one from the front, however fast those are done:
small files never stop the large ones, nor the other way round.
"""

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from mirrorfs.core.plan import Action


class Backlog:
    """May be asked from any thread."""

    def __init__(self, actions: Iterable[Action], front: int) -> None:
        self._waiting = deque(actions)
        self._front = front
        self._lock = threading.Lock()

    @contextmanager
    def next(self) -> Iterator[Action]:
        """The next one for this worker, while it is at it. Raises IndexError when none is left."""
        with self._lock:
            first = self._front > 0
            action = self._waiting.popleft() if first else self._waiting.pop()
            self._front -= first
        try:
            yield action
        finally:
            with self._lock:
                self._front += first
