"""A run, from the first lock to the end; trouble with a root is waited out.

RACE: the watch is open before the first comparison begins, so that what changes meanwhile is
replayed after it.
"""

import os
from collections.abc import Awaitable, Callable, Collection
from contextlib import ExitStack
from functools import partial

import trio

from journal import JournalError
from mirrorfs.checkpoint import CheckpointFile
from mirrorfs.core.filter import Filter
from mirrorfs.core.options import Options
from mirrorfs.errors import MirrorError, TemporaryError
from mirrorfs.follow import Follower, refuse_strangers
from mirrorfs.hold import Recipe
from mirrorfs.mirror import Mirror
from mirrorfs.noticing import BY_ITSELF, Noticing
from mirrorfs.pace import Pace
from mirrorfs.preflight import refuse_state
from mirrorfs.record import Recorder
from mirrorfs.run.answers import Answers
from mirrorfs.run.bell import Bell
from mirrorfs.run.condition import Condition
from mirrorfs.run.cycles import Cycles
from mirrorfs.run.opening import Opening
from mirrorfs.service.audit import Auditor
from mirrorfs.service.barrier import Barriers
from mirrorfs.service.beside import beside
from mirrorfs.service.control import serve_if_possible
from mirrorfs.service.decisions import Decisions
from mirrorfs.service.fdstore import FdStore
from mirrorfs.service.notify import notify
from mirrorfs.settings import Settings
from mirrorfs.state import State, make
from mirrorfs.status import Phase, Status
from mirrorfs.stoppable import Stopped, Watching
from mirrorfs.sync import Listener

FIRST_WAIT = 1.0
LONGEST_WAIT = 10.0
DISTRUSTED = 10  # changes that no event told of: from then on their mounts are polled


class Run:
    """A mirror kept up to date: an async callable. ``said`` hears what people should know, a line
    at a time; ``condition`` is how it is. ``wait``: so many seconds for another process to release
    the destination; ``audit_interval``: so many between audits, 0 for none."""

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
        self._source, self._destination, self._state = source, destination, state
        self._options, self._filter = options, filter
        self._noticing = noticing
        self._adopt, self._wait, self._audit_interval = adopt, wait, audit_interval
        self._place = state.mirror(source, destination)
        status = Status(os.path.abspath(source), os.path.abspath(destination))
        self._watching = Watching(status, listener)
        self._opening = Opening(
            source,
            destination,
            options,
            filter,
            settings,
            state,
            fsync,
            pace,
            recipe,
            self._watching,
        )
        self.condition = Condition(status, place=self._place, home=state.home, said=said)
        self._bell = Bell()
        self._barriers, self._decisions = Barriers(), Decisions()
        self._follower: Follower | None = None

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
            token.run_sync_soon(self._bell.ring)

        try:
            with ExitStack() as opened:
                once = CheckpointFile(self._place).load() is not None
                mirror = await self._opening.when_free(
                    self._wait, create=not once, adopt=self._adopt
                )
                opened.enter_context(mirror)
                with Recorder(
                    self._source,
                    state=self._state,
                    appended=appended,
                    filter=self._filter,
                    one_file_system=self._options.one_file_system,
                    noticing=self._noticing,
                    keeper=FdStore.find(os.path.basename(self._state.source(self._source))),
                ) as recorder:
                    self.condition.recorder = recorder
                    await self._answering(recorder, partial(self._begin, recorder, mirror, opened))
        except Stopped:
            return
        finally:
            notify("STOPPING=1")
            self.stop()
            self.condition.status.phase = Phase.STOPPED
            self.condition.show()

    async def _answering(self, recorder: Recorder, main: Callable[[], Awaitable[None]]) -> None:
        """Whoever records the source alone follows it, and so alone answers for this mirror."""
        auditor = Auditor(
            self._place,
            self._state.journal(self._source),
            open=partial(self._opening.now, dry=True),
            owed=lambda: () if self._follower is None else self._follower.owed,
            barrier=lambda: answers.wait({}),
            heard=self._watching.look,
            said=self.condition.said,
            repair=partial(self._repair, recorder),
        )
        answers = Answers(
            self.condition,
            self._bell,
            recorder=recorder,
            barriers=self._barriers,
            decisions=self._decisions,
            audit=auditor.audit,
            fingerprint=self._opening.fingerprint,
        )
        said = self.condition.said
        serve = partial(serve_if_possible, self._place, answers.table(), said)
        await beside(main, serve, partial(auditor.keep, self._audit_interval))

    def _repair(self, recorder: Recorder, paths: Collection[str]) -> None:
        """What the audit found goes the way of what is owed."""
        if self._follower is not None:
            self._follower.owe(paths, "found by the audit")
        if len(paths) >= DISTRUSTED:
            for path in paths:
                recorder.watcher.distrust(path, "an audit found what no event had told of")
        self._bell.hurry()

    async def _begin(self, recorder: Recorder, mirror: Mirror, opened: ExitStack) -> None:
        await trio.to_thread.run_sync(recorder.watcher.ready.wait, abandon_on_cancel=True)
        notify("READY=1")
        if recorder.watcher.continued:
            self.condition.said("watching goes on where the process before ended")
        self.condition.say_what_is_unwatched()
        await self._follow(recorder, mirror, opened)

    async def _follow(self, recorder: Recorder, mirror: Mirror, opened: ExitStack) -> None:
        """Cycle after cycle. Trouble with a root is waited out with a growing pause: then both are
        let go of, so that a drive can be unmounted, and must be what they were when they are
        back."""
        cycles = Cycles(
            self.condition,
            self._bell,
            recorder=recorder,
            barriers=self._barriers,
            decisions=self._decisions,
        )
        known = (mirror.source.identity(), mirror.destination.identity())
        if mirror.checkpoint is not None and not self._adopt:
            known = (mirror.checkpoint.source, mirror.checkpoint.destination)
        held: Mirror | None = mirror
        wait = FIRST_WAIT
        while True:
            try:
                if held is None:
                    held = opened.enter_context(self._opening.now())
                refuse_strangers(held, *known)
                follower = self._follower = Follower(held)
                self.condition.phase(Phase.COMPARING)
                self.condition.turned(await trio.to_thread.run_sync(follower.start))
                wait = FIRST_WAIT
                await cycles(follower)
            except MirrorError as error:
                self._waits(error)
            except (OSError, JournalError) as error:
                # Out of memory, of descriptors, of luck: nothing is lost, and it may pass.
                self._waits(TemporaryError(f"it cannot go on: {error}"))
            opened.close()
            held = None
            await self._bell.pause(wait)
            wait = min(LONGEST_WAIT, wait * 2)

    def _waits(self, error: MirrorError) -> None:
        self.condition.waits(error)
        self._decisions.refuse(error)
