"""What goes on to fail is said once, and then now and then, with how often it was; and of very many
paths that fail alike only the first.

Law: a line for another reason is never held back, and a path that was done begins anew. What is
remembered is bounded: of very many paths that fail the oldest are forgotten, and said again.
"""

import time
from collections.abc import Callable

from mirrorfs.core.record import mutable

FIRST_SECONDS = 600.0
LONGEST_SECONDS = 86_400.0
MOST = 10_000  # paths
CROWD = 100  # paths that fail for one reason, within FIRST_SECONDS; the next ones are counted


@mutable
class _Said:
    """``since``: when it was said; again after ``pause``. ``held`` back since."""

    message: str
    since: float
    pause: float = FIRST_SECONDS
    held: int = 0


@mutable
class _Crowd:
    """Paths that failed for one reason ``since`` then."""

    since: float
    said: int = 0
    held: int = 0


class Repeats:
    """Of one mirror."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[str, _Said] = {}
        self._crowds: dict[str, _Crowd] = {}

    def say(self, path: str, message: str) -> str:
        """The line to be written, "" for none."""
        now, said = self._clock(), self._said.get(path)
        if said is None or said.message != message:
            self._said.pop(path, None)
            self._said[path] = _Said(message, now)
            if len(self._said) > MOST:
                self._said.pop(next(iter(self._said)))
            return self._among_others(message, now)
        said.held += 1
        if now - said.since < said.pause:
            return ""
        times = f"{said.held} more time{'s' * (said.held != 1)} in {_span(now - said.since)}"
        said.since, said.held = now, 0
        said.pause = min(LONGEST_SECONDS, said.pause * 2)
        return f"{message} ({times})"

    def _among_others(self, message: str, now: float) -> str:
        crowd = self._crowds.get(message)
        if crowd is None or now - crowd.since >= FIRST_SECONDS:
            if len(self._crowds) > CROWD:
                self._crowds.clear()
            self._crowds[message] = _Crowd(now, 1)
            if crowd is not None and crowd.held:
                return f"{message} (as did {crowd.held} more paths in {_span(now - crowd.since)})"
            return message
        if crowd.said < CROWD:
            crowd.said += 1
            return message
        crowd.held += 1
        if crowd.held == 1:
            return f"{message} (further paths that fail alike are counted; `mirrorfs status`)"
        return ""

    def done(self, path: str) -> None:
        """It does not fail any more."""
        if self._said:
            self._said.pop(path, None)


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"
