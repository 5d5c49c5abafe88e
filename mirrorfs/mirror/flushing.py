"""Make the destination durable, and remember what must be written again when that fails.

Law: after a flush that failed nothing written since the last good one is believed for its size and
time. That is stored before anybody is told of the failure, in the state directory, so that the next
process knows it, too; and forgotten after a good flush of what was written again.

A process that was killed could store nothing. It leaves a mark, and its successor flushes before it
writes: the kernel tells of a lost write to who comes first. Where the file system was mounted anew
since (the power failed, the drive was pulled), the kernel knows nothing: then whatever was changed
after the last checkpoint is in doubt. What is left: when another program takes the news of a lost
write (sync -f), and a clock that was set back.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress

from journal import JournalError
from mirrorfs.core.bulk import Bulk
from mirrorfs.core.doubt import Written, bounded
from mirrorfs.core.plan import Outcome
from mirrorfs.core.scope import Scope
from mirrorfs.core.walk import Batch
from mirrorfs.errors import MirrorError, TemporaryError
from mirrorfs.mirror.checkpoint import CheckpointFile, DoubtsFile, Mark
from mirrorfs.state import make
from mirrorfs.sync.listener import Listener
from mirrorfs.trees.base import Destination

SLACK_NS = 2 * 10**9  # the grain of file times, and of the clock they are taken from


class Flushing(Listener):
    """The flushes of one destination; hears what is written for that, and tells ``listener``.
    ``place`` is the mirror's state directory, made when there is something to remember; ``dry``:
    nothing will be written, and nobody is kept from writing."""

    def __init__(
        self, destination: Destination, place: str, listener: Listener, dry: bool = False
    ) -> None:
        self._destination = destination
        self._place = place
        self._listener = listener
        self._file = DoubtsFile(place)
        self._written = Written()
        self.doubts, self._abandoned = self._file.load()
        if dry:
            self._abandoned = None  # who writes may be at it: only the lock tells
        self._marks = False
        self._mark: Mark | None = None
        if self._abandoned is not None and self._abandoned.life != (destination.life or None):
            since = max(self._abandoned.started_ns, CheckpointFile(place).stored_ns()) - SLACK_NS
            before = self.doubts.since_ns or since
            self.doubts = self.doubts._replace(since_ns=max(1, min(since, before)))

    def planned(self, batch: Batch) -> None:
        if self._marks and self._mark is None and (batch.ready or batch.later or batch.bulks):
            self._mark = Mark(time.time_ns(), self._destination.life)
            # Where there is no room for a mark, only a kill could cost something.
            with suppress(JournalError, MirrorError):
                make(self._place)
                self._file.store(self.doubts, self._mark)
        self._listener.planned(batch)

    def done(self, outcomes: Sequence[Outcome]) -> None:
        self._written.hear(outcomes)
        self._listener.done(outcomes)

    def copied(self, bulk: Bulk) -> None:
        self._written.below(bulk.path)
        self._listener.copied(bulk)

    @property
    def each(self) -> bool:
        return self._listener.each

    @contextmanager
    def writing(self, scope: Scope, *, vouched: bool) -> Iterator[None]:
        """While a pass writes; ``vouched``: a checkpoint is to follow, which relies on what was
        written before, too: all that lies in the scope. Raises TemporaryError."""
        if vouched and not self._marks:
            self._file.tidy()
        self._marks |= vouched
        if vouched and self._abandoned is not None:
            self._flush({path for path, _ in scope.outline()})
            self._abandoned = None
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
        left = self.doubts.after_flush(owed)
        try:
            self._file.store(left, self._mark)
        except JournalError as error:
            raise TemporaryError(
                f"what was written again cannot be remembered: {error}",
                remedy="give the state directory's disk some room",
            ) from error
        self.doubts = left

    def woke(self) -> None:
        """The file system may have been mounted anew: the next mark is of its present life."""
        if self._mark is not None and self._mark.life != self._destination.life:
            self._mark = None

    def close(self) -> None:
        """Nothing more is written."""
        if self._mark is not None and not self._written.take():
            with suppress(JournalError):
                self._file.store(self.doubts, None)

    def _flush(self, others: set[str]) -> None:
        try:
            self._destination.flush()
        except TemporaryError as error:
            self._doubt(others, error)

    def _doubt(self, others: set[str], cause: TemporaryError | None) -> None:
        said = str(cause or "what was written could not be made durable")
        paths = bounded({*self.doubts.paths, *self._written.take(), *others})
        self.doubts = self.doubts._replace(paths=frozenset(paths))
        try:
            make(self._place)
            self._file.store(self.doubts, self._mark)
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
