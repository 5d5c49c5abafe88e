"""Follow a source: apply what its journal says, again and again, and remember how far that got.

Law: nothing in here knows how changes are noticed or who is told. One call is one cycle; between
two cycles everything that must survive is in the checkpoint or will be read again.

Paths that failed are owed: looked at again in cycles of their own, with a growing pause, so that
one file that can never be read does not keep the removals of everybody else waiting. What may pass
by itself (a full disk, a busy file) is asked for more often than what somebody must mend, and no
more than a small part of the time goes into asking.

What vanished from the source while it was looked at is nobody's fault, and not owed. But it may
have been renamed, and a rename is carried out without a look at all that it moves. So it is
remembered until the record of that has come, or another look, a moment later, finds both sides
without it.
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

from mirrorfs.core.approval import Touch
from mirrorfs.core.record import mutable, replace
from mirrorfs.core.report import Report
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Failure, Identity, Trouble
from mirrorfs.core.walk import VANISHED
from mirrorfs.errors import UsageError
from mirrorfs.mirror.mirror import Mirror
from mirrorfs.mirror.reading import Reading
from mirrorfs.sync.sync import Waits
from mirrorfs.trees.local.identity import refuse_stranger

if TYPE_CHECKING:
    from journal import Position

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 300.0
PASSING_PAUSE = 30.0  # the longest for what may pass by itself
PATIENCE = 10  # as many times as long as it took to look again nobody looks again
PASSING = frozenset(
    {
        Trouble.ABSENT,
        Trouble.FULL,
        Trouble.BUSY,
        Trouble.UNSTABLE,
        Trouble.DRIFT,
        Trouble.STALE,
        Trouble.LOOP,
    }
)
QUIET_SECONDS = 1.0
VOUCH_SECONDS = 10.0
BURST_SECONDS = 60.0
SILENT_SECONDS = 1.0
LONGEST_SILENCE = 30.0
# The record of a rename comes within milliseconds; to look before it has come costs the rename.
VANISHED_SECONDS = 0.5


@mutable
class Owed:
    """A path to look at again: why, how often it was tried, when it is due (monotonic seconds).
    ``withheld``: nothing was wrong with it, an error elsewhere kept us from removing it."""

    reason: str
    withheld: bool
    attempts: int
    due: float


class Vanished(NamedTuple):
    """A path that was gone when it was to be looked at: when it is due (monotonic seconds), and up
    to where everything was weighed before."""

    due: float
    before: "Position | None"


class Follower:
    """Cycles over one mirror whose source is being recorded.

    ``position`` of the follower is ahead of the checkpoint: what was applied is made durable and
    vouched for when it is quiet, or after ten seconds at the latest.
    """

    def __init__(self, mirror: Mirror, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._mirror = mirror
        self._clock = clock
        self._cursor = None if mirror.checkpoint is None else mirror.checkpoint.cursor
        self._unvouched: tuple[Reading, Report, float] | None = None
        self._held: Reading | None = None  # what was refused, and nothing else since
        self._held_retry = False
        self._removals = Removals(clock)
        self._sizes: deque[tuple[float, int]] = deque()  # (when, entries), once a second
        self.owed: dict[str, Owed] = {}
        self._vanished: dict[str, Vanished] = {}
        self._seen: Position | None = None

    def start(self) -> tuple[Reading, Report]:
        """The first cycle: whatever must be looked at after the time nobody watched."""
        reading = self._mirror.reading()
        report = self._apply(reading)
        self._seen = reading.cursor
        self.vouch()
        return reading, report

    def cycle(self) -> tuple[Reading, Report] | None:
        """Apply what the journal holds now; ``None`` when that is nothing."""
        reading = self._since()
        if reading.scope.is_empty:
            self._cursor = self._seen = reading.cursor
            return None
        report = self._apply(reading, waits=self._removals.come)
        if not report.waits:
            self._seen = reading.cursor
        return reading, report

    @property
    def seen(self) -> "Position | None":
        """Up to here everything was weighed, if not applied."""
        if not self._vanished or self._held is not None:
            return self._seen
        return min((vanished.before for vanished in self._vanished.values()), key=_sequence)

    @property
    def applied(self) -> int | None:
        """The number of the last record that is on the destination; ``None`` for none of them."""
        return None if self._cursor is None else self._cursor.sequence

    @property
    def waits(self) -> bool:
        """Whether nothing is removed because there may be more to come."""
        return self._removals.last is not None

    @property
    def is_settled(self) -> bool:
        """Whether all is known of what happened up to now, but for what is owed."""
        return not (self.waits or self._vanished)

    def owe(self, paths: Iterable[str], reason: str) -> None:
        """These are to be looked at, at once."""
        now = self._clock()
        for path in paths:
            self.owed.setdefault(path, Owed(reason, False, 0, now))

    def hurry(self) -> None:
        """Everything that is owed is due now."""
        now = self._clock()
        for owed in self.owed.values():
            owed.due = min(owed.due, now)

    @property
    def is_due(self) -> bool:
        """Whether an owed path is to be looked at now."""
        now = self._clock()
        return any(owed.due <= now for owed in self.owed.values())

    def retry(self) -> tuple[Reading, Report] | None:
        """Look again at the paths that are due."""
        now = self._clock()
        due = [path for path, owed in self.owed.items() if owed.due <= now]
        gone = [path for path, vanished in self._vanished.items() if vanished.due <= now]
        if not due and not gone:
            return None
        # What was only withheld goes first and alone: beside the path that failed before, the
        # same error would withhold it again, for ever.
        due = [path for path in due if self.owed[path].withheld] or due
        due += gone
        why = f"looking again at {len(due)} paths"
        reading = Reading(Scope.of(subtrees=due), (), why, self._cursor, True)
        report = self._apply(reading, retries=True)
        took = self._clock() - now
        for path in report.unfinished() & self.owed.keys():
            owed = self.owed[path]
            owed.due = max(owed.due, now + min(LONGEST_PAUSE, PATIENCE * took))
        return reading, report

    def approve(self, plan: str) -> tuple[Reading, Report]:
        """Look again, and carry out the held plan of this id if it is exactly that still. Raises
        UsageError, StateError."""
        touched = self._mirror.approval(plan)
        if self._held is None:
            raise UsageError(f"the plan {plan} is out of date", remedy="see `mirrorfs status`")
        reading = self._held
        if not self._held_retry:
            reading = self._since()
        report = self._apply(reading, touched, retries=self._held_retry)
        self._seen = reading.cursor
        return reading, report

    def discard(self, plan: str) -> None:
        """Give the held plan of this id up. Raises UsageError, StateError."""
        self._mirror.keeper.discard(plan)

    def vouch(self) -> None:
        """Make durable what was applied, and move the checkpoint. Raises TemporaryError."""
        if self._unvouched is None:
            return
        reading, report, _ = self._unvouched
        retry = dict.fromkeys(self._vanished, VANISHED)
        retry |= {path: owed.reason for path, owed in self.owed.items()}
        checkpoint = self._mirror.next_checkpoint(reading, report)
        self._mirror.vouch(replace(checkpoint, cursor=self._cursor, retry=retry))
        self._unvouched = None

    def settle(self) -> None:
        """It is quiet: make durable what was applied, then hold nothing of either tree until there
        is something to do. Raises MirrorError, OSError."""
        self.vouch()
        self._mirror.roots.rest()

    def look(self) -> None:
        """See whether both roots are what they were. Raises MirrorError."""
        self._mirror.roots.look()

    def pause(self) -> float:
        """Seconds until something must be done though nothing changes; infinite for never."""
        now = self._clock()
        due = float("inf")
        if self._held is None:  # else the same plan would be weighed again and again
            due = min((owed.due for owed in self.owed.values()), default=due)
            due = min((gone.due for gone in self._vanished.values()), default=due)
        if self._removals.last is not None:
            due = min(due, self._removals.last + SILENT_SECONDS)
        if not self._mirror.roots.rests:
            due = min(due, now + QUIET_SECONDS)
        if self._unvouched is not None:
            due = min(due, self._unvouched[2] + VOUCH_SECONDS)
        return max(0.0, due - now)

    @property
    def must_vouch(self) -> bool:
        """Whether too much time has passed since something was applied and not vouched for."""
        return self._unvouched is not None and self._clock() - self._unvouched[2] >= VOUCH_SECONDS

    def _since(self) -> Reading:
        """What the journal holds now."""
        return self._mirror.readings.since(self._cursor, owed=[*self.owed, *self._vanished])

    def _apply(
        self,
        reading: Reading,
        approved: Collection[Touch] | None = None,
        *,
        retries: bool = False,
        waits: Waits = lambda lost: False,
    ) -> Report:
        settles = retries or not self._held_retry  # what is owed is looked at by a retry only
        report = self._mirror.apply(
            reading, gone=self._gone(), approved=approved, waits=waits, settles=settles
        )
        if report.waits:
            return report
        if not retries:
            self._removals.over(refused=report.refusal is not None)
        if report.refusal is not None:
            self._held, self._held_retry = reading, retries
            return report
        self._held = None
        self._held_retry = self._held_retry and not settles
        self._cursor = reading.cursor
        if reading.scope.is_everything:
            self._sizes.clear()
            self._sizes.append((self._clock(), self._mirror.entries))
        self._owe(reading, report)
        self._miss(reading, report)
        since = self._clock()
        if self._unvouched is not None:
            before = self._unvouched[1]
            report.whole = report.whole or before.whole  # everything was compared meanwhile
            since = self._unvouched[2]
        self._unvouched = (reading, report, since)
        return report

    def _gone(self) -> int:
        """By how much the destination is smaller than a minute ago. What came and went meanwhile
        does not count. While a plan is held no time passes: else the rest of a disaster would only
        have to wait."""
        now, entries, sizes = self._clock(), self._mirror.entries, self._sizes
        passes = self._held is None and not self.waits
        while passes and len(sizes) > 1 and sizes[1][0] <= now - BURST_SECONDS:
            sizes.popleft()
        if not sizes or sizes[-1][0] <= now - 1:
            sizes.append((now, entries))
        return max(0, sizes[0][1] - entries)

    def _owe(self, reading: Reading, report: Report) -> None:
        """What was read and is fine is owed no longer; what is not is owed for longer."""
        now = self._clock()
        before = self.owed
        self.owed = {path: owed for path, owed in before.items() if not reading.scope.covers(path)}
        for path in report.unfinished():
            attempts = before[path].attempts + 1 if path in before else 0
            failure = report.failures.get(path)
            reason = failure.message if failure else "withheld after an error"
            self.owed[path] = Owed(
                reason, failure is None, attempts, now + _pause(failure, attempts)
            )

    def _miss(self, reading: Reading, report: Report) -> None:
        """What was looked at again is there, or gone for good. What vanished now may show
        elsewhere; it may stand for something that vanished before, and be as old as that."""
        covers, known = reading.scope.covers, self._vanished
        older = [vanished.before for path, vanished in known.items() if covers(path)]
        gone = Vanished(self._clock() + VANISHED_SECONDS, min([*older, self._seen], key=_sequence))
        self._vanished = {path: seen for path, seen in known.items() if not covers(path)}
        self._vanished |= dict.fromkeys(report.vanished - self.owed.keys(), gone)


def _sequence(position: "Position | None") -> int:
    return -1 if position is None else position.sequence


def _pause(failure: Failure | None, attempts: int) -> float:
    passing = failure is None or failure.trouble in PASSING
    longest = PASSING_PAUSE if passing else LONGEST_PAUSE
    return min(longest, FIRST_PAUSE * 2.0 ** min(attempts, 10))


class Removals:
    """Removals that come in numbers: they are weighed, and done, together once no more come, or
    after half a minute. A source that is being emptied is seen as that, and not as a little less
    each time. ``last`` is when the number changed last (monotonic seconds), ``None`` if none
    wait."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lost = self._refused = -1
        self._first = 0.0
        self.last: float | None = None

    def come(self, lost: int) -> bool:
        """Whether to wait: so many would be gone by now."""
        now = self._clock()
        if self.last is None:
            if lost == self._refused:
                return False
            self._first = now
        if self.last is None or lost != self._lost:
            self._lost, self.last = lost, now
        return now - self.last < SILENT_SECONDS and now - self._first < LONGEST_SILENCE

    def over(self, *, refused: bool) -> None:
        """They were weighed. Those that were refused need not wait once more."""
        self.last = None
        self._refused = self._lost if refused else -1


def refuse_strangers(mirror: Mirror, source: Identity, destination: Identity) -> None:
    """Raises TemporaryError when a root is not the directory it was."""
    for place, tree, known in (
        (mirror.places[0], mirror.source, source),
        (mirror.places[1], mirror.destination, destination),
    ):
        refuse_stranger(place, tree.identity(), known)
