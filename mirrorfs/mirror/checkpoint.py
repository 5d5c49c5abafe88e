"""What a destination is known to hold: a position in the journal, and what is still owed; beside
it, which names of the source are one file.

Law: a checkpoint is stored only after what it vouches for is durable on the destination. It may lag
behind the truth, never run ahead of it; losing it costs one full comparison. The names are stored
before it, so that those which changes up to its cursor made are among them.
"""

import os
from typing import Any, ClassVar, NamedTuple

from journal import (
    CursorDamaged,
    CursorFile,
    JournalError,
    JournalUnreadable,
    Position,
    RecordInvalid,
)
from mirrorfs.core.doubt import Doubts
from mirrorfs.core.links import LinkedNames
from mirrorfs.core.mounts import Mounts
from mirrorfs.core.record import field, record
from mirrorfs.core.tree import Identity, is_safe
from mirrorfs.errors import StateError, TemporaryError

# What comes of a file that is whole, and holds something else than we write.
NONSENSE = (LookupError, AttributeError, TypeError, ValueError, OverflowError)
RETRY_SIZE = 2 << 20  # characters; escaped as JSON they are at most six times as many bytes


@record
class Checkpoint:
    """``cursor``: every change up to it is on the destination, but for the ``retry`` paths (with
    the reason of each), to be looked at again with all that lies below. ``fingerprint`` is of
    options and filter. ``compared_ns`` is when everything was compared last, in wall-clock
    nanoseconds, and
    ``entries`` what the destination held then. ``places`` are the two paths, absolute."""

    places: tuple[str, str]
    source: Identity
    destination: Identity
    fingerprint: str
    cursor: Position | None
    retry: dict[str, str] = field(default_factory=dict)
    compared_ns: int = 0
    entries: int = 0


class CheckpointFile:
    """The checkpoint of one mirror, in its state directory."""

    def __init__(self, directory: str) -> None:
        self._path = os.path.join(directory, "checkpoint")
        self._file = CursorFile(self._path)

    def load(self) -> Checkpoint | None:
        """The last one stored; ``None`` if there is none that can be used (then everything is
        compared, which is always right). Raises StateError for a file somebody else may write,
        TemporaryError for one that cannot be read: it may say that this is another directory.
        """
        try:
            stored = self._file.load()
        except CursorDamaged:
            return None
        except JournalUnreadable as error:
            raise TemporaryError(
                f"what is known of this mirror cannot be read: {error}",
                remedy="check the disk of the state directory, or choose another --state-dir",
            ) from error
        except JournalError as error:
            raise StateError(
                str(error), remedy="run as the user whose mirror this is, or remove the file"
            ) from error
        try:
            return None if stored is None else _from(stored)
        except NONSENSE:
            return None

    def stored_ns(self) -> int:
        """When it was stored last, in wall-clock nanoseconds; 0 for never."""
        try:
            return os.stat(self._path).st_mtime_ns
        except OSError:
            return 0

    def store(self, checkpoint: Checkpoint) -> None:
        """Replace it durably. Raises JournalUnwritable."""
        cursor = checkpoint.cursor
        self._file.store(
            {
                "version": 1,
                "places": list(checkpoint.places),
                "source": list(checkpoint.source),
                "destination": list(checkpoint.destination),
                "fingerprint": checkpoint.fingerprint,
                "cursor": None if cursor is None else [cursor.epoch, cursor.sequence],
                "retry": _bounded(checkpoint.retry),
                "compared_ns": checkpoint.compared_ns,
                "entries": checkpoint.entries,
            }
        )


class MountsFile:
    """The file systems mounted in one mirror's source, in the mirror's state directory. What cannot
    be read is not known."""

    def __init__(self, directory: str) -> None:
        self._file = CursorFile(os.path.join(directory, "mounts"))

    def load(self) -> Mounts:
        try:
            stored = self._file.load()
            return Mounts() if stored is None else _mounts_from(stored)
        except (JournalError, *NONSENSE):
            return Mounts()

    def store(self, mounts: Mounts) -> None:
        """Replace it durably. Raises JournalUnwritable."""
        places = {path: list(identity) for path, identity in mounts.known.items()}
        self._file.store({"version": 1, "places": places})
        mounts.changed = False


class Mark(NamedTuple):
    """A process writes: since when (wall-clock nanoseconds), and in which life of the destination's
    file system (`Destination.life`)."""

    started_ns: int
    life: str


class DoubtsFile:
    """What is in doubt on one mirror's destination (`mirrorfs.core.doubt`), in the mirror's state
    directory."""

    # What could not be stored, by directory: this process at least must not forget it.
    _unstored: ClassVar[dict[str, Doubts]] = {}

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._file = CursorFile(os.path.join(directory, "doubts"))

    def load(self) -> tuple[Doubts, Mark | None]:
        """What is in doubt, and the mark of a process that never said that it has ended. From a
        file that cannot be used, everything is in doubt."""
        try:
            stored = self._file.load()
            if stored is None:
                return self._unstored.get(self._directory, Doubts()), None
            paths = {str(path) for path in stored["paths"]}
            if not all(is_safe(path) for path in paths):
                raise ValueError("a path leaves the root")
            ours = self._unstored.get(self._directory, Doubts())
            doubts = Doubts(ours.paths.union(paths), ours.since_ns or int(stored["since_ns"]))
            mark = stored["mark"]
            return doubts, None if mark is None else Mark(int(mark[0]), str(mark[1]))
        except (JournalError, *NONSENSE):
            return Doubts(frozenset({""})), Mark(0, "")

    def tidy(self) -> None:
        """Remove what a killed process left half written; for who holds the destination's lock."""
        self._file.tidy()

    def store(self, doubts: Doubts, mark: Mark | None) -> None:
        """Replace it durably; where nothing is to be said, remove it. Raises JournalUnwritable."""
        self._unstored[self._directory] = doubts
        if doubts or mark is not None:
            self._file.store(
                {
                    "version": 1,
                    "paths": sorted(doubts.paths),
                    "since_ns": doubts.since_ns,
                    "mark": None if mark is None else list(mark),
                }
            )
        else:
            self._file.remove()
        del self._unstored[self._directory]


class NamesFile:
    """The linked names of one mirror's source, in the mirror's state directory."""

    def __init__(self, directory: str) -> None:
        self._file = CursorFile(os.path.join(directory, "links"))
        self._stored = False

    def load(self) -> LinkedNames:
        """What was stored last; from a file that cannot be used nothing is known, and that is not
        complete."""
        try:
            stored = self._file.load()
            names = _names_from(stored) if stored is not None else None
        except (JournalError, *NONSENSE):
            names = None
        self._stored = names is not None
        return names or LinkedNames()

    def store(self, names: LinkedNames) -> None:
        """Replace it durably, unless it has not changed. What is too much is forgotten: then
        nothing is complete. Raises JournalUnwritable."""
        if self._stored and not names.changed:
            return
        groups = [[*inode, *paths] for inode, paths in names.groups()]
        try:
            self._file.store({"version": 1, "complete": names.complete, "groups": groups})
        except RecordInvalid:
            self._file.store({"version": 1, "complete": False, "groups": []})
        self._stored, names.changed = True, False


def _mounts_from(stored: dict[str, Any]) -> Mounts:
    """Raises one of `NONSENSE` for anything that `MountsFile.store` did not write."""
    if stored["version"] != 1:
        raise ValueError("another version")
    places = {str(path): Identity(*identity) for path, identity in stored["places"].items()}
    if not all(is_safe(path) for path in places):
        raise ValueError("a path leaves the root")
    return Mounts(places.items())


def _names_from(stored: dict[str, Any]) -> LinkedNames:
    """Raises one of `NONSENSE` for anything that `NamesFile.store` did not write."""
    if stored["version"] != 1:
        raise ValueError("another version")
    names = LinkedNames(
        ((int(device), int(inode)), (str(path) for path in paths))
        for device, inode, *paths in stored["groups"]
    )
    if not all(is_safe(path) for _, paths in names.groups() for path in paths):
        raise ValueError("a path leaves the root")
    names.complete = bool(stored["complete"])
    return names


def _bounded(retry: dict[str, str]) -> dict[str, str]:
    """The paths, or the root for all of them: a checkpoint that cannot be stored vouches for
    nothing, and looking at everything again is the same work."""
    size = sum(len(path) + len(reason) for path, reason in retry.items())
    return retry if size <= RETRY_SIZE else {"": f"{len(retry)} paths are owed"}


def _from(stored: dict[str, Any]) -> Checkpoint:
    """Raises one of `NONSENSE` for anything that `store` did not write."""
    if stored["version"] != 1:
        raise ValueError("another version")
    retry = {str(path): str(reason) for path, reason in stored["retry"].items()}
    if not all(is_safe(path) for path in retry):
        raise ValueError("a path leaves the root")
    cursor = stored["cursor"]
    source, destination = stored["places"]
    return Checkpoint(
        (str(source), str(destination)),
        Identity(*stored["source"]),
        Identity(*stored["destination"]),
        str(stored["fingerprint"]),
        None if cursor is None else Position(str(cursor[0]), int(cursor[1])),
        retry,
        int(stored["compared_ns"]),
        int(stored["entries"]),
    )
