"""A listener through which a pass is ended: between two batches, or between two pieces of content.

Law: it changes nothing but the status it keeps; a pass that is ended leaves nothing half done.
"""

import time
from collections.abc import Sequence

from mirrorfs.core.plan import Outcome
from mirrorfs.core.plan import Status as Became
from mirrorfs.core.walk import Batch
from mirrorfs.status import Status
from mirrorfs.sync import Listener


class Stopped(Exception):
    """The user asked to stop; ends a pass between two batches."""


class Watching(Listener):
    """Passes everything on, keeps the status, and ends a pass when it is to stop."""

    def __init__(self, status: Status, following: Listener) -> None:
        self._status = status
        self._following = following
        self.stopping = False

    def look(self, _: Batch) -> None:
        """Asked for each directory that is only looked at."""
        self.go_on()

    def planned(self, batch: Batch) -> None:
        if self.stopping:
            raise Stopped
        self._following.planned(batch)

    def done(self, outcomes: Sequence[Outcome]) -> None:
        self._following.done(outcomes)
        status = self._status
        for action, became, _, moved in outcomes:
            if became is Became.DONE:
                status.actions += 1
                status.bytes += moved
                status.last = (time.time_ns(), action.verb.value, action.path)
        if self.stopping:
            raise Stopped

    def go_on(self) -> None:
        """Asked while content is moved, in the transferring thread."""
        if self.stopping:
            raise Stopped
