"""The source in parts, each served by what suits its file system, told of as one.

Law: what is told of a part is told with the paths of the whole, and a barrier is passed when every
part has passed it. A part that begins or ends later is a gap; only the end of the first part, the
root's, ends the whole.

The root is a part. A file system mounted below it is one of its own when it can be had by fanotify,
when the part around it is had so (whose mark ends at the mount), or when it changes in silence;
else the crawl of the part around it goes into it. A silent place is two parts: its events are
heard, and it is scanned.
"""

import os
import select
import stat
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from mirrorfs.core.change import Change, Cookie, Coverage, Gap, Moved, Ready
from mirrorfs.core.tree import is_within
from mirrorfs.trees.local.mountinfo import VIEW
from mirrorfs.watch.backends.choice import refusal
from mirrorfs.watch.coverage import plain, reason
from mirrorfs.watch.hearing import hears
from mirrorfs.watch.kept import NOTHING, Claim, Kept
from mirrorfs.watch.kinds import is_silent
from mirrorfs.watch.mounts import Mounts, of_one_file_system
from mirrorfs.watch.part import Member, Part
from mirrorfs.watch.polling import Polling
from mirrorfs.watch.session import Lost, Session
from mirrorfs.watch.task import Task

TEST_SECONDS = 600.0
MANY = 16  # mounts with an inotify instance each; a user has 128 of those

_REMEMBERED = 256  # barriers under way
_KEPT = frozenset({Cookie, Ready})  # what all parts must have said


P = TypeVar("P", bound=Part)
Record = Callable[[list[Change]], None]


class Parts:
    """All that watches ``task.root``. Raises OSError when the root cannot be watched.

    ``wake`` is a descriptor whose becoming readable ends the wait of a turn. ``kept`` and ``claim``
    are for the root's part; the others begin late when that one continues.
    """

    def __init__(
        self,
        task: Task,
        wake: int,
        record: Record,
        kept: Kept | None = None,
        claim: Claim = NOTHING,
    ) -> None:
        self._record = record
        self._wake = wake
        self._clock = time.monotonic
        self.members: tuple[Member, ...] = ()  # replaced, never changed: other threads look at it
        self.unserved: dict[str, str] = {}
        self._apart: dict[str, bytes] = {}  # mount points with parts of their own, and their lines
        self._answers: dict[str, set[Member]] = {}
        self._past_overflows = self._past_events = 0
        self._replan_at: float | None = None
        self._next_test = self._clock() + TEST_SECONDS
        self.ready = False
        self._mounts = Mounts(os.path.realpath(task.root))
        seen = self._mounts.seen()
        if task.backend == "auto" and len(seen) > (MANY if task.keeper is None else 1):
            # One instance serves them all; and one is what a keeper keeps for the next process.
            task = task._replace(backend="inotify")
        self._task = task
        try:
            root = partial(Session, kept=kept, claim=claim)
            self._begin("", seen[""].kind, root)
            self._plan()
        except BaseException:
            self.close()
            raise

    # For the watcher

    def turn(self, limit: float | None) -> None:
        """Wait for something to do, at most ``limit`` seconds, and do it. Raises Lost."""
        poller = select.poll()
        poller.register(self._wake, select.POLLIN)
        poller.register(self._mounts.fd, select.POLLPRI | select.POLLERR)
        now = self._clock()
        rests = [self._next_test - now]
        rests += [] if limit is None else [limit]
        rests += [] if self._replan_at is None else [self._replan_at - now]
        for member in self.members:
            rests.append(member.part.rest())
            for descriptor, events in member.part.descriptors.items():
                poller.register(descriptor, events)
        rest = min(rests)
        # Rounded up: never wake a moment too early.
        awake = {fd for fd, _ in poller.poll(int(rest * 1000) + 1 if rest > 0 else 0)}
        now = self._clock()
        if self._mounts.fd in awake or (self._replan_at is not None and self._replan_at <= now):
            self._replan_at = None
            self._plan()
        if self._next_test <= now:
            self._test()
        for member in self.members:
            self._do(member, partial(member.part.turn, awake))
            self._heed(member)
        self._be_ready()

    def poll(self) -> None:
        """Report and try again what could not be watched. Raises Lost."""
        self._plan()
        for member in self.members:
            self._do(member, member.part.poll)

    def finish(self) -> None:
        """Report everything. Raises Lost."""
        for member in self.members:
            self._do(member, member.part.finish)

    def lose(self, why: str) -> None:
        """Report what is known, with the loss of the rest first."""
        for member in self.members:
            member.part.lose(why)

    def landed(self) -> None:
        """Everything reported so far stands in the journal."""
        for member in self.members:
            member.part.landed()

    def lost(self) -> None:
        """Something that was reported does not stand there."""
        for member in self.members:
            member.part.lost()

    def close(self) -> None:
        for member in self.members:
            member.part.close()
        self._mounts.close()

    def distrust(self, path: str, why: str) -> None:
        """No event told of a change there: scan the part it is in, from now on."""
        around = self._around(path)
        self._scan(around.path, around.kind, why)

    @property
    def continued(self) -> bool:
        """Whether the root's part goes on where an earlier process ended."""
        return bool(self.members) and self.members[0].part.continued

    @property
    def watched(self) -> int:
        return sum(each.part.watched for each in self.members if each.part.name != "poll")

    @property
    def failed(self) -> int:
        return len(self.unserved) + sum(each.part.failed for each in self.members)

    @property
    def failures(self) -> tuple[tuple[str, str], ...]:
        failures = [
            (each.under(path), why) for each in self.members for path, why in each.part.failures
        ]
        return (*failures, *list(self.unserved.items()))

    @property
    def lag(self) -> float:
        lags = [each.part.lag for each in self.members]
        return max([*lags, self._task.pace.poll] if self.unserved else lags, default=0.0)

    @property
    def overflows(self) -> int:
        return self._past_overflows + sum(each.part.overflows for each in self.members)

    @property
    def events(self) -> int:
        return self._past_events + sum(each.part.events for each in self.members)

    @property
    def last_event(self) -> float | None:
        moments = [each.part.last_event for each in self.members]
        return max((moment for moment in moments if moment is not None), default=None)

    # Which parts there are

    def _begin(
        self, path: str, kind: str, make: Callable[[Task, Record], Session] = Session
    ) -> None:
        """Serve the file system that is mounted at a path. Raises OSError."""
        silence = f"{kind} changes in silence" if is_silent(kind) else ""
        if self._task.backend == "poll":
            self._scan(path, kind, silence or "asked for")
            return
        member = Member(path, kind, late=self.ready or (bool(path) and self.continued))
        session = self._enter(member, make)
        member.why = silence or (f"no fanotify: {session.why}" if session.why else "")
        if silence:
            self._scan(path, kind, silence)
        else:
            self._hear(member)

    def _scan(self, path: str, kind: str, why: str) -> None:
        if self._is_polled(path):
            return
        member = Member(path, kind, late=self.ready or (bool(path) and self.continued))
        member.why = plain(why)
        self._enter(member, Polling)
        self._record([Coverage(path, "polled", member.why)])

    def _enter(self, member: Member, make: Callable[[Task, Record], P]) -> P:
        path = member.path
        task = self._task._replace(
            root=self._place(path),
            backend="auto" if path and self._task.backend == "fanotify" else self._task.backend,
            keeper=self._task.keeper if not path else None,
            exclude=(lambda below: self._leaves_out(member.under(below)))
            if path
            else self._leaves_out,
        )
        part = make(task, lambda changes: self._take(member, changes))
        member.part = part
        self.members += (member,)
        return part

    def _place(self, path: str) -> str:
        return os.path.join(self._task.root, path) if path else self._task.root

    def _leaves_out(self, path: str) -> bool:
        if path in self._apart:
            return True
        return self._task.exclude is not None and self._task.exclude(path)

    def _plan(self) -> None:
        """Bring the parts in line with what is mounted."""
        if self._task.backend == "poll":
            return
        seen = self._mounts.seen()
        if self._task.one_file_system:
            seen = of_one_file_system(seen, self._task.root)
        seen = {
            path: mounted
            for path, mounted in seen.items()
            if path and mounted.kind != "autofs" and not self._is_left_out(path)
        }
        for path, line in list(self._apart.items()):
            if path not in seen or seen[path].line != line:
                self._end(path, "something was mounted or unmounted here")
                around = self._around(path)
                around.part.look(path[len(around.path) + 1 :] if around.path else path)
        self.unserved = {path: why for path, why in self.unserved.items() if path in seen}
        for path, (kind, line, _) in sorted(seen.items()):
            if path in self._apart or not self._wants_its_own(path, kind):
                continue
            self._apart[path] = line
            if kind == VIEW:
                continue  # it shows what lies in the trees: nothing in it changes by itself
            try:
                self._begin(path, kind)
            except OSError as error:
                self._fail(path, reason(error))
                continue
            self.unserved.pop(path, None)
            if self.ready:
                self._record([Gap(path, "something was mounted here")])

    def _wants_its_own(self, path: str, kind: str) -> bool:
        if is_silent(kind) or self._is_file(path):
            return True
        if self._task.backend == "inotify":
            return False
        if self._around(path).part.name == "fanotify":
            return True
        try:
            return not refusal(self._place(path))
        except OSError:
            return False

    def _is_file(self, path: str) -> bool:
        """A file that is mounted over another one: whoever writes to it is heard of where it comes
        from, not here; nobody watches it."""
        try:
            return not stat.S_ISDIR(os.stat(self._place(path)).st_mode)
        except OSError:
            return False

    def _around(self, path: str) -> Member:
        """The part that a path belongs to; of two, the one with events."""
        return max(
            (each for each in self.members if is_within(path, each.path)),
            key=lambda each: (len(each.path), each.part.name != "poll"),
        )

    def _is_left_out(self, path: str) -> bool:
        names = path.split("/")
        above = ("/".join(names[:count]) for count in range(1, len(names) + 1))
        return self._task.exclude is not None and any(map(self._task.exclude, above))

    def _end(self, path: str, why: str) -> None:
        """The parts at a path are over; the one around looks again at what is there."""
        self._apart.pop(path, None)
        for member in self.members:
            if member.path == path:
                self._past_overflows += member.part.overflows
                self._past_events += member.part.events
                member.part.close()
        self.members = tuple(each for each in self.members if each.path != path)
        self._record([Gap(path, plain(why))])
        for nonce in list(self._answers):
            self._pass(nonce)

    def _fail(self, path: str, why: str) -> None:
        self._end(path, why)
        self.unserved[path] = plain(why)
        self._replan_at = self._clock() + self._task.pace.retry

    def _do(self, member: Member, act: Callable[[], None]) -> None:
        if member not in self.members:
            return  # it ended in this turn
        try:
            act()
        except Lost as lost:
            if not member.path:
                raise
            member.part.lose(str(lost))
            self._fail(member.path, str(lost))

    def _hear(self, member: Member) -> None:
        """Scan where no event comes at all."""
        if member.part.name == "inotify" and not hears(self._place(member.path)):
            self._scan(member.path, member.kind, "the kernel tells of no events here")

    def _test(self) -> None:
        self._next_test = self._clock() + TEST_SECONDS
        for member in self.members:
            self._hear(member)

    # What the parts say

    def _heed(self, member: Member) -> None:
        """Scan a part from which changes may not be told any more; what was not told is a gap."""
        silence = member.part.silence
        if silence and not self._is_polled(member.path):
            self._record([Gap(member.path, plain(silence))])
            self._scan(member.path, member.kind, silence)

    def _is_polled(self, path: str) -> bool:
        return any(each.path == path and each.part.name == "poll" for each in self.members)

    def _take(self, member: Member, changes: list[Change]) -> None:
        self._heed(member)  # before a barrier is passed
        told = changes
        if any(map(_KEPT.__contains__, map(type, changes))):
            told = [change for change in changes if type(change) not in _KEPT]
        if told and member.path:
            told = [member.whole(change) for change in told]
        if self._apart and any(type(change) is Moved for change in told):
            self._replan_at = self._clock()  # perhaps a directory above a mount point
        if told:
            self._record(told)
        for change in changes if len(told) < len(changes) else ():
            if isinstance(change, Cookie):
                self._answers.setdefault(change.nonce, set()).add(member)
                self._pass(change.nonce)
        if len(self._answers) > _REMEMBERED:
            self._forget_answers()

    def _pass(self, nonce: str) -> None:
        if self._answers[nonce].issuperset(self.members):
            del self._answers[nonce]
            gaps = [Gap(path, why) for path, why in self.unserved.items()]
            self._record([*gaps, Cookie(nonce)])

    def _forget_answers(self) -> None:
        """A part may answer again what was passed; a cookie that was taken away waits no more."""
        for nonce in list(self._answers):
            if not os.path.lexists(os.path.join(self._task.cookies or "", nonce)):
                del self._answers[nonce]

    def _be_ready(self) -> None:
        for member in self.members:
            if member.part.ready and member.late:
                member.late = False
                self._record([Gap(member.path, "watched from now on")])
        if not self.ready and all(each.part.ready for each in self.members):
            self.ready = True
            if not self.continued:
                self._record([Ready()])
