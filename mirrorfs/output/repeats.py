"""What goes on to fail is said once, and then now and then, with how often it was.

Law: a line for another reason is never held back, and a path that was done begins anew. What is
remembered is bounded: of very many paths that fail the oldest are forgotten, and said again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

FIRST_SECONDS = 600.0
LONGEST_SECONDS = 86_400.0
MOST = 10_000  # paths


@dataclass(slots=True)
class _Said:
    """``since``: when it was said; again after ``pause``. ``held`` back since."""

    message: str
    since: float
    pause: float = FIRST_SECONDS
    held: int = 0


class Repeats:
    """Of one mirror."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[str, _Said] = {}

    def say(self, path: str, message: str) -> str:
        """The line to be written, "" for none."""
        now, said = self._clock(), self._said.get(path)
        if said is None or said.message != message:
            self._said.pop(path, None)
            self._said[path] = _Said(message, now)
            if len(self._said) > MOST:
                self._said.pop(next(iter(self._said)))
            return message
        said.held += 1
        if now - said.since < said.pause:
            return ""
        times = f"{said.held} more time{'s' * (said.held != 1)} in {_span(now - said.since)}"
        said.since, said.held = now, 0
        said.pause = min(LONGEST_SECONDS, said.pause * 2)
        return f"{message} ({times})"

    def done(self, path: str) -> None:
        """It does not fail any more."""
        if self._said:
            self._said.pop(path, None)


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"
