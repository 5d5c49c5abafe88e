"""What a run answers to those who ask: see docs/control.md.

Law: an answer is about the mirror that runs; what is asked for is done by the cycles, between two
of which nobody else writes.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from mirrorfs.core.record import asdict
from mirrorfs.errors import TemporaryError, UsageError
from mirrorfs.run.bell import Bell
from mirrorfs.run.condition import Condition
from mirrorfs.run.pausing import Pausing
from mirrorfs.run.recording import Recording
from mirrorfs.service.audited import Audit
from mirrorfs.service.barrier import Barriers
from mirrorfs.service.control import Answer, Question
from mirrorfs.service.decisions import Decisions
from mirrorfs.status.status import Phase


class Answers:
    """``table``: by what is asked, as `Control` wants it."""

    def __init__(
        self,
        condition: Condition,
        bell: Bell,
        *,
        recording: Recording,
        barriers: Barriers,
        decisions: Decisions,
        audit: Callable[[], Awaitable[Audit]],
        fingerprint: str,
        pausing: Pausing,
        paused: Callable[[], None],
    ) -> None:
        self._condition, self._bell = condition, bell
        self._recording = recording
        self._barriers, self._decisions = barriers, decisions
        self._audit = audit
        self._fingerprint = fingerprint
        self._pausing, self._paused = pausing, paused

    def table(self) -> dict[str, Answer]:
        return {
            "status": self._status,
            "sync-now": self._sync_now,
            "pause": self._pause,
            "resume": self._resume,
            "wait": self.wait,
            "audit": self._audited,
            "approve": lambda asked: self._decide(asked, approves=True),
            "discard": lambda asked: self._decide(asked, approves=False),
        }

    async def wait(self, question: Question) -> dict[str, Any]:
        """Whether everything that changed before now is on the destination, once that is known."""
        self._pausing.refuse()
        status = self._condition.status
        return await self._barriers.ask(
            question,
            self._recording,
            laid=self._bell.hurry,
            why=lambda: status.why or f"it is still {status.phase}",
            fingerprint=self._fingerprint,
        )

    async def _status(self, _: Question) -> dict[str, Any]:
        self._condition.look()
        return asdict(self._condition.status)

    async def _sync_now(self, _: Question) -> dict[str, Any]:
        self._pausing.refuse()
        self._bell.hurry()
        return {}

    async def _pause(self, question: Question) -> dict[str, Any]:
        until_ns, reason = question.get("until_ns", 0), question.get("reason", "")
        if type(until_ns) is not int or type(reason) is not str:
            raise UsageError("until_ns is no number, or the reason no text")
        self._pausing.begin(until_ns, reason)
        self._paused()
        return (await self._pausing.begun())._asdict()

    async def _resume(self, _: Question) -> dict[str, Any]:
        self._pausing.end()
        return {}

    async def _audited(self, _: Question) -> dict[str, Any]:
        return asdict(await self._audit())

    async def _decide(self, question: Question, *, approves: bool) -> dict[str, Any]:
        self._pausing.refuse()
        status = self._condition.status
        if status.phase is Phase.WAITING:
            raise TemporaryError(f"it waits: {status.why}", remedy=status.remedy)
        plan = question.get("plan")
        return await self._decisions.decide(plan, approves=approves, laid=self._bell.ring)
