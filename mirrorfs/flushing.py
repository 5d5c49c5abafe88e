"""Make the destination durable, and remember what must be written again when that fails.

Law: after a flush that failed nothing written since the last good one is believed for its size and
time. That is stored before anybody is told of the failure, in the state directory, so that the next
process knows it, too; and forgotten after a good flush of what was written again.

A process that was killed could store nothing. It leaves a mark, and its successor flushes before it
writes: the kernel tells of a lost write to who comes first. What is left: when another program
takes that news (sync -f), or the drive is mounted anew in between, nobody can know.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress

from journal import JournalError
from mirrorfs.checkpoint import DoubtsFile
from mirrorfs.core.doubt import Written, bounded, remaining
from mirrorfs.core.plan import Outcome
from mirrorfs.core.scope import Scope
from mirrorfs.core.walk import Batch
from mirrorfs.errors import MirrorError, TemporaryError
from mirrorfs.state import make
from mirrorfs.sync import Listener
from mirrorfs.trees.base import Destination


class Flushing(Listener):
    """The flushes of one destination; hears what is written for that, and tells ``listener``.
    ``place`` is the mirror's state directory, made when there is something to remember."""

    def __init__(self, destination: Destination, place: str, listener: Listener) -> None:
        self._destination = destination
        self._place = place
        self._listener = listener
        self._file = DoubtsFile(place)
        self._written = Written()
        self.doubts, self._abandoned = self._file.load()
        self._marks = self._marked = False

    def planned(self, batch: Batch) -> None:
        if self._marks and not self._marked and (batch.ready or batch.later):
            self._marked = True
            # Where there is no room for a mark, only a kill could cost something.
            with suppress(JournalError, MirrorError):
                make(self._place)
                self._file.store(self.doubts, writing=True)
        self._listener.planned(batch)

    def done(self, outcomes: Sequence[Outcome]) -> None:
        self._written.hear(outcomes)
        self._listener.done(outcomes)

    @contextmanager
    def writing(self, scope: Scope, *, vouched: bool) -> Iterator[None]:
        """While a pass writes; ``vouched``: a checkpoint is to follow, which relies on what was
        written before, too: all that lies in the scope. Raises TemporaryError."""
        self._marks |= vouched
        if vouched and self._abandoned:
            self._flush({path for path, _ in scope.outline()})
            self._abandoned = False
        try:
            yield
        finally:
            if self._destination.unflushed:
                self._doubt(set(), None)

    def flush(self, owed: Collection[str]) -> None:
        """Make everything durable; the ``owed`` paths were not written again. Raises
        TemporaryError."""
        self._flush(set())
        self._written.take()
        if not self.doubts:
            return
        left = bounded(remaining(self.doubts, owed))
        try:
            self._file.store(left, writing=self._marked)
        except JournalError as error:
            raise TemporaryError(
                f"what was written again cannot be remembered: {error}",
                remedy="give the state directory's disk some room",
            ) from error
        self.doubts = left

    def close(self) -> None:
        """Nothing more is written."""
        if self._marked and not self._written.take():
            with suppress(JournalError):
                self._file.store(self.doubts, writing=False)

    def _flush(self, others: set[str]) -> None:
        try:
            self._destination.flush()
        except TemporaryError as error:
            self._doubt(others, error)

    def _doubt(self, others: set[str], cause: TemporaryError | None) -> None:
        said = str(cause or "what was written could not be made durable")
        self.doubts = bounded({*self.doubts, *self._written.take(), *others})
        try:
            make(self._place)
            self._file.store(self.doubts, writing=self._marked)
        except (JournalError, MirrorError) as error:
            raise TemporaryError(
                f"{said}; and what to write again cannot be remembered: {error}",
                remedy="check the drive and the state directory; then run mirrorfs sync --full "
                "--ignore-times once: what is there may only look right",
            ) from cause
        raise TemporaryError(
            said,
            remedy="check the drive, its space and the kernel log; the next run writes again what "
            "may be lost",
        ) from cause
