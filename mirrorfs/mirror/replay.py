"""Read a journal as changes; and ask its watcher whether everything up to now stands in it.

Law: a record that is not understood widens what must be looked at, it is never passed over.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from journal import JournalError, Position, writer_alive
from mirrorfs.core.change import Change, ChangeRefused, Cookie, Gap, decode
from mirrorfs.mirror.cookies import Cookies

if TYPE_CHECKING:
    from journal import Reader

ANSWER_SECONDS = 15.0  # a busy machine has kept a watcher for five; comparing everything costs more


class Replay:
    """The changes after a position; ``cursor`` moves along."""

    def __init__(self, reader: "Reader", after: Position | None) -> None:
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


def watcher_answers(journal: "Reader", cookies: str) -> bool:
    """A barrier: whether every change made before now stands in the journal, as the watcher says.

    A file made in the watcher's cookie directory comes through the kernel's queue behind all
    earlier events and is answered with a record. Takes some milliseconds; False after
    `ANSWER_SECONDS` of silence, and at once where nobody watches. Raises JournalError when that
    cannot be told.
    """
    if not writer_alive(journal.directory):
        return False
    laid = Cookies[None](cookies)
    try:
        replay = Replay(journal, journal.tail_position())
        nonce = laid.lay(None)
    except (OSError, JournalError):
        return False
    try:
        return _await(Cookie(nonce), replay)
    except JournalError:
        return False
    finally:
        laid.lift(nonce)


def _await(cookie: Cookie, replay: Replay) -> bool:
    deadline = time.monotonic() + ANSWER_SECONDS
    pause = 0.0005
    while True:
        if any(change == cookie for change in replay.changes()):
            return True
        if time.monotonic() > deadline:
            return False
        # The answer takes some milliseconds; to watch the journal's directory would take as many.
        time.sleep(pause)
        pause = min(pause * 2, 0.02)
