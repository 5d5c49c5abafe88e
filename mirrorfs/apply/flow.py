"""What a run does with content that flows: counts it, ends it, slows it.

Law: asked in this order, so that what is to end is not waited for first; and a wait is ended by the
same reasons.
"""

from collections.abc import Callable

from mirrorfs.apply.pace import Pace
from mirrorfs.apply.quota import Quota
from mirrorfs.trees.base import Meter


class Flow(Meter):
    """``go_on`` raises when the run is to end; ``heard`` is told the bytes of each piece, ``large``
    of each large file that begins."""

    def __init__(
        self,
        go_on: Callable[[], None],
        *,
        heard: Callable[[int], None] = lambda size: None,
        large: Callable[[str, int], None] = lambda path, size: None,
        pace: Pace | None = None,
        quota: Quota | None = None,
    ) -> None:
        self._heard = heard
        self._large = large
        self._go_on = go_on
        self._pace = pace or Pace()
        self._quota = quota or Quota()

    def piece(self) -> int:
        return self._pace.piece()

    def begins(self) -> None:
        self._pace.begins()

    def large(self, path: str, size: int) -> None:
        self._large(path, size)

    def moved(self, size: int) -> None:
        self._heard(size)
        self._go_on()
        self._quota.moved(size)
        self._pace.moved(size, self._wanted)

    def _wanted(self) -> None:
        self._go_on()
        self._quota.go_on()
