"""One unbroken life of the root's watch: read, translate, crawl a slice, report; turn by turn.

Law: reading comes first in every turn, and nothing else in a turn takes longer than a few
milliseconds, so that the kernel's queue never fills while there is something else to do. What a
turn gathered is reported at its end.

A session ends by `Lost`: the root is not the directory any more that it was when the session began.
"""

import errno
import os
import select
import time
from collections.abc import Callable, Container

from mirrorfs.core.change import Change, Ready
from mirrorfs.trees.local.patience import EXHAUSTED
from mirrorfs.watch.backends.choice import open_backend
from mirrorfs.watch.batch import Batch
from mirrorfs.watch.coverage import plain, reason
from mirrorfs.watch.kept import NOTHING, Claim, Kept
from mirrorfs.watch.mounts import Mounts
from mirrorfs.watch.phantom import Phantoms
from mirrorfs.watch.settle import Settling
from mirrorfs.watch.task import Task

# After a read that held nothing of ours, and the longest after many of them in a row: a storm
# elsewhere shall not keep us awake, and what we write ourselves on the same file system shall not
# delay the next change.
_OTHERS, _OTHERS_LONGEST = 0.001, 0.008
_AFTERWARDS = 0.5  # seconds until both ends of a rename are looked at whole
_FINISH = 2.0  # seconds the end may take to empty the queue


class Lost(Exception):
    """The root cannot be watched any more; says why."""


class Session:
    """Watches ``task.root`` as it is now. Raises OSError when that cannot be watched.

    ``record`` takes the changes. ``kept`` is what an earlier process left; else the task's keeper
    keeps what the next one will need, under the ``claim``. ``why`` is why the back end is not
    fanotify.
    """

    def __init__(
        self,
        task: Task,
        record: Callable[[list[Change]], None],
        kept: Kept | None = None,
        claim: Claim = NOTHING,
    ) -> None:
        self._task = task
        self._pace = task.pace
        self._record = record
        self._clock = time.monotonic
        self._batch = Batch()
        self._settling = Settling(self._pace)
        self._backend, self.why = open_backend(task, self._batch, self._settling, kept, claim)
        self.continued = self._backend.continued
        self.name = self._backend.name
        self.lag = 0.0
        try:
            self._mounts = Mounts(os.path.realpath(task.root))
        except BaseException:
            self._backend.close()
            raise
        self.watches = self._backend.watches
        self.blind = self._backend.blind
        self._phantoms = Phantoms(self.watches, self._backend, self._pace.quiet)
        self._barriers: list[tuple[int, str]] = []
        self._found: list[tuple[int, list[str]]] = []  # barriers, and the horizon when they were
        self._resyncs = 0
        self._next_poll = self._clock() + self._pace.poll
        self._next_look: float | None = None
        self._catch_up_at: float | None = None
        self._next_read = 0.0  # 0: as soon as there is something
        self._others = _OTHERS
        self.ready = False
        self.failures: tuple[tuple[str, str], ...] = ()
        self.last_event: float | None = None
        self._initial = self._backend.mark()
        if not self.continued:  # else they wait for what the queue asks to be crawled
            self._find_cookies()

    @property
    def silence(self) -> str:
        """Why changes may stay untold; empty when they do not."""
        return self._backend.silence

    @property
    def overflows(self) -> int:
        return self._backend.overflows

    @property
    def failed(self) -> int:
        return len(self.blind.parts)

    @property
    def watched(self) -> int:
        return self._backend.watched

    @property
    def events(self) -> int:
        return self._backend.events

    @property
    def descriptors(self) -> dict[int, int]:
        """What to wait for between two turns: descriptors and their poll(2) events."""
        descriptors = {self._mounts.fd: select.POLLPRI | select.POLLERR}
        if self._clock() >= self._next_read:
            descriptors[self._backend.fd] = select.POLLIN
        return descriptors

    def turn(self, awake: Container[int]) -> None:
        """Do what there is to do; these descriptors have something. Raises Lost."""
        backend = self._backend
        if self._next_read <= self._clock():
            self._next_read = 0.0
        if backend.fd in awake:
            self._read()
        if self._mounts.fd in awake or backend.unmounted:
            backend.unmounted = False
            self._look_at_mounts()
        now = self._clock()
        if backend:
            backend.run(self._clock, now + self._pace.crawl)
            self._heed()
            now = self._clock()
        if backend.resyncs > self._resyncs:
            self._resyncs = backend.resyncs
            self._find_cookies()
        self._batch.looks(self._settling.due(now))
        if self._phantoms.due is not None and self._phantoms.due <= now:
            self._phantoms.find(self._batch)
        if self._next_poll <= now:
            self.poll()
        elif self._next_look is not None and self._next_look <= now:
            # The kernel is silent about a deleted root while a deleted file in it is still open.
            self._next_look = None
            self._check_root()
        if self._catch_up_at is not None and self._catch_up_at <= now:
            self._catch_up_at = None
            self._batch.catch_up()
        self._hear_found()
        if self._barriers:
            self._pass_barriers()
        self.report()
        if self._catch_up_at is None and self._batch.afterwards:
            self._catch_up_at = now + _AFTERWARDS
        if not self.ready and backend.done(self._initial) and not backend:
            self.ready = True
            if not self.continued:
                self._record([Ready()])

    def landed(self) -> None:
        """Everything reported so far stands in the journal."""
        waiting = [*self._settling.waiting(), *self._phantoms.waiting()]
        self._backend.landed(waiting, ready=self.ready)

    def lost(self) -> None:
        """Something that was reported does not stand there."""
        self._backend.lost()

    def poll(self) -> None:
        """Report and try again what could not be watched; see whether the root is still the root.
        Raises Lost.
        """
        self._next_poll = self._clock() + self._pace.poll
        self._check_root()
        if self._backend.hear_barriers():
            self._find_cookies()
        self._backend.gaps()
        self._backend.retry()

    def look(self, path: str) -> None:
        """What was left out at a path is not any more."""
        self._backend.look(path)

    def finish(self) -> None:
        """Empty the queue and report everything. Raises Lost."""
        end = self._clock() + _FINISH
        backend = self._backend
        if self.continued and not self.ready:
            return  # what an earlier process left stays as it is
        while backend.pending() and self._clock() < end:
            self._read()
        backend.run(self._clock, end)
        self._batch.looks(self._settling.drain())
        self._batch.catch_up()
        self._phantoms.notice(self._batch.dirty, end)
        self._phantoms.find(self._batch)
        if backend:
            if not self.ready or not backend.settled():
                self._batch.gap("", "the watcher ended before all watches were set")
            self._batch.trees.update(dict.fromkeys(backend.unfinished()))
        backend.gaps()
        self.report()

    def lose(self, why: str) -> None:
        """Report what is known, with the loss of the rest first."""
        self._batch.gap("", plain(why))
        self._batch.looks(self._settling.drain())
        self._batch.catch_up()
        self.report()

    def close(self) -> None:
        self._mounts.close()
        self._backend.close()

    def report(self) -> None:
        """Hand over what the turn gathered."""
        crowded = self._backend.crowded
        if crowded:
            self._batch.looks(self._settling.drain())
        self._phantoms.notice(self._batch.dirty, self._clock())
        if crowded:
            self._phantoms.find(self._batch)
        self.failures = self.blind.shown() if self.blind.parts else ()
        self.lag = self._pace.poll if self.blind.parts else 0.0
        changes = self._batch.take(self.watches)
        if crowded:
            self._backend.clear()
        if changes:
            self._record(changes)

    def rest(self) -> float:
        """Seconds until there is something to do though nothing happens."""
        if self._backend or not self.ready:
            return 0.0
        moments = [
            self._next_poll,
            self._next_look,
            self._next_read or None,
            self._settling.next(),
            self._phantoms.due,
            self._catch_up_at,
        ]
        return min(moment for moment in moments if moment is not None) - self._clock()

    def _read(self) -> None:
        backend = self._backend
        if backend.read(self._clock):
            self._others = _OTHERS
            self.last_event = self._clock()
            if self._next_look is None:
                self._next_look = self.last_event + self._pace.retry
        elif backend.hears_others:
            self._next_read = self._clock() + self._others
            self._others = min(2 * self._others, _OTHERS_LONGEST)
        self._heed()

    def _heed(self) -> None:
        """What the back end leaves to the session."""
        backend = self._backend
        if backend.doubt:
            why, backend.doubt = backend.doubt, ""
            self._check_root(why)
        if backend.nonces:
            mark = backend.mark()
            self._barriers += [(mark, nonce) for nonce in backend.nonces]
            backend.nonces.clear()

    def _find_cookies(self) -> None:
        """Barriers laid while nobody heard of it; one that was passed may be passed again.

        RACE: what was changed before one was laid may still be queued.
        """
        if self._task.cookies is None:
            return
        try:
            names = [name for name in os.listdir(self._task.cookies) if name.isascii()]
        except OSError:
            return
        self._found.append((self._backend.horizon(), names))

    def _hear_found(self) -> None:
        while self._found and self._backend.is_past(self._found[0][0]):
            _, names = self._found.pop(0)
            mark = self._backend.mark()
            self._barriers += [(mark, name) for name in names]

    def _pass_barriers(self) -> None:
        """Barriers before which everything was crawled: report what still waits, then them."""
        if not self._backend.settled():
            return
        through = [nonce for mark, nonce in self._barriers if self._backend.done(mark)]
        if not through:
            return
        self._barriers = [bar for bar in self._barriers if bar[1] not in through]
        self._batch.looks(self._settling.drain())
        self._batch.catch_up()
        self._phantoms.notice(self._batch.dirty, self._clock())
        self._phantoms.find(self._batch)
        self._backend.gaps()
        self._batch.cookies.update(dict.fromkeys(through))

    def _look_at_mounts(self) -> None:
        points = self._mounts.changes()
        if points is None:
            self._check_root("the source was mounted over or unmounted")
            return
        for point in points:
            if self._task.exclude and self._task.exclude(point):
                continue
            if self._backend.look(point):
                self._batch.gap(point, "something was mounted or unmounted here")

    def _check_root(self, why: str = "") -> None:
        try:
            fd = os.open(self._task.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in EXHAUSTED:
                return  # says nothing about the root
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                raise Lost(why or "the source is gone") from error
            raise Lost(f"the source cannot be opened: {reason(error)}") from error
        try:
            if not self._backend.is_root(fd):
                raise Lost(why or "another directory is in the source's place")
        except OSError as error:
            if error.errno in EXHAUSTED:
                return
            raise Lost(why or reason(error)) from error
        finally:
            os.close(fd)
