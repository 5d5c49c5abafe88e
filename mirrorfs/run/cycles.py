"""Cycle after cycle: what changed, what is owed, and what comes between two cycles.

Law: one call to a thread at a time, so that nothing is decided while something is written. What
was decided about a held plan, and what barriers wait for, is looked at between two cycles. While
nothing happens nothing of the roots is held, so that anybody can unmount them.
"""

from collections.abc import Callable
from functools import partial
from typing import NoReturn

import trio

from mirrorfs.mirror.follow import Follower
from mirrorfs.run.bell import Bell
from mirrorfs.run.condition import Condition
from mirrorfs.run.thread import Thread
from mirrorfs.service.barrier import Barriers
from mirrorfs.service.decisions import Decisions, outcome

GATHERING, LONGEST_GATHERING = 3, 0.5  # times as long as the cycle before took; seconds at most


class Cycles:
    """For one follower after the other, each until a root fails, or ``check`` raises."""

    def __init__(
        self,
        condition: Condition,
        bell: Bell,
        *,
        thread: Thread,
        barriers: Barriers,
        decisions: Decisions,
        check: Callable[[], None],
        look: Callable[[Follower], None],
    ) -> None:
        self._condition, self._bell = condition, bell
        self._check = check
        self._thread = thread
        self._barriers, self._decisions = barriers, decisions
        self._look = look

    async def __call__(self, follower: Follower) -> NoReturn:
        """Raises MirrorError, OSError, JournalError for a root, or a state, that fails."""
        condition, bell = self._condition, self._bell
        while True:
            bell.listen()
            began = trio.current_time()
            self._check()
            if bell.hurried:
                bell.hurried = False
                follower.hurry()
            if bell.shaken:
                bell.shaken = False
                await self._thread(partial(self._look, follower))
            await self._decide(follower)
            worked = await self._work(follower)
            condition.rests(follower)
            await self._pass_barriers(follower)
            if follower.must_vouch:
                await self._thread(follower.vouch)
            if worked and not condition.held and not follower.waits:
                continue
            condition.announce(busy=False)
            with trio.move_on_after(follower.pause()) as quiet:
                if follower.waits:  # all that waits is read again each time
                    took = trio.current_time() - began
                    await bell.gather(min(LONGEST_GATHERING, GATHERING * took))
                await bell.wait()
            condition.announce(busy=True)
            if quiet.cancelled_caught:
                await self._thread(follower.settle)

    async def _work(self, follower: Follower) -> bool:
        """What changed, then what is owed; whether there was any of it."""
        worked = False
        for work in (follower.cycle, follower.retry):
            if (turn := await self._thread(work, self._condition.works)) is None:
                continue
            worked = True
            self._condition.turned(turn)
            if self._condition.held:
                break  # else what is owed would be looked at over and over
        return worked

    async def _decide(self, follower: Follower) -> None:
        """Carry out what was decided about a held plan."""
        for decision in self._decisions.take():
            with decision.answering():
                if not decision.approves:
                    await self._thread(partial(follower.discard, decision.plan))
                    decision.answer({})
                    continue
                turn = await self._thread(partial(follower.approve, decision.plan))
                self._condition.turned(turn)
                decision.answer(outcome(turn[1], self._condition.status.remedy))

    async def _pass_barriers(self, follower: Follower) -> None:
        """Tell those who wait for what was just done, once every owed path was tried for them."""
        if follower.seen is None or not self._barriers.reached(follower.seen):
            return
        held, status = self._condition.held, self._condition.status
        if not held:
            if follower.is_due or self._bell.hurried:
                return
            await self._thread(follower.vouch)
        why = status.why if held else ""
        if follower.owed and not held:
            why = f"{len(follower.owed)} paths are owed"
        answer = {
            "complete": not why,
            "why": why,
            "remedy": status.remedy if held else "",
            "held": held,
            "owed": status.owed,
        }
        self._barriers.answer(follower.seen, answer)
