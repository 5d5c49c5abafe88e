"""The audit: compare everything beside a running mirror, and name what its journal missed.

Law: nothing is silently repaired, and no race is reported. A path counts only if it differed twice,
with a barrier before each look, while it was not owed, and no record of the journal from before the
first look to behind the second one tells of it: then nobody said that it changed, and nobody was
about to bring it there. What was found is said first and repaired then, through the same plans and
guards as everything else.

A difference whose destination changed later than its source was made on the destination: that is
drift, which the journal cannot know of. What is left is a coverage defect: a store through mmap, a
write through a hard link outside the source, another machine on the same network file system.
"""

import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from functools import partial
from typing import Any

import trio

from journal import JournalError, Position, Reader
from mirrorfs.core.fold import fold
from mirrorfs.core.plan import Action, Plan, Verb
from mirrorfs.core.reconcile import CONTENT_CHANGES
from mirrorfs.core.scope import Scope
from mirrorfs.core.walk import Heard
from mirrorfs.errors import MirrorError, TemporaryError
from mirrorfs.mirror.checkpoint import CheckpointFile
from mirrorfs.mirror.follow import refuse_strangers
from mirrorfs.mirror.mirror import Mirror
from mirrorfs.mirror.reading import Reading
from mirrorfs.mirror.replay import Replay
from mirrorfs.service.audited import Audit
from mirrorfs.service.background import in_background

SHOWN = 20
MOST = 10_000  # so many paths are repaired one by one; more, and everything is compared
AGAIN_SECONDS = 3600.0  # after one that could not be carried out

Barrier = Callable[[], Awaitable[dict[str, Any]]]


class Auditor:
    """Audits one running mirror.

    ``open`` gives a mirror that only plans; ``barrier`` is awaited for the answer of
    `Barriers.wait`, and ``owed`` are the paths not there then; ``heard`` is told of each directory,
    and ends the audit by raising; ``repair`` takes the paths that differ.
    """

    def __init__(
        self,
        directory: str,
        journal: str,
        *,
        open: Callable[[], Mirror],
        owed: Callable[[], Iterable[str]],
        barrier: Barrier,
        heard: Heard,
        said: Callable[[str], None],
        repair: Callable[[Collection[str]], None],
    ) -> None:
        self._directory = directory
        self._journal = Reader(journal)
        self._open = open
        self._owed = owed
        self._barrier = barrier
        self._heard = heard
        self._said = said
        self._repair = repair
        self._one = trio.Lock()

    async def keep(self, interval: float) -> None:
        """Audit every ``interval`` seconds (0: never), counted from when everything was compared
        last, for whatever reason."""
        if not interval:
            await trio.sleep_forever()
        while True:
            checkpoint = CheckpointFile(self._directory).load()
            compared = checkpoint.compared_ns if checkpoint else time.time_ns()
            last = max(Audit.load(self._directory).at_ns, compared)
            left = interval - (time.time_ns() - last) / 1e9
            if left > 0:  # a clock that was set back must not put it off for years
                await trio.sleep(min(left, interval))
                continue
            try:
                await self.audit()
            except MirrorError as error:
                self._said(f"the audit is put off: {error}")
                await trio.sleep(min(interval, AGAIN_SECONDS))

    async def audit(self) -> Audit:
        """One audit, from its first barrier to its report. Raises MirrorError."""
        async with self._one:
            try:
                begin = self._journal.tail_position()
                owed = await self._settled()
                first = await in_background(partial(self._look, Scope.everything()))
                differing = {action.path: action for action in first.actions}
                explained = ""
                if differing:
                    owed |= await self._settled()
                    second = await in_background(partial(self._look, Scope.of(differing)))
                    differing = {
                        action.path: action for action in second.actions if action.path in differing
                    }
                    owed |= await self._settled()
                if differing:
                    differing, explained = self._unexplained(differing, begin, owed)
            except JournalError as error:
                raise TemporaryError(f"the journal cannot be read: {error}") from error
            audit = self._judge(first, differing.values(), explained)
            audit.store(self._directory)
            self._tell(audit)
            if differing:
                self._repair(differing if len(differing) <= MOST else [""])
            return audit

    async def _settled(self) -> set[str]:
        """Everything until now was brought there; the paths of which that is not so."""
        answer = await self._barrier()
        if answer["held"]:
            raise TemporaryError(f"a plan is held: {answer['why']}", remedy=answer["remedy"])
        return set(self._owed())

    def _look(self, scope: Scope) -> Plan:
        with self._open() as mirror:
            if (known := mirror.checkpoint) is not None:
                refuse_strangers(mirror, known.source, known.destination)
            plan = mirror.plan(Reading(scope, (), "audit", None, False), heard=self._heard)
        differing = (action for action in plan.actions if action.reason != CONTENT_CHANGES)
        return plan._replace(actions=tuple(differing))

    def _unexplained(
        self, differing: dict[str, Action], begin: Position | None, owed: set[str]
    ) -> tuple[dict[str, Action], str]:
        """Those that no record tells of; and why that is not known, if so."""
        folded = fold(Replay(self._journal, begin).changes())
        if folded.scope.is_everything:
            why = next((reason for path, reason in folded.reasons if not path), "too much changed")
            return {}, why
        # Directories above what changed are explained, too: their times change with it.
        told = Scope.of((), owed)
        return {
            path: action
            for path, action in differing.items()
            if not _covers(folded.scope, path) and not _covers(told, path)
        }, ""

    def _judge(self, first: Plan, differing: Iterable[Action], unsure: str) -> Audit:
        defects: dict[str, str] = {}
        drift: dict[str, str] = {}
        for action in differing:
            theirs = drift if _drifted(action) else defects
            theirs[action.path] = f"{action.verb.value}: {action.reason}"
        return Audit(
            time.time_ns(),
            first.source_entries,
            dict(list(defects.items())[:SHOWN]),
            len(defects),
            dict(list(drift.items())[:SHOWN]),
            len(drift),
            unsure,
        )

    def _tell(self, audit: Audit) -> None:
        for path, what in audit.defects.items():
            self._said(
                f"coverage defect: {path or '.'} changed and nothing told of it ({what}); "
                "it is brought up to date now"
            )
        for path, what in audit.drift.items():
            self._said(f"changed on the destination by others: {path or '.'} ({what})")
        hidden = audit.defect_count + audit.drift_count - len(audit.defects) - len(audit.drift)
        if hidden:
            self._said(f"the audit found {hidden} further paths that differ")
        if audit.unsure:
            self._said(f"the audit could not judge what differs: {audit.unsure}")


def _covers(scope: Scope, path: str) -> bool:
    return not scope.is_empty and scope.covers(path)


def _drifted(action: Action) -> bool:
    """Whether it was the destination that changed last, as far as the two entries tell."""
    want, expect = action.want, action.expect
    if want is None or expect is None or action.verb not in (Verb.UPDATE, Verb.ATTRIBUTES):
        return False
    return 0 < want.ctime_ns < expect.ctime_ns
