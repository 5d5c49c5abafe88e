"""Calls to a thread, one at a time; whoever stops waiting for one gives it a moment to end.

Law: what is abandoned is never closed: its descriptors would be given to somebody else while the
thread still writes to them. The process ends with it, and that is as safe as being killed.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import trio

from mirrorfs.run.pulse import Stage

T = TypeVar("T")

GRACE_SECONDS = 1.5
LATE_SECONDS = 0.25  # most calls are over long before


class Thread:
    """``grace``: seconds in all, from the first time that somebody stops waiting. ``abandoned``: a
    call did not end in time, and may still be going on."""

    def __init__(self, stage: Stage, grace: float = GRACE_SECONDS) -> None:
        self._stage, self._grace = stage, grace
        self._until: float | None = None
        self.abandoned = False

    async def __call__(self, work: Callable[[], T], late: Callable[[], None] | None = None) -> T:
        """What ``work`` returns or raises; ``late`` is called when it takes a while."""
        token, ended = trio.lowlevel.current_trio_token(), trio.Event()
        results: list[T] = []
        errors: list[BaseException] = []

        def begin() -> None:
            try:
                with self._stage.working():
                    results.append(work())
            except BaseException as error:
                errors.append(error)

        def deliver(_: object) -> None:
            with suppress(trio.RunFinishedError):  # it was abandoned
                token.run_sync_soon(ended.set)

        trio.lowlevel.start_thread_soon(begin, deliver, "mirrorfs-cycles")
        try:
            if late is not None:
                with trio.move_on_after(LATE_SECONDS):
                    await ended.wait()
                if not ended.is_set():
                    late()
            await ended.wait()
        except trio.Cancelled:
            if self._until is None:
                self._until = trio.current_time() + self._grace
            with trio.CancelScope(shield=True, deadline=self._until):
                await ended.wait()
            self.abandoned |= not ended.is_set()
            raise
        if errors:
            raise errors[0]
        return results[0]
