"""Record what changes on a source: the watcher's changes, appended to the source's journal.

Law: the journal is never ahead of the kernel and never silently behind it: what could not be
appended is a gap, recorded before anything later.

No record is flushed to disk before the end: after a power cut the boot is another one, nothing
from before vouches for anything, and everything is compared; after a kill the page cache still has
every record. Only checkpoints must be durable, in their order.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Self

from journal import (
    JournalError,
    JournalGone,
    JournalLocked,
    Position,
    Writer,
    compact,
    retain,
    trim,
)
from mirrorfs.core.change import Change, Cookie, encode
from mirrorfs.core.compact import compact as fewer
from mirrorfs.core.tree import Identity
from mirrorfs.drives import asleep, located, name
from mirrorfs.errors import DriveAway, MirrorError, StateError, TemporaryError
from mirrorfs.mirror.checkpoint import CheckpointFile
from mirrorfs.mirror.cookies import Cookies
from mirrorfs.mirror.leftout import Extent, Extents
from mirrorfs.mirror.noticing import BY_ITSELF, Noticing
from mirrorfs.state import State, make
from mirrorfs.trees.local.identity import identity, open_root
from mirrorfs.watch import PACE, Keeper, Pace, Watcher

BUDGET_BYTES = 256 << 20


def identity_now(place: str) -> Identity:
    """Which directory is at a place, by a fresh look that leaves nothing open: a drive can be
    unmounted, and what is mounted next is known or is not. Raises as `open_root` does, and
    DriveAway where that would mount something."""
    if asleep(place):
        raise DriveAway(
            f"{place}: nothing is mounted on the automount point",
            remedy="go there once; mirroring goes on by itself",
        )
    path = located(place)
    descriptor = open_root(path)
    try:
        return identity(path, descriptor)
    finally:
        os.close(descriptor)


class Recorded(StateError):
    """Another process records this source already."""


class RecordRemoved(TemporaryError):
    """What was recorded is gone, and with it more of the state that cannot be made anew while it is
    in use."""

    def __init__(self, error: JournalGone) -> None:
        super().__init__(str(error), remedy="begin again: everything is compared then")


class Recorder:
    """A watcher and the journal it writes; a context manager. Raises Recorded, StateError.

    ``appended`` is called from the watcher's thread after each append, ``removed`` when somebody
    removed the journal: from then on nothing is recorded, and `check` says so. What all ``extents``
    leave out gets no watch: the journal vouches for no mirror that takes it in. ``keeper`` keeps
    the watch for the next process. ``patient``: a source that is not there yet is waited for.
    """

    def __init__(
        self,
        place: str,
        *,
        state: State,
        extents: Sequence[Extent],
        appended: Callable[[Position], None] | None = None,
        removed: Callable[[], None] = lambda: None,
        noticing: Noticing = BY_ITSELF,
        keeper: Keeper | None = None,
        patient: bool = False,
        pace: Pace = PACE,
    ) -> None:
        self._state = state
        self._place = place
        self._removed = removed
        self._gone: JournalGone | None = None
        make(state.source(place))
        cookies = make(state.cookies(place))
        self._cookies = Cookies[Callable[[Position], None]](cookies)
        with suppress(OSError):  # what is left there harms nobody
            for left in os.listdir(cookies):
                with suppress(OSError):  # nor does what is no cookie of ours
                    os.unlink(os.path.join(cookies, left))
        try:
            self.writer = Writer(
                state.journal(place), continue_epoch=keeper is not None, on_append=appended
            )
        except JournalLocked as error:
            raise Recorded(
                f"{place} is being watched already: {error}",
                remedy="one watcher serves any number of destinations: `mirrorfs run` and "
                "`mirrorfs sync` follow its journal",
            ) from error
        except JournalError as error:
            raise StateError(
                f"the journal of {place} cannot be written: {error}",
                remedy="give its disk room, or remove the journal: everything is compared then",
            ) from error
        watched = Extents(extents)
        if keeper is not None:
            keeper.claim = f"{self.writer.journal} {watched.left_out}"
        try:  # the journal's lock is ours, and nobody believes its new epoch yet
            with open(state.left_out(place), "w", encoding="utf-8") as file:
                file.write(watched.left_out)
        except OSError as error:
            self.writer.close()
            raise StateError(
                f"cannot write {state.left_out(place)}: {error.strerror}",
                remedy="give its disk room, or choose another place with --state-dir",
            ) from error
        self.watcher = Watcher(
            place,
            self._emit,
            cookie_directory=cookies,
            exclude=watched.exclude,
            one_file_system=watched.one_file_system,
            identity=lambda: identity_now(place),
            locate=lambda: located(place),
            patient=patient,
            pace=pace._replace(poll=noticing.poll),
            backend=noticing.backend,
            keeper=keeper,
        )

    def __enter__(self) -> Self:
        try:
            self.watcher.start()
        except OSError as error:
            self.writer.close()
            raise TemporaryError(
                f"{self._place} cannot be watched: {error.strerror}",
                remedy="let it have more open files (ulimit -n) and inotify instances "
                "(sysctl fs.inotify.max_user_instances), and memory",
            ) from error
        except BaseException:
            self.writer.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.watcher.close()
        finally:
            try:
                self.writer.close()
            except JournalError as error:
                raise TemporaryError(
                    f"the journal of {self._place} could not be closed: {error}",
                    remedy="check the disk of the state directory; what the journal lacks is "
                    "compared at the next start",
                ) from error

    def lay(self, heard: Callable[[Position], None]) -> str:
        """Lay a barrier; its name, for `lift`. ``heard`` is called, in the watcher's thread, with a
        position behind everything that changed before now. Raises OSError."""
        return self._cookies.lay(heard)

    def lift(self, nonce: str) -> None:
        """Take a barrier away, whether it was heard of or not."""
        self._cookies.lift(nonce)

    def check(self) -> None:
        """Raises RecordRemoved."""
        if self._gone is not None:
            raise RecordRemoved(self._gone)

    def _emit(self, changes: list[Change]) -> None:
        try:
            position = self.writer.append([encode(change) for change in changes])
        except JournalGone as error:
            self._gone = error
            self._removed()
            raise
        if awaited := self._cookies.awaited:
            for change in changes:
                if isinstance(change, Cookie) and (heard := awaited.get(change.nonce)):
                    heard(position)

    def retain(self) -> None:
        """Let go of what every mirror of this source has; fold the rest when it grows too large.
        What is too large all the same goes, oldest first: the mirror that was away for longest
        compares everything when it is back.

        May take seconds: not for the watcher's thread.
        """
        cursors = []
        real = name(self._place)
        try:
            for directory in self._state.mirrors():
                known = CheckpointFile(directory).load()
                if known and known.cursor and name(known.places[0]) == real:
                    cursors.append(known.cursor)
            least = min(cursors, key=lambda cursor: cursor.sequence, default=None)
            journal = self._state.journal(self._place)
            if retain(journal, least, BUDGET_BYTES).over:
                compact(journal, fewer)
                trim(journal, BUDGET_BYTES)
        except (JournalError, MirrorError):
            # Another process is at it, the disk is full, or what a mirror has cannot be read: a
            # larger journal harms nobody.
            return
