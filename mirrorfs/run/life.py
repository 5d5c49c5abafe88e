"""One destination's life in a run: opened, followed, let go of, and opened again.

Law: whatever goes wrong with a root is waited out here and disturbs no other target. Between two
openings nothing of the destination is held, so that a drive can be unmounted.
"""

import logging
import math
from collections.abc import Collection
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import trio

from journal import JournalError
from mirrorfs.drives import absolute, refuse_bare
from mirrorfs.errors import DirectoryMissing, DriveAway, Locked, MirrorError, TemporaryError
from mirrorfs.history import History
from mirrorfs.history.record import STARTED, STOPPED
from mirrorfs.mirror.checkpoint import CheckpointFile
from mirrorfs.mirror.follow import Follower, refuse_strangers
from mirrorfs.mirror.preflight import LOOK_SECONDS
from mirrorfs.run.answers import Answers
from mirrorfs.run.behind import Noted
from mirrorfs.run.bell import Bell
from mirrorfs.run.condition import Condition
from mirrorfs.run.cycles import Cycles
from mirrorfs.run.figures import Figures
from mirrorfs.run.news import News
from mirrorfs.run.opening import Opening
from mirrorfs.run.pausing import Pausing
from mirrorfs.run.pulse import Pulse
from mirrorfs.run.recording import Recording
from mirrorfs.run.stoppable import Stopped, Watching
from mirrorfs.run.target import Target
from mirrorfs.run.thread import Thread
from mirrorfs.service.audit import Auditor
from mirrorfs.service.barrier import Barriers
from mirrorfs.service.beside import beside
from mirrorfs.service.control import serve_if_possible
from mirrorfs.service.decisions import Decisions
from mirrorfs.state import State, make
from mirrorfs.status.status import Phase, Status, load

if TYPE_CHECKING:
    from mirrorfs.core.tree import Identity
    from mirrorfs.mirror.mirror import Mirror

FIRST_WAIT = 1.0
LONGEST_WAIT = 10.0
AUTOMOUNT_WAIT = 300.0  # every try asks the system to mount what may not be plugged in
DISTRUSTED = 10  # changes that no event told of: from then on their mounts are polled

_log = logging.getLogger(__name__)


class Life:
    """``condition`` is how it is. ``others``: targets whose destinations it must not touch.
    ``alone``: it is the only one, and an error of ours ends the process."""

    def __init__(
        self,
        source: str,
        target: Target,
        others: tuple[Target, ...],
        *,
        state: State,
        news: News,
        pulse: Pulse,
        noted: Noted,
        alone: bool,
    ) -> None:
        self.target = target
        self._alone = alone
        self._place = state.mirror(source, target.destination)
        self._journal = state.journal(source)
        status = Status(absolute(source), absolute(target.destination))
        status.drives = (load(self._place) or {}).get("drives", {})
        self._stage = pulse.stage(target.destination)
        figures = Figures(status)
        self._history = History(self._place, target.history_size)
        listeners = (self._history, target.listener)
        self._watching = Watching(figures, listeners, self._stage.beat)
        self._opening = Opening(source, target, state, self._watching, others)
        self.condition = Condition(
            status,
            news,
            place=self._place,
            home=state.home,
            said=target.said,
            figures=figures,
            noted=noted,
            history=self._history,
        )
        self.thread = Thread(self._stage)
        self._bell = Bell()
        self._barriers, self._decisions = Barriers(), Decisions()
        self._follower: Follower | None = None
        self._mirror: Mirror | None = None
        self._known: tuple[Identity, Identity] | None = None  # the two roots, once opened
        self._pausing = Pausing(self._place, status.destination, state.home)
        self._ending = False

    def ring(self) -> None:
        """Something changed."""
        self._bell.ring()

    def hurry(self) -> None:
        """Everything that waits, or is owed, is to be looked at at once, unless it is paused."""
        if self._pausing.wanted is None:
            self._bell.hurry()

    def shake(self) -> None:
        """Something was mounted, or unmounted, where a root is."""
        self._watching.shaken = True
        self._bell.shake()

    def stop(self) -> None:
        """End what is being done at the next batch or piece of content; call before cancelling."""
        self._ending = self._watching.stopping = True

    async def begin(self) -> None:
        """Open both roots, for the first time; not while it is paused. Raises MirrorError."""
        until = trio.current_time() + self.target.wait
        if self._pausing.wanted is not None:
            self._opening.check()
        while self._mirror is None and self._pausing.wanted is None:
            try:
                await self._open()
            except Locked:
                if trio.current_time() >= until:
                    raise
                await trio.sleep(LOOK_SECONDS)

    async def __call__(
        self, recording: Recording, ready: trio.Event, trouble: Exception | None
    ) -> None:
        """Until cancelled or stopped, from when ``ready`` is set. ``trouble``: why it could not
        begin; it is tried again."""
        self.condition.recording = recording
        self._history.event(STARTED)
        auditor = Auditor(
            self._place,
            self._journal,
            open=partial(self._opening.now, dry=True),
            owed=lambda: () if self._follower is None else self._follower.owed,
            barrier=lambda: answers.wait({}),
            heard=self._watching.check,
            said=self.condition.said,
            repair=partial(self._repair, recording),
        )
        answers = Answers(
            self.condition,
            self._bell,
            recording=recording,
            barriers=self._barriers,
            decisions=self._decisions,
            audit=auditor.audit,
            fingerprint=self.target.fingerprint,
            pausing=self._pausing,
            paused=self._paused,
        )
        # Whoever records the source alone follows it, and so alone answers for this mirror.
        serve = partial(serve_if_possible, self._place, answers.table(), self.condition.said)
        audits = partial(auditor.keep, self.target.audit_interval)
        try:
            await beside(partial(self._follow, ready, trouble), serve, audits)
        except Stopped:
            return
        finally:
            await self.end()

    async def end(self) -> None:
        """Let go of both roots, and say that it is over."""
        self.stop()
        with trio.CancelScope(shield=True, deadline=-math.inf):  # the thread's own grace is left
            await self._close()
        began = self.condition.recording is not None
        if began and self.condition.status.phase is not Phase.STOPPED:
            self._history.event(STOPPED)
        self.condition.status.phase = Phase.STOPPED
        self.condition.show()
        self._history.close()

    def _repair(self, recording: Recording, paths: Collection[str]) -> None:
        """What the audit found goes the way of what is owed."""
        if self._follower is not None:
            self._follower.owe(paths, "found by the audit")
        if len(paths) >= DISTRUSTED:
            for path in paths:
                recording.distrust(path, "an audit found what no event had told of")
        self._bell.hurry()

    async def _follow(self, ready: trio.Event, trouble: Exception | None) -> None:
        """Cycle after cycle. Trouble with a root is waited out with a growing pause: then both are
        let go of, so that a drive can be unmounted, and must be what they were when they are
        back."""
        cycles = Cycles(
            self.condition,
            self._bell,
            thread=self.thread,
            barriers=self._barriers,
            decisions=self._decisions,
            check=self._watching.check,
            look=self._look,
        )
        if trouble is not None:
            self._waits(trouble)
        await ready.wait()
        wait = FIRST_WAIT
        while True:
            try:
                if self._pausing.wanted is not None:
                    raise Stopped
                self._watching.shaken = False
                await self._open()
                assert self._mirror is not None
                assert self._known is not None
                refuse_strangers(self._mirror, *self._known)
                follower = self._follower = self.condition.follower = Follower(self._mirror)
                self.condition.phase(Phase.COMPARING)
                self.condition.began(await self.thread(follower.start))
                wait = FIRST_WAIT
                await cycles(follower)
            except Stopped:
                if self._ending:
                    raise
                await self._rest()
                continue
            except Exception as error:
                self._waits(error)
            await self._close()
            longest = AUTOMOUNT_WAIT if await self.thread(self._opening.is_asleep) else LONGEST_WAIT
            await self._bell.pause(wait)
            wait = min(longest, wait * 2)

    def _look(self, follower: Follower) -> None:
        self._watching.shaken = False
        follower.look()

    def _paused(self) -> None:
        """Somebody asked for a pause: end what is being done, or waited for."""
        self._watching.stopping = True
        self._bell.hurry()

    async def _rest(self) -> None:
        """Paused: what was brought there is made durable, and all is let go of."""
        pause = self._pausing.wanted
        if pause is not None:
            why, remedy = pause.said(), self._pausing.remedy
            self._barriers.refuse(why, remedy)
            self._decisions.refuse(TemporaryError(f"it is {why}", remedy=remedy))
            self.condition.phase(Phase.PAUSED, pause.span(), remedy)
        if self._mirror is not None and self._follower is not None:
            with suppress(MirrorError, OSError, JournalError):  # then it is done again
                await self.thread(self._follower.vouch)
        await self._close()
        self.condition.announce(busy=False)
        await self._pausing.wait()
        self._watching.stopping = self._ending
        self.condition.announce(busy=True)

    async def _open(self) -> None:
        if self._mirror is None:
            await self.thread(self._open_now)

    def _open_now(self) -> None:
        """In a thread: a drive may hang. What is made, and taken for granted, is so only once."""
        self._opening.check()
        make(self._place)
        first = self._known is None
        adopt = first and self.target.adopt
        once = CheckpointFile(self._place).load() is not None
        if first and not once and not adopt:
            refuse_bare(self.target.destination)
        try:
            mirror = self._mirror = self._opening.now(create=first and not once, adopt=adopt)
        except DirectoryMissing as error:
            if once:  # it was mirrored before: its drive is not mounted
                raise DriveAway(str(error), remedy=error.remedy) from error
            raise
        self.condition.status.drives |= self._opening.drives()
        if first:
            self._known = (mirror.source.identity(), mirror.destination.identity())
            if mirror.checkpoint is not None and not adopt:
                self._known = (mirror.checkpoint.source, mirror.checkpoint.destination)

    async def _close(self) -> None:
        mirror, self._mirror = self._mirror, None
        if mirror is not None and not self.thread.abandoned:
            await self.thread(partial(mirror.__exit__, None, None, None))

    def _waits(self, trouble: Exception) -> None:
        """Raises it where nobody else would be disturbed, and it is an error of ours."""
        if isinstance(trouble, MirrorError):
            error = trouble
        elif isinstance(trouble, (OSError, JournalError)):
            # Out of memory, of descriptors, of luck: nothing is lost, and it may pass.
            error = TemporaryError(f"it cannot go on: {trouble}")
        elif self._alone:
            raise trouble
        else:
            _log.error("%s: it begins anew", self.target.destination, exc_info=trouble)
            error = TemporaryError(f"internal error: {trouble!r}")
        self.condition.waits(error)
        self._decisions.refuse(error)
