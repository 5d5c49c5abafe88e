"""One source, one destination, and what is remembered about them: decides what a sync must look at.

Law: the checkpoint moves only after what it vouches for is durable. A journal that cannot vouch for
the source widens the scope to everything, and says why in one line.
"""

import fcntl
import os
import time
import uuid
from collections.abc import Callable, Iterator
from typing import NamedTuple, Self

from journal import CursorLost, JournalCorrupt, JournalError, Position, Reader, writer_alive
from mirrorfs.checkpoint import Checkpoint, CheckpointFile
from mirrorfs.core.change import Change, ChangeRefused, Cookie, Gap, decode
from mirrorfs.core.filter import Filter
from mirrorfs.core.fold import Hint, fold
from mirrorfs.core.options import Options
from mirrorfs.core.plan import Action, Plan
from mirrorfs.core.report import Report
from mirrorfs.core.scope import Scope
from mirrorfs.core.vouch import Found, Known, objection
from mirrorfs.errors import DirectoryMissing, FatalError, TemporaryError
from mirrorfs.overlap import overlap
from mirrorfs.state import State, make
from mirrorfs.sync import Listener, Pass, Settings
from mirrorfs.trees.base import Destination
from mirrorfs.trees.local import LocalTree
from mirrorfs.trees.memory import MemoryTree

ANSWER_SECONDS = 5.0


class Reading(NamedTuple):
    """What a sync will look at. ``why`` is one line for people; ``cursor`` the position in the
    journal
    up to which the destination will be right afterwards."""

    scope: Scope
    hints: tuple[Hint, ...]
    why: str
    cursor: Position | None
    replays: bool


class Mirror:
    """A context manager: holds the two roots, and the destination's lock unless it only plans.

    ``full``: compare everything even if a journal could vouch. ``dry``: change nothing; a
    destination that does not exist is then an empty one. Raises DirectoryMissing, FatalError
    (overlap, locked).
    """

    def __init__(
        self,
        source: str,
        destination: str,
        *,
        options: Options,
        filter: Filter,
        settings: Settings | None = None,
        listener: Listener | None = None,
        state: State | None = None,
        full: bool = False,
        dry: bool = False,
        fsync: str = "checkpoint",
    ) -> None:
        self.places = (source, destination)
        self._full = full
        self._state = state or State.find()
        self._fingerprint = f"{options.fingerprint()}-{filter.fingerprint()}"
        self._lock = -1
        refuse_overlap(source, destination, filter)
        self.source = LocalTree(source, options)
        self.destination: Destination
        if dry and not os.path.isdir(destination):
            self.destination = MemoryTree()
        else:
            if not dry:
                make_destination(destination)
                self._lock = lock_destination(destination)
            self.destination = LocalTree(destination, options, writable=not dry, fsync=fsync)
        self._pass = Pass(
            self.source,
            self.destination,
            options=options,
            filter=filter,
            settings=settings or Settings(),
            listener=listener,
        )
        self._journal = Reader(self._state.journal(source))
        self._file = CheckpointFile(self._state.mirror(source, destination))
        self.checkpoint = self._file.load()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()
        self.destination.close()
        if self._lock >= 0:
            os.close(self._lock)

    def reading(self) -> Reading:
        """Decide what to look at; asks the watcher, if there is one, whether it is up to date."""
        known, checkpoint = None, self.checkpoint
        if checkpoint is not None:
            known = Known(
                checkpoint.source,
                checkpoint.destination,
                checkpoint.fingerprint,
                checkpoint.cursor is not None,
            )
        kept = os.path.isdir(self._journal.directory)
        watched = kept and writer_alive(self._journal.directory) and self._watcher_answers()
        tail = self._journal.tail_position() if watched else None
        if self._full:
            return _everything("as asked", tail)
        found = Found(
            kept,
            watched,
            self.source.identity(),
            self.destination.identity(),
            self._fingerprint,
        )
        if why := objection(known, found):
            return _everything(why, tail)
        assert checkpoint is not None
        return self.since(checkpoint.cursor, checkpoint.retry)

    def since(self, cursor: Position | None, retry: dict[str, str]) -> Reading:
        """What the journal holds after a cursor, and the paths still owed."""
        replay = _Replay(self._journal, cursor)
        try:
            folded = fold(replay.changes())
        except (CursorLost, JournalCorrupt) as error:
            tail = self._journal.tail_position()
            return _everything(f"the journal cannot vouch for the source: {error}", tail)
        for path in retry:
            folded.scope.add(path, recursive=True)
        if folded.scope.is_everything:
            why = "; ".join(sorted({reason for _, reason in folded.reasons}))
            return _everything(why or "the whole source may have changed", replay.cursor)
        why = f"replaying {folded.records} records of the journal"
        if retry:
            why += f" and {len(retry)} paths still owed"
        return Reading(folded.scope, folded.hints, why, replay.cursor, True)

    def plan(self, reading: Reading | None = None) -> Plan:
        """What a sync would do."""
        reading = reading or self.reading()
        return self._pass.plan(reading.scope, reading.hints)

    def synchronise(
        self,
        reading: Reading | None = None,
        choose: Callable[[list[Action]], list[Action]] | None = None,
    ) -> Report:
        """Make the destination equal, and move the checkpoint when that is durable."""
        reading = reading or self.reading()
        report = self.apply(reading, choose)
        if report.refusal is None and reading.cursor is not None:
            self.vouch(self.next_checkpoint(reading, report))
        return report

    def apply(
        self, reading: Reading, choose: Callable[[list[Action]], list[Action]] | None = None
    ) -> Report:
        """Carry a reading out without moving the checkpoint."""
        report = self._pass.run(
            reading.scope,
            reading.hints,
            first=self.checkpoint is None,
            known=self.checkpoint.entries if self.checkpoint else 0,
            choose=choose,
        )
        self.destination.sweep()
        return report

    def next_checkpoint(self, reading: Reading, report: Report) -> Checkpoint:
        """What may be vouched for after an applied reading, once the destination is flushed."""
        owed = {path: _reason(report, path) for path in report.unfinished()}
        before = self.checkpoint
        whole = reading.scope.is_everything or before is None
        return Checkpoint(
            self.places,
            self.source.identity(),
            self.destination.identity(),
            self._fingerprint,
            reading.cursor,
            owed,
            time.time_ns() if whole or before is None else before.compared_ns,
            report.entries if whole or before is None else before.entries,
        )

    def vouch(self, checkpoint: Checkpoint) -> None:
        """Make the destination durable, then the checkpoint. Raises TemporaryError."""
        self.destination.flush()
        make(self._state.mirror(*self.places))
        self._file.store(checkpoint)
        self.checkpoint = checkpoint

    def _watcher_answers(self) -> bool:
        """A barrier: whether everything changed before now stands in the journal, as the watcher
        says.

        A file made in the watcher's cookie directory comes through the kernel's queue behind all
        earlier events and is answered with a record.
        """
        directory = self._state.cookies(self.places[0])
        nonce = uuid.uuid4().hex
        path = os.path.join(directory, nonce)
        after = self._journal.tail_position()
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError:
            return False
        try:
            return self._await_cookie(nonce, after)
        except JournalError:
            return False
        finally:
            os.unlink(path)

    def _await_cookie(self, nonce: str, after: Position | None) -> bool:
        deadline = time.monotonic() + ANSWER_SECONDS
        pause = 0.0005
        while True:
            replay = _Replay(self._journal, after)
            if any(change == Cookie(nonce) for change in replay.changes()):
                return True
            after = replay.cursor
            if time.monotonic() > deadline:
                return False
            time.sleep(pause)
            pause = min(pause * 2, 0.02)


class _Replay:
    """The changes after a position; ``cursor`` moves along."""

    def __init__(self, reader: Reader, after: Position | None) -> None:
        self._reader = reader
        self.cursor = after

    def changes(self) -> Iterator[Change]:
        """Raises CursorLost, JournalCorrupt."""
        for batch in self._reader.read(self.cursor):
            for record in batch.records:
                try:
                    change = decode(record)
                except ChangeRefused as error:
                    change = Gap("", f"a record of the journal is refused: {error}")
                if change is not None:
                    yield change
            self.cursor = batch.position


def _everything(why: str, cursor: Position | None) -> Reading:
    return Reading(Scope.everything(), (), f"comparing everything: {why}", cursor, False)


def _reason(report: Report, path: str) -> str:
    failure = report.failures.get(path)
    return failure.message if failure else "withheld"


def refuse_overlap(source: str, destination: str, filter: Filter) -> None:
    """Raises DirectoryMissing for a source that is not there, FatalError for trees that overlap,
    unless the inner one is excluded by the filter."""
    if not os.path.isdir(source):
        raise DirectoryMissing(
            f"the source {source} is not a directory"
            if os.path.exists(source)
            else f"the source directory {source} is not there",
            remedy="check the path; is its drive mounted? Nothing was changed",
        )
    found = overlap(source, destination)
    if found is None or (found.inner and not filter.descends(found.inner)):
        return
    raise FatalError(
        f"{source} and {destination} are the same directory or one lies in the other",
        remedy="choose a destination elsewhere, or exclude the inner directory",
    )


def make_destination(destination: str) -> None:
    """The destination directory, with its parents. Raises FatalError, TemporaryError."""
    try:
        os.makedirs(destination, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise FatalError(f"the destination {destination} is a file, not a directory") from error
    except OSError as error:
        raise TemporaryError(
            f"cannot make the destination {destination}: {error.strerror}"
        ) from error


def lock_destination(destination: str) -> int:
    """A descriptor that holds the destination against a second writer. Raises FatalError."""
    descriptor = os.open(destination, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise FatalError(
            f"another mirrorfs is writing to {destination}",
            remedy="wait until it is done, or stop it",
        ) from error
    return descriptor
