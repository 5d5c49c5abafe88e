"""How a run is, and who is told when that changes: people, the status file, the service manager.

Law: nothing is decided in here. What is held is said once for each plan, however often it is
weighed again.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from mirrorfs.core.report import Report
from mirrorfs.coverage import unseen
from mirrorfs.errors import MirrorError
from mirrorfs.follow import Follower
from mirrorfs.hold import remedy
from mirrorfs.reading import Reading
from mirrorfs.service.notify import notify
from mirrorfs.status import SHOWN_OWED, Phase, Status

if TYPE_CHECKING:
    from mirrorfs.record import Recorder


class Condition:
    """``status`` is always the latest, ``news`` the event that it has changed (a new event each
    time) and ``busy`` whether it changes without one. ``held``: a plan is, and nothing else is
    done. ``recorder`` is asked what is watched, once there is one. ``place``: the state directory
    of this mirror, ``home``: that of all; ``said`` hears what people should know, a line at a
    time."""

    def __init__(
        self, status: Status, *, place: str, home: str, said: Callable[[str], None]
    ) -> None:
        self.status = status
        self.said = said
        self.news = trio.Event()
        self.busy = True
        self.held = False
        self.recorder: Recorder | None = None
        self._place, self._home = place, home
        self._refused = ""  # the digest of the plan people were told of

    def look(self) -> None:
        """Take over what the watcher says of itself."""
        if self.recorder is not None:
            self.status.hear(self.recorder.watcher.status())

    def say_what_is_unwatched(self) -> None:
        """Changes there arrive late; that must not be a surprise."""
        self.look()
        for line in unseen(self.status.coverage):
            self.said(line)

    def phase(self, phase: Phase, why: str = "", remedy: str = "") -> None:
        if (phase, why) != (self.status.phase, self.status.why):
            notify(f"STATUS={phase}" + f": {why}" * bool(why))
        self.status.phase, self.status.why, self.status.remedy = phase, why, remedy
        self.show()

    def waits(self, error: MirrorError) -> None:
        """A root is in trouble."""
        if self.status.why != str(error):
            self.said(f"waiting: {error}" + (f" ({error.remedy})" if error.remedy else ""))
        self.phase(Phase.WAITING, str(error), error.remedy)

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
            self._refused = refusal.digest
            self.phase(Phase.HELD, refusal.message, todo)
        elif not reading.replays:
            self.status.entries = report.entries
            self.said(reading.why)
        self.held = refusal is not None

    def rests(self, follower: Follower) -> None:
        """A cycle is over."""
        status = self.status
        status.owed_count = len(follower.owed)
        status.owed = {path: owed.reason for path, owed in list(follower.owed.items())[:SHOWN_OWED]}
        if not self.held:
            self._refused = ""
            quiet = Phase.OWING if follower.owed else Phase.IN_SYNC
            self.phase(Phase.MIRRORING if follower.waits else quiet)

    def show(self) -> None:
        """Store the status, and wake who waits for news of it."""
        self.look()
        self.status.store(self._place)
        self.announce(busy=self.busy)

    def announce(self, *, busy: bool) -> None:
        self.busy = busy
        self.news.set()
        self.news = trio.Event()
