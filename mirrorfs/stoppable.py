"""A listener through which a pass is ended: between two batches, or between two pieces of content.

Law: it changes nothing but the status it keeps; a pass that is ended leaves nothing half done.
"""

import time
from collections.abc import Callable, Sequence

from mirrorfs.core.plan import Outcome
from mirrorfs.core.plan import Status as Became
from mirrorfs.core.walk import Batch
from mirrorfs.status import Status
from mirrorfs.sync import Listener


class Stopped(Exception):
    """The user asked to stop; ends a pass between two batches."""


class Watching(Listener):
    """Passes everything on, keeps the status, and ends a pass when it is to stop. ``beat`` is
    called whenever the pass got on."""

    def __init__(
        self, status: Status, following: Listener, beat: Callable[[], None] = lambda: None
    ) -> None:
        self._status = status
        self._following = following
        self._beat = beat
        self.stopping = False

    def check(self, _: Batch | None = None) -> None:
        """Asked by who only looks: for each directory, for each piece of content."""
        if self.stopping:
            raise Stopped

    def planned(self, batch: Batch) -> None:
        self.go_on()
        self._following.planned(batch)

    def done(self, outcomes: Sequence[Outcome]) -> None:
        self._following.done(outcomes)
        status = self._status
        for action, became, _, moved in outcomes:
            if became is Became.DONE:
                status.actions += 1
                status.bytes += moved
                status.last = (time.time_ns(), action.verb.value, action.path)
        self.go_on()

    def go_on(self) -> None:
        """Asked while content is moved, in the transferring thread."""
        self._beat()
        self.check()
