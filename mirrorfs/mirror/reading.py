"""What a sync must look at, and why: what the journal cannot vouch for is everything.

Law: a position counts only in the journal, of the pair and for the options it was taken of, while
somebody records all that the filter lets through. Otherwise, and when in doubt, everything is
compared, and one line says why.
"""

import os
from collections.abc import Collection
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from journal import CursorLost, JournalCorrupt, JournalError, JournalUnreadable, Position
from mirrorfs.core.change import Dirty
from mirrorfs.core.fold import Hint, fold
from mirrorfs.core.scope import Scope
from mirrorfs.core.vouch import Found, Known, objection
from mirrorfs.errors import StateError, TemporaryError
from mirrorfs.mirror.checkpoint import Checkpoint
from mirrorfs.mirror.leftout import recorded_for
from mirrorfs.mirror.replay import Replay, watcher_answers
from mirrorfs.state import State
from mirrorfs.trees.base import Tree

if TYPE_CHECKING:
    from journal import Reader


class Reading(NamedTuple):
    """What a sync will look at. ``why`` is one line for people; ``cursor`` the position in the
    journal up to which the destination will be right afterwards."""

    scope: Scope
    hints: tuple[Hint, ...]
    why: str
    cursor: Position | None
    replays: bool


class Readings:
    """Of one pair of ``trees``, whose source was given as ``source``. ``fingerprint``: of the
    options and the filter; ``left_out``: see `Extent`; ``full``: compare everything even if a
    journal could vouch."""

    def __init__(
        self,
        state: State,
        source: str,
        trees: tuple[Tree, Tree],
        fingerprint: str,
        left_out: str,
        *,
        full: bool,
    ) -> None:
        self._state = state
        self._source = source
        self._trees = trees
        self._fingerprint = fingerprint
        self._left_out = left_out
        self._full = full
        self._directory = state.journal(source)

    @property
    def recorded(self) -> bool:
        """Whether anybody ever recorded this source."""
        return os.path.isdir(self._directory)

    @cached_property
    def journal(self) -> "Reader":
        from journal import Reader

        return Reader(self._directory)

    def next(self, checkpoint: Checkpoint | None, owed: Collection[str]) -> Reading:
        """What to look at after a checkpoint, ``owed`` paths with it; asks the watcher, if there is
        one, whether it is up to date. Raises StateError for a journal in the hands of others,
        TemporaryError for a root that is not there."""
        try:
            return self._next(checkpoint, owed)
        except JournalUnreadable as error:
            return _everything(str(error), None)
        except JournalError as error:
            raise _distrusted(error) from error

    def _next(self, checkpoint: Checkpoint | None, owed: Collection[str]) -> Reading:
        known = None
        if checkpoint is not None:
            known = Known(
                checkpoint.source,
                checkpoint.destination,
                checkpoint.fingerprint,
                checkpoint.cursor is not None,
            )
        kept = self.recorded
        covered = recorded_for(self._state, self._source, self._left_out)
        watched = kept and watcher_answers(self.journal, self._state.cookies(self._source))
        tail = self.journal.tail_position() if watched else None
        if self._full:
            return _everything("as asked", tail)
        source, destination = self._trees
        found = Found(
            kept,
            watched,
            source.identity(),
            destination.identity(),
            self._fingerprint,
            covered=covered,
        )
        if why := objection(known, found):
            return _everything(why, tail)
        assert checkpoint is not None
        return self._since(checkpoint.cursor, {*checkpoint.retry, *owed})

    def since(self, cursor: Position | None, owed: Collection[str] = ()) -> Reading:
        """What the journal holds after a cursor; ``owed`` paths only as far as they were renamed.
        Raises TemporaryError for a journal that cannot be read, StateError."""
        try:
            return self._since(cursor, owed=owed)
        except JournalUnreadable as error:
            raise TemporaryError(
                str(error), remedy="check the disk of the state directory"
            ) from error
        except JournalError as error:
            raise _distrusted(error) from error

    def _since(
        self, cursor: Position | None, retry: Collection[str] = (), owed: Collection[str] = ()
    ) -> Reading:
        replay = Replay(self.journal, cursor)
        try:
            again = (Dirty(path, True) for path in retry)
            folded = fold(chain(again, replay.changes()), owed)
        except (CursorLost, JournalCorrupt) as error:
            tail = self.journal.tail_position()
            return _everything(f"the journal cannot vouch for the source: {error}", tail)
        if folded.scope.is_everything:
            why = next((reason for path, reason in folded.reasons if not path), "")
            return _everything(why or "the whole source may have changed", replay.cursor)
        why = f"replaying {folded.records - len(retry)} changes of the journal"
        if retry:
            why += f" and {len(retry)} paths still owed"
        return Reading(folded.scope, folded.hints, why, replay.cursor, True)


def _everything(why: str, cursor: Position | None) -> Reading:
    """The whole of both trees."""
    return Reading(Scope.everything(), (), f"comparing everything: {why}", cursor, False)


def _distrusted(error: JournalError) -> StateError:
    return StateError(str(error), remedy="remove the journal: the next sync compares everything")
