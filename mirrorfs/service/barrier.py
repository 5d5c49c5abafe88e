"""Barriers: "everything that changed before now is on the destination", and what of it is not.

Law: a barrier goes the way of the changes: through the kernel's queue behind all that happened
before it, into the journal, to the follower. It is passed when what stands before it was applied
and made durable; what is held, or owed though it was tried again since, is named instead.
"""

from collections.abc import Callable
from typing import Any, Protocol

import trio

from journal import Position
from mirrorfs.errors import TemporaryError, UsageError
from mirrorfs.service.control import Question

Answer = dict[str, Any]


class Laying(Protocol):
    """Lays a barrier behind everything that changed before now, as `Recorder` does."""

    def lay(self, heard: Callable[[Position], None]) -> str: ...

    def lift(self, nonce: str) -> None: ...


class Barriers:
    """Those that wait for an answer."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Position, trio.Event, list[Answer]]] = []

    def reached(self, seen: Position | None) -> bool:
        """Whether one stands at or before a position of the journal."""
        return seen is not None and any(
            position.sequence <= seen.sequence for position, _, _ in self._waiting
        )

    def answer(self, seen: Position, answer: Answer) -> None:
        """Tell all that stand at or before the position."""
        for position, told, answers in self._waiting:
            if position.sequence <= seen.sequence:
                answers.append(answer)
                told.set()

    def refuse(self, why: str, remedy: str) -> None:
        """Nothing more comes there now: tell all."""
        answer = {"complete": False, "why": why, "remedy": remedy, "held": False, "owed": {}}
        for _, told, answers in self._waiting:
            answers.append(answer)
            told.set()

    async def ask(
        self,
        question: Question,
        recorder: Laying,
        *,
        laid: Callable[[], None],
        why: Callable[[], str],
        fingerprint: str,
    ) -> Answer:
        """The answer to `wait` at the control socket; ``why``: why it may take long. Raises
        UsageError, TemporaryError."""
        seconds, wanted = question.get("seconds"), question.get("fingerprint")
        if seconds is not None and (type(seconds) not in (int, float) or not seconds >= 0):
            raise UsageError("the seconds to wait are no number")
        if wanted is not None and wanted != fingerprint:
            raise UsageError(
                "the mirror that runs was told to mirror something else",
                remedy="use its filters and flags (and -a), or none at all",
            )
        with trio.move_on_after(float("inf") if seconds is None else seconds):
            return await self.wait(recorder, laid)
        return {"complete": False, "why": f"not within {seconds:g} s: {why()}", "owed": {}}

    async def wait(self, recorder: Laying, laid: Callable[[], None]) -> Answer:
        """What `answer` will say of all that changed before now; ``laid`` is called when the
        barrier stands in the journal. Raises TemporaryError."""
        position = await _recorded(recorder)
        told, answers = trio.Event(), list[Answer]()
        waiting = (position, told, answers)
        self._waiting.append(waiting)
        try:
            laid()
            await told.wait()
        finally:
            self._waiting = [other for other in self._waiting if other is not waiting]
        return answers[0]


async def _recorded(recorder: Laying) -> Position:
    """A position behind all that changed before now, as soon as it stands in the journal."""
    token, heard = trio.lowlevel.current_trio_token(), trio.Event()
    positions: list[Position] = []

    def hear(position: Position) -> None:
        positions.append(position)
        token.run_sync_soon(heard.set)

    try:
        nonce = recorder.lay(hear)
    except OSError as error:
        raise TemporaryError(
            f"no barrier can be laid: {error.strerror}",
            remedy="give the state directory's disk some room; what was removed there is made anew "
            "at the next start",
        ) from error
    try:
        await heard.wait()
    finally:
        recorder.lift(nonce)
    return positions[0]
