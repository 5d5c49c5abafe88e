"""What somebody decided about a held plan, on its way to the one who follows.

Law: a decision is carried out between two cycles, where nobody else writes; whoever decided is told
what came of it, also when nothing could.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import trio

from mirrorfs.core.plan import Verb
from mirrorfs.core.report import Report
from mirrorfs.errors import MirrorError, StateError, UsageError

Answer = dict[str, Any]


class Decision(NamedTuple):
    """``approves`` the plan of this id, or discards it."""

    plan: str
    approves: bool
    told: trio.Event
    answers: list[Answer | MirrorError]

    def answer(self, answer: Answer | MirrorError) -> None:
        self.answers.append(answer)
        self.told.set()

    @contextmanager
    def answering(self) -> Iterator[None]:
        """What is wrong with the decision itself is told and over; what is wrong with a root is
        raised on, too."""
        try:
            yield
        except (UsageError, StateError) as error:
            self.answer(error)
        except MirrorError as error:
            self.answer(error)
            raise
        except BaseException:
            self.answer(MirrorError("it was stopped before it was done"))
            raise


class Decisions:
    """Those that wait to be carried out."""

    def __init__(self) -> None:
        self._waiting: list[Decision] = []

    def take(self) -> list[Decision]:
        """All that wait, for whoever carries them out and answers."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def refuse(self, error: MirrorError) -> None:
        """Nothing can be carried out now."""
        for decision in self.take():
            decision.answer(error)

    async def decide(self, plan: object, *, approves: bool, laid: Callable[[], None]) -> Answer:
        """What came of it. Raises MirrorError."""
        if type(plan) is not str:
            raise UsageError("the plan has no id")
        decision = Decision(plan, approves, trio.Event(), [])
        self._waiting.append(decision)
        laid()
        await decision.told.wait()
        answer = decision.answers[0]
        if isinstance(answer, MirrorError):
            raise answer
        return answer


def outcome(report: Report, remedy: str) -> Answer:
    """What came of an approval. ``refused``: why nothing was taken away after all, with the id of
    the plan that is held instead, and what can be done about it."""
    refusal = report.refusal
    return {
        "done": {verb.value: report.done[verb] for verb in Verb},
        "errors": report.errors,
        "refused": "" if refusal is None else refusal.message,
        "plan": "" if refusal is None else refusal.plan,
        "remedy": "" if refusal is None else remedy,
    }
