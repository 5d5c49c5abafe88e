"""The journal of a source that another process records: heard as it grows, for as long as it does.

Law: nothing is followed that leaves out what we take in. What the other process is told of its
filter it writes down before its new epoch is believed, so it is looked at whenever the journal
moved.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress

import trio

from journal import JournalError, Position, Reader, writer_alive
from mirrorfs.core.change import Cookie
from mirrorfs.errors import StateError
from mirrorfs.mirror.cookies import Cookies
from mirrorfs.mirror.leftout import Extent, recorded_for
from mirrorfs.mirror.replay import Replay
from mirrorfs.state import State
from mirrorfs.watch.inotify import CLOSE_WRITE, CREATE, MODIFY, Inotify

SETTLE_SECONDS = 0.02  # a journal that grows all the time is not looked at for each record
LOOK_SECONDS = 30.0  # that the other one ended shows in its closing of the journal


class Tail:
    """``appended`` is called with the end of the journal when it may have moved."""

    def __init__(
        self,
        source: str,
        *,
        state: State,
        extents: Sequence[Extent],
        appended: Callable[[Position], None],
    ) -> None:
        self._source, self._state = source, state
        self._wanted = {extent.left_out for extent in extents}
        self._appended = appended
        self._journal = Reader(state.journal(source))
        self._cookies = Cookies[tuple[Replay, Callable[[Position], None]]](state.cookies(source))

    async def follow(self) -> None:
        """Until nobody records. Raises StateError for a journal that cannot vouch for us."""
        inotify = Inotify()
        try:
            directory = os.open(self._journal.directory, os.O_RDONLY | os.O_DIRECTORY)
            try:
                inotify.watch(directory, MODIFY | CREATE | CLOSE_WRITE)
            finally:
                os.close(directory)
            while True:  # RACE: what came before the watch is looked at in the first turn
                self.check()
                if not writer_alive(self._journal.directory):
                    return
                self._hear()
                with suppress(JournalError):  # who follows it meets that, too, and says so
                    if (end := self._journal.tail_position()) is not None:
                        self._appended(end)
                with trio.move_on_after(LOOK_SECONDS):
                    await trio.lowlevel.wait_readable(inotify.fd)
                await trio.sleep(SETTLE_SECONDS)
                while inotify.read():
                    pass
        finally:
            inotify.close()

    def check(self) -> None:
        """Raises StateError for a journal that cannot vouch for us."""
        for wanted in self._wanted:
            if not recorded_for(self._state, self._source, wanted):
                raise StateError(
                    f"{self._source} is watched by another process, which leaves out directories "
                    "that are to be mirrored here",
                    remedy="put both destinations into one configuration (mirrorfs init), or give "
                    "both the same filters",
                )

    def lay(self, heard: Callable[[Position], None]) -> str:
        """As `Recorder.lay` does; the other process answers. Raises OSError."""
        try:
            replay = Replay(self._journal, self._journal.tail_position())
        except JournalError as error:
            raise OSError(0, str(error)) from error
        return self._cookies.lay((replay, heard))

    def lift(self, nonce: str) -> None:
        """As `Recorder.lift` does."""
        self._cookies.lift(nonce)

    def left(self) -> list[tuple[str, Callable[[Position], None]]]:
        """What was laid and has no answer; nobody will give one."""
        left = [(nonce, heard) for nonce, (_, heard) in self._cookies.awaited.items()]
        for nonce, _ in left:
            self.lift(nonce)
        return left

    def _hear(self) -> None:
        """Look for the answers to what was laid."""
        for nonce, (replay, heard) in list(self._cookies.awaited.items()):
            cookie = Cookie(nonce)
            with suppress(JournalError):  # then there is no answer, until somebody else records
                # To the end of the batch: the cursor moves behind it then.
                if cookie in list(replay.changes()) and replay.cursor is not None:
                    del self._cookies.awaited[nonce]
                    heard(replay.cursor)
