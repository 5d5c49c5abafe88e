"""Watch and sync in one process, until told to stop.

Law: the watcher's thread only records; this room only waits and calls the follower, one call to a
thread per cycle. Whatever goes wrong with a root (a drive pulled out, a full disk) is waited out:
changes gather in the journal, nothing is deleted, and the cycle is tried again.

RACE: the watch is open before the first comparison begins, so that what changes meanwhile is
replayed after it.
"""

import os
from collections.abc import Awaitable, Callable, Collection
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from typing import Any, NoReturn

import trio

from journal import JournalError
from mirrorfs.checkpoint import CheckpointFile
from mirrorfs.core.filter import Filter
from mirrorfs.core.options import Options
from mirrorfs.core.report import Report
from mirrorfs.coverage import unseen
from mirrorfs.errors import Locked, MirrorError, TemporaryError
from mirrorfs.flow import Flow
from mirrorfs.follow import Follower, refuse_strangers
from mirrorfs.hold import Recipe, remedy
from mirrorfs.mirror import Mirror
from mirrorfs.noticing import BY_ITSELF, Noticing
from mirrorfs.pace import Pace
from mirrorfs.preflight import LOOK_SECONDS, refuse_state
from mirrorfs.reading import Reading
from mirrorfs.record import Recorder
from mirrorfs.service.audit import Auditor
from mirrorfs.service.barrier import Barriers
from mirrorfs.service.beside import beside
from mirrorfs.service.control import Answer, Question, serve_if_possible
from mirrorfs.service.decisions import Decisions, outcome
from mirrorfs.service.fdstore import FdStore
from mirrorfs.service.notify import notify
from mirrorfs.settings import Settings
from mirrorfs.state import State, make
from mirrorfs.status import SHOWN_OWED, Phase, Status
from mirrorfs.stoppable import Stopped, Watching
from mirrorfs.sync import Listener

FIRST_WAIT = 1.0
DISTRUSTED = 10  # changes that no event told of: from then on their mounts are polled
LONGEST_WAIT = 10.0
RETAIN_SECONDS = 60.0


class Run:
    """A mirror kept up to date: an async callable. ``said`` hears what people should know, a line
    at a time; ``status`` is always the latest, ``news`` the event that it has changed (a new event
    each time) and ``busy`` whether it changes without one. ``wait``: so many seconds for another
    process to release the destination; ``audit_interval``: so many between audits, 0 for none."""

    def __init__(
        self,
        source: str,
        destination: str,
        *,
        options: Options,
        filter: Filter,
        settings: Settings,
        state: State,
        fsync: str,
        adopt: bool,
        listener: Listener,
        said: Callable[[str], None],
        wait: float = 0,
        pace: Pace | None = None,
        noticing: Noticing = BY_ITSELF,
        recipe: Recipe | None = None,
        audit_interval: float = 0,
    ) -> None:
        self._source, self._destination = source, destination
        self._options, self._filter, self._settings = options, filter, settings
        self._state = state
        self._fsync = fsync
        self._adopt = adopt
        self._said = said
        self._wait, self._pace, self._recipe = wait, pace, recipe
        self._noticing = noticing
        self._place = state.mirror(source, destination)
        self.status = Status(os.path.abspath(source), os.path.abspath(destination))
        self._watching = Watching(self.status, listener)
        self._wake = trio.Event()
        self._recorder: Recorder | None = None
        self._held = False
        self._refused = ""  # the digest of the plan people were told of
        self._decisions = Decisions()
        self._barriers = Barriers()
        self._hurried = False
        self._follower: Follower | None = None
        self._audit_interval = audit_interval
        self._auditor = Auditor(
            self._place,
            state.journal(source),
            open=partial(self._open, create=False, dry=True),
            owed=lambda: () if self._follower is None else self._follower.owed,
            barrier=lambda: self._answer_wait({}),
            heard=self._watching.look,
            said=said,
            repair=self._repair,
        )
        self.news = trio.Event()
        self.busy = True

    def stop(self) -> None:
        """End what is being done at the next batch or piece of content; call before cancelling."""
        self._watching.stopping = True

    async def __call__(self) -> None:
        """Until cancelled or stopped. Raises MirrorError for what no waiting can mend; at the start
        that is everything."""
        for name, tree in (("source", self._source), ("destination", self._destination)):
            refuse_state(self._state.home, name, tree, self._filter)
        make(self._place)
        token = trio.lowlevel.current_trio_token()

        def appended(_: object) -> None:
            token.run_sync_soon(self._wake_up)

        try:
            with ExitStack() as opened:
                once = CheckpointFile(self._place).load() is not None
                mirror = opened.enter_context(await self._open_when_free(first=not once))
                with Recorder(
                    self._source,
                    state=self._state,
                    appended=appended,
                    filter=self._filter,
                    one_file_system=self._options.one_file_system,
                    noticing=self._noticing,
                    keeper=FdStore.find(os.path.basename(self._state.source(self._source))),
                ) as self._recorder:
                    await self._answering(lambda: self._begin(mirror, opened))
        except Stopped:
            return
        finally:
            notify("STOPPING=1")
            self.stop()
            self.status.phase = Phase.STOPPED
            self._show()

    async def _answering(self, main: Callable[[], Awaitable[None]]) -> None:
        """Whoever records the source alone follows it, and so alone answers for this mirror."""
        answers: dict[str, Answer] = {
            "status": self._answer_status,
            "sync-now": self._answer_sync_now,
            "wait": self._answer_wait,
            "audit": self._answer_audit,
            "approve": lambda asked: self._answer_decision(asked, approves=True),
            "discard": lambda asked: self._answer_decision(asked, approves=False),
        }
        serve = partial(serve_if_possible, self._place, answers, self._said)
        await beside(main, serve, partial(self._auditor.keep, self._audit_interval))

    async def _answer_status(self, _: Question) -> dict[str, Any]:
        self._look()
        return asdict(self.status)

    async def _answer_sync_now(self, _: Question) -> dict[str, Any]:
        self._hurry()
        return {}

    async def _answer_decision(self, question: Question, *, approves: bool) -> dict[str, Any]:
        if self.status.phase is Phase.WAITING:
            raise TemporaryError(f"it waits: {self.status.why}", remedy=self.status.remedy)
        plan = question.get("plan")
        return await self._decisions.decide(plan, approves=approves, laid=self._wake_up)

    async def _answer_wait(self, question: Question) -> dict[str, Any]:
        assert self._recorder is not None
        return await self._barriers.ask(
            question,
            self._recorder,
            laid=self._hurry,
            why=lambda: self.status.why or f"it is still {self.status.phase}",
            fingerprint=f"{self._options.fingerprint()}-{self._filter.fingerprint()}",
        )

    async def _answer_audit(self, _: Question) -> dict[str, Any]:
        return asdict(await self._auditor.audit())

    def _repair(self, paths: Collection[str]) -> None:
        """What the audit found goes the way of what is owed."""
        if self._follower is not None:
            self._follower.owe(paths, "found by the audit")
        if self._recorder is not None and len(paths) >= DISTRUSTED:
            for path in paths:
                self._recorder.watcher.distrust(path, "an audit found what no event had told of")
        self._hurry()

    async def _begin(self, mirror: Mirror, opened: ExitStack) -> None:
        assert self._recorder is not None
        await trio.to_thread.run_sync(self._recorder.watcher.ready.wait, abandon_on_cancel=True)
        notify("READY=1")
        if self._recorder.watcher.continued:
            self._said("watching goes on where the process before ended")
        self._say_what_is_unwatched()
        await self._follow(mirror, opened)

    def _say_what_is_unwatched(self) -> None:
        """Changes there arrive late; that must not be a surprise."""
        assert self._recorder is not None
        self._look()
        for line in unseen(self.status.coverage):
            self._said(line)

    async def _open_when_free(self, *, first: bool) -> Mirror:
        """Waits for another process to release the destination (--wait). Raises Locked."""
        until = trio.current_time() + self._wait
        while True:
            try:
                return self._open(create=first, adopt=self._adopt)
            except Locked:
                if trio.current_time() >= until:
                    raise
            await trio.sleep(LOOK_SECONDS)

    def _open(self, *, create: bool, adopt: bool = False, dry: bool = False) -> Mirror:
        mirror = Mirror(
            self._source,
            self._destination,
            options=self._options,
            filter=self._filter,
            settings=self._settings,
            listener=self._watching,
            state=self._state,
            create=create,
            adopt=adopt,
            dry=dry,
            fsync=self._fsync,
            recipe=self._recipe,
        )
        mirror.destination.meter = Flow(self._watching.go_on, pace=self._pace)
        return mirror

    async def _follow(self, mirror: Mirror, opened: ExitStack) -> None:
        """Cycle after cycle. Trouble with a root is waited out with a growing pause: then both are
        let go of, so that a drive can be unmounted, and must be what they were when they are
        back."""
        known = (mirror.source.identity(), mirror.destination.identity())
        if mirror.checkpoint is not None and not self._adopt:
            known = (mirror.checkpoint.source, mirror.checkpoint.destination)
        held: Mirror | None = mirror
        wait = FIRST_WAIT
        while True:
            try:
                if held is None:
                    held = opened.enter_context(self._open(create=False))
                refuse_strangers(held, *known)
                follower = self._follower = Follower(held)
                self._phase(Phase.COMPARING)
                self._tell(await trio.to_thread.run_sync(follower.start))
                wait = FIRST_WAIT
                await self._cycles(follower)
            except MirrorError as error:
                self._wait_for(error)
            except (OSError, JournalError) as error:
                # Out of memory, of descriptors, of luck: nothing is lost, and it may pass.
                self._wait_for(TemporaryError(f"it cannot go on: {error}"))
            opened.close()
            held = None
            await self._pause(wait)
            wait = min(LONGEST_WAIT, wait * 2)

    def _wait_for(self, error: MirrorError) -> None:
        if self.status.why != str(error):
            self._said(f"waiting: {error}" + (f" ({error.remedy})" if error.remedy else ""))
        self._phase(Phase.WAITING, str(error), error.remedy)
        self._decisions.refuse(error)

    async def _pause(self, seconds: float) -> None:
        """Between two attempts at a root; changes do not end it, being asked to hurry does."""
        until = trio.current_time() + seconds
        while not self._hurried and trio.current_time() < until:
            self._wake = trio.Event()
            with trio.move_on_at(until):
                await self._wake.wait()
        self._hurried = False

    async def _cycles(self, follower: Follower) -> NoReturn:
        """Until a root fails."""
        retained = trio.current_time()
        while True:
            self._wake = trio.Event()
            if self._hurried:
                self._hurried = False
                follower.hurry()
            await self._decide(follower)
            turns = []
            for work in (follower.cycle, follower.retry):
                if (turn := await trio.to_thread.run_sync(work)) is None:
                    continue
                turns.append(turn)
                self._tell(turn)
                if self._held:
                    break  # else what is owed would be looked at over and over
            self._rest(follower)
            await self._pass_barriers(follower)
            if follower.must_vouch:
                await trio.to_thread.run_sync(follower.vouch)
            if turns and not self._held and not follower.waits:
                continue
            self._announce(busy=False)
            with trio.move_on_after(follower.pause()) as quiet:
                await self._wake.wait()
            self._announce(busy=True)
            if quiet.cancelled_caught:
                await trio.to_thread.run_sync(follower.vouch)
                if trio.current_time() - retained > RETAIN_SECONDS and self._recorder:
                    await trio.to_thread.run_sync(self._recorder.retain)
                    retained = trio.current_time()

    async def _decide(self, follower: Follower) -> None:
        """Carry out what was decided about a held plan."""
        for decision in self._decisions.take():
            with decision.answering():
                if not decision.approves:
                    await trio.to_thread.run_sync(follower.discard, decision.plan)
                    decision.answer({})
                    continue
                turn = await trio.to_thread.run_sync(follower.approve, decision.plan)
                self._tell(turn)
                decision.answer(outcome(turn[1], self.status.remedy))

    async def _pass_barriers(self, follower: Follower) -> None:
        """Tell those who wait for what was just done, once every owed path was tried for them."""
        if follower.seen is None or not self._barriers.reached(follower.seen):
            return
        if not self._held:
            if follower.is_due or self._hurried:
                return
            await trio.to_thread.run_sync(follower.vouch)
        why = self.status.why if self._held else ""
        if follower.owed and not self._held:
            why = f"{len(follower.owed)} paths are owed"
        answer = {"complete": not why, "why": why, "held": self._held, "owed": self.status.owed}
        self._barriers.answer(follower.seen, answer)

    def _hurry(self) -> None:
        """Look at once at everything that waits."""
        self._hurried = True
        self._wake_up()

    def _wake_up(self) -> None:
        self._wake.set()

    def _phase(self, phase: Phase, why: str = "", remedy: str = "") -> None:
        if (phase, why) != (self.status.phase, self.status.why):
            notify(f"STATUS={phase}" + f": {why}" * bool(why))
        self.status.phase, self.status.why, self.status.remedy = phase, why, remedy
        self._show()

    def _tell(self, done: tuple[Reading, Report]) -> None:
        reading, report = done
        if report.waits:
            return
        refusal = report.refusal
        if refusal is not None:
            todo = remedy(refusal, self._destination, self._state.home)
            if self._refused != refusal.digest:
                self._said(f"held: {refusal.message} ({todo})")
            self._refused = refusal.digest
            self._phase(Phase.HELD, refusal.message, todo)
        elif not reading.replays:
            self.status.entries = report.entries
            self._said(reading.why)
        self._held = refusal is not None

    def _rest(self, follower: Follower) -> None:
        """Say how things are when a cycle is over."""
        status = self.status
        status.owed_count = len(follower.owed)
        status.owed = {path: owed.reason for path, owed in list(follower.owed.items())[:SHOWN_OWED]}
        if not self._held:
            self._refused = ""
            quiet = Phase.OWING if follower.owed else Phase.IN_SYNC
            self._phase(Phase.MIRRORING if follower.waits else quiet)

    def _look(self) -> None:
        if self._recorder is not None:
            self.status.hear(self._recorder.watcher.status())

    def _show(self) -> None:
        self._look()
        self.status.store(self._place)
        self._announce(busy=self.busy)

    def _announce(self, *, busy: bool) -> None:
        self.busy = busy
        self.news.set()
        self.news = trio.Event()
