"""What records the source for a run: a recorder of its own, or another process until that ends.

Law: a recorder is begun and ended in a thread, so that a source that hangs keeps nobody from
telling the run to end. What was begun is ended, also when somebody stopped waiting for it to begin:
else its journal could not be written by the next run in this process.
"""

import math
from collections.abc import Awaitable, Callable
from contextlib import suppress

import trio

from journal import Position
from mirrorfs.mirror.record import Recorded, Recorder
from mirrorfs.run.tail import Tail
from mirrorfs.run.thread import Thread
from mirrorfs.watch import WatchStatus


class Recording:
    """``watching`` is what is to be done while a recorder of ours is at it."""

    def __init__(
        self,
        make: Callable[[], Recorder],
        tail: Tail,
        thread: Thread,
        *,
        watching: Callable[[Recorder], Awaitable[None]],
        said: Callable[[str], None],
    ) -> None:
        self._make, self._tail, self._thread = make, tail, thread
        self._watching, self._said = watching, said
        self._recorder: Recorder | None = None
        self._again: dict[str, str] = {}  # what was laid at the tail, and has another name since

    async def begin(self) -> None:
        """Raises as `Recorder` does; where another process records, StateError if that is of no
        use."""
        try:
            await self._thread(self._record)
        except Recorded:
            self._tail.check()
            self._said("another process watches the source: what it writes down is followed")

    async def keep(self) -> None:
        """Until cancelled. Raises StateError where what another process records is of no use."""
        while self._recorder is None:
            await self._tail.follow()
            try:
                await self._thread(self._record)
            except Recorded:
                continue
            self._said("nobody else watches the source any more: it is watched here")
        await self._watching(self._recorder)

    async def end(self) -> None:
        """Whatever was begun."""
        recorder, self._recorder = self._recorder, None
        if recorder is not None and not self._thread.abandoned:
            # The thread's own grace is left.
            with trio.CancelScope(shield=True, deadline=-math.inf):
                await self._thread(lambda: recorder.__exit__(None, None, None))

    def _record(self) -> None:
        recorder = self._make()
        recorder.__enter__()
        self._recorder = recorder
        for nonce, heard in self._tail.left():
            with suppress(OSError):
                self._again[nonce] = recorder.lay(heard)

    @property
    def _current(self) -> Recorder | Tail:
        return self._recorder or self._tail

    def lay(self, heard: Callable[[Position], None]) -> str:
        """As `Recorder.lay` does."""
        return self._current.lay(heard)

    def lift(self, nonce: str) -> None:
        """As `Recorder.lift` does."""
        self._current.lift(self._again.pop(nonce, nonce))

    def distrust(self, path: str, why: str) -> None:
        """No event told of a change at a path. Whoever else records hears of it in his own
        audit."""
        if self._recorder is not None:
            self._recorder.watcher.distrust(path, why)

    def rouse(self) -> None:
        """Have the watcher look where it is, if it is ours."""
        if self._recorder is not None:
            self._recorder.watcher.rouse()

    def status(self) -> WatchStatus | None:
        """How the watcher is; ``None`` where it is another process's."""
        return None if self._recorder is None else self._recorder.watcher.status()
