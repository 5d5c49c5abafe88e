"""How a mirror is, and who is told when that changes: people, the status file, the service manager.

Law: nothing is decided in here. What is held is said once for each plan, however often it is
weighed again.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from mirrorfs.core.report import Report
from mirrorfs.errors import MirrorError
from mirrorfs.history import History
from mirrorfs.history.record import WAITING
from mirrorfs.hold import remedy
from mirrorfs.mirror.follow import Follower
from mirrorfs.mirror.reading import Reading
from mirrorfs.run.behind import Noted
from mirrorfs.run.figures import Figures
from mirrorfs.run.news import News
from mirrorfs.status.coverage import unseen
from mirrorfs.status.status import SHOWN_OWED, Phase, Status, load

if TYPE_CHECKING:
    from mirrorfs.run.recording import Recording


RESTING = (Phase.IN_SYNC, Phase.OWING)


class Condition:
    """``status`` is always the latest; ``news`` hears when it has changed. ``held``: a plan is, and
    nothing else is done. ``recording`` is asked what is watched, once there is one, and
    ``follower`` how far it is. ``place``: the state directory of this mirror, ``home``: that of
    all; ``said`` hears what people should know, a line at a time."""

    def __init__(
        self,
        status: Status,
        news: News,
        *,
        place: str,
        home: str,
        said: Callable[[str], None],
        figures: Figures,
        noted: Noted,
        history: History,
    ) -> None:
        self.status = status
        self.said = said
        self.held = False
        self.follower: Follower | None = None
        self._figures, self._noted, self._history = figures, noted, history
        self._rested = False  # since the start
        if (before := load(place)) is not None:
            status.synced_ns = before["synced_ns"]
        self._news = news
        news.about(status)
        self.recording: Recording | None = None
        self._place, self._home = place, home
        self._refused = ""  # the digest of the plan people were told of

    def look(self) -> None:
        """Take over what the watcher says of itself, and what changes with time alone."""
        watch = None if self.recording is None else self.recording.status()
        if watch is not None:
            self.status.hear(watch)
        self._figures.show()
        status, now = self.status, time.time_ns()
        if status.planned and status.phase in RESTING:
            status.phase, status.phase_ns = Phase.MIRRORING, now
        applied = None if self.follower is None else self.follower.applied
        status.unread = 0 if applied is None else self._noted.unread(applied)
        if applied is None or not self._rested:
            status.behind_ns = status.synced_ns or status.started_ns
            return
        status.behind_ns = self._noted.oldest(applied)
        if status.phase in (Phase.WAITING, Phase.HELD):
            status.behind_ns = min(status.behind_ns or now, status.phase_ns)
        elif status.phase is Phase.IN_SYNC and not status.behind_ns:
            status.synced_ns = now

    def unwatched(self) -> list[str]:
        """A line for each part where changes arrive late; that must not be a surprise."""
        self.look()
        return unseen(self.status.coverage)

    def phase(self, phase: Phase, why: str = "", remedy: str = "") -> None:
        status = self.status
        new = (phase, why) != (status.phase, status.why)
        if phase is not status.phase:
            status.phase_ns = time.time_ns()
        status.phase, status.why, status.remedy = phase, why, remedy
        if new:
            self._news.tell()
        self.show()

    def waits(self, error: MirrorError) -> None:
        """A root is in trouble."""
        self._figures.rests()
        if self.status.why != str(error):
            self.said(f"waiting: {error}" + (f" ({error.remedy})" if error.remedy else ""))
            self._history.event(WAITING, str(error))
        self.phase(Phase.WAITING, str(error), error.remedy)

    def began(self, done: tuple[Reading, Report]) -> None:
        """What the first cycle after an opening came to."""
        if done[0].replays:
            self.said(done[0].why)
        self.turned(done)

    def turned(self, done: tuple[Reading, Report]) -> None:
        """What a cycle came to."""
        reading, report = done
        if report.waits:
            return
        refusal = report.refusal
        if refusal is not None:
            todo = remedy(refusal, self.status.destination, self._home)
            if self._refused != refusal.digest:
                self.said(f"held: {refusal.message} ({todo})")
                self._history.held(refusal)
            self._refused = refusal.digest
            self.phase(Phase.HELD, refusal.message, todo)
        elif not reading.replays:
            self.status.entries = report.entries
            self.said(reading.why)
        self.held = refusal is not None

    def works(self) -> None:
        """A cycle takes a while: until it is over nothing is known of what it does."""
        if self.status.phase in RESTING:
            self.phase(Phase.MIRRORING)

    def rests(self, follower: Follower) -> None:
        """A cycle is over."""
        status = self.status
        self.follower, self._rested = follower, True
        self._figures.rests()
        status.owed_count = len(follower.owed)
        status.owed = {path: owed.reason for path, owed in list(follower.owed.items())[:SHOWN_OWED]}
        if not self.held:
            self._refused = ""
            quiet = Phase.OWING if follower.owed else Phase.IN_SYNC
            self.phase(quiet if follower.is_settled else Phase.MIRRORING)

    def show(self) -> None:
        """Store the status, and wake who waits for news of it."""
        self.look()
        self.status.store(self._place)
        self._news.announce(self.status)

    def announce(self, *, busy: bool) -> None:
        """Whether it goes on changing without being asked."""
        self._news.announce(self.status, busy=busy)
