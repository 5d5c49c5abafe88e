"""The recorder of a run: begun and ended in a thread, so that a source that hangs keeps nobody from
telling the run to end.

Law: what was begun is ended, also when somebody stopped waiting for it to begin; else its journal
could not be written by the next run in this process.
"""

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from mirrorfs.record import Recorder
from mirrorfs.run.thread import Thread


@asynccontextmanager
async def recording(make: Callable[[], Recorder], thread: Thread) -> AsyncIterator[Recorder]:
    """What ``make`` makes, while it records. Raises as `Recorder` does."""
    begun: list[Recorder] = []

    def begin() -> None:
        recorder = make()
        recorder.__enter__()
        begun.append(recorder)

    try:
        await thread(begin)
        yield begun[0]
    finally:
        if begun and not thread.abandoned:
            # The thread's own grace is left.
            with trio.CancelScope(shield=True, deadline=-math.inf):
                await thread(lambda: begun[0].__exit__(None, None, None))
