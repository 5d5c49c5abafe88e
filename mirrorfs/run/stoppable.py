"""A listener through which a pass is ended: between two batches, or between two pieces of content.

Law: it changes nothing but the figures it keeps; a pass that is ended leaves nothing half done.
"""

from collections.abc import Callable, Sequence

from mirrorfs.core.bulk import Bulk
from mirrorfs.core.plan import Outcome
from mirrorfs.core.walk import Batch
from mirrorfs.errors import TemporaryError
from mirrorfs.run.figures import Figures
from mirrorfs.sync.listener import Listener


class Stopped(Exception):
    """The user asked to stop; ends a pass between two batches."""


class Shaken(TemporaryError):
    """Something was mounted or unmounted where a root is; ends a pass, and everything is looked at
    anew."""


class Watching(Listener):
    """Passes everything on, keeps the figures, and ends a pass when it is to stop. ``beat`` is
    called whenever the pass got on."""

    def __init__(
        self,
        figures: Figures,
        following: Sequence[Listener],
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self.figures = figures
        self._following = following
        self._beat = beat
        self.stopping = False
        self.shaken = False

    def check(self, _: Batch | None = None) -> None:
        """Asked by who only looks: for each directory, for each piece of content."""
        if self.stopping:
            raise Stopped

    def planned(self, batch: Batch) -> None:
        self.go_on()
        self.figures.planned(batch)
        for listener in self._following:
            listener.planned(batch)

    def done(self, outcomes: Sequence[Outcome]) -> None:
        for listener in self._following:
            listener.done(outcomes)
        self.figures.done(outcomes)
        self.go_on()

    def copied(self, bulk: Bulk) -> None:
        for listener in self._following:
            listener.copied(bulk)
        self.figures.copied(bulk)
        self.go_on()

    @property
    def each(self) -> bool:
        return any(listener.each for listener in self._following)

    def go_on(self) -> None:
        """Asked while content is moved, in the transferring thread."""
        self._beat()
        self.check()
        if self.shaken:
            raise Shaken("something was mounted or unmounted there", remedy="it is looked at anew")
