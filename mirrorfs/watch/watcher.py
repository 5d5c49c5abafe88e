"""The watcher: one thread that turns what happens in a source into records, whatever happens to the
source.

Law: it never ends by itself and never in silence. What could not be watched, read or recorded is a
gap, said before anything later; a root that went away is looked for until it is there again, and
begins a new epoch.
"""

import errno
import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Self

from mirrorfs.core.change import Change, Clean, Coverage, Epoch, Gap, Ready
from mirrorfs.core.tree import Identity
from mirrorfs.errors import DirectoryMissing, MirrorError, PermanentError
from mirrorfs.watch.backends.choice import refused
from mirrorfs.watch.coverage import plain, reason
from mirrorfs.watch.kept import Claim, Keeper, NotContinued, take
from mirrorfs.watch.mounts import Mounts
from mirrorfs.watch.part import Serving
from mirrorfs.watch.parts import Parts
from mirrorfs.watch.session import Lost
from mirrorfs.watch.settle import PACE, Pace
from mirrorfs.watch.task import Task

_log = logging.getLogger(__name__)


class WatchStatus(NamedTuple):
    """How the watcher is. ``alive``: the root is watched; else ``reason`` says why not.

    ``watched`` and ``failed`` count directories (a failed one stands for all below it),
    ``failures`` names the first of them with reasons, and ``lag`` is how many seconds a change
    there may go unreported. ``last_event`` is a moment of `time.monotonic`. ``reason`` also tells
    that changes could not be recorded. ``serving`` says what serves which part.
    """

    alive: bool
    ready: bool
    reason: str
    watched: int
    failed: int
    failures: tuple[tuple[str, str], ...]
    lag: float
    overflows: int
    events: int
    last_event: float | None
    serving: tuple[Serving, ...]


class Watcher:
    """Watches the tree at ``root`` and calls ``emit`` from a thread of its own with what changed.

    ``cookie_directory``: a file made there comes back as `Cookie(its name)` when all changes before
    it were emitted; whoever made it removes it. ``exclude`` is asked with root-relative paths of
    directories; True: neither watched nor gone into. ``one_file_system``: nor are directories of
    other file systems. ``backend`` is one of `BACKENDS`; "fanotify" is refused (PermanentError)
    where the root cannot be had so. ``identity`` is asked at the start of every epoch; ``locate``
    before it, where ``root`` does not say for good which path leads there. ``patient``: a root that
    is not there at the start is waited for, as one that went away is. ``keeper``
    keeps the watch for the process that follows on this one, and has what the one before left: then
    the epoch is a continued one, and nothing has to be compared.

    Everything before `Ready` was emitted is to be compared after it; and of what is emitted, `Gap`
    and `Moved` ask for a look at all below their paths.
    """

    def __init__(
        self,
        root: str,
        emit: Callable[[list[Change]], None],
        *,
        cookie_directory: str | None = None,
        exclude: Callable[[str], bool] | None = None,
        one_file_system: bool = False,
        identity: Callable[[], Identity],
        locate: Callable[[], str] | None = None,
        patient: bool = False,
        pace: Pace = PACE,
        backend: str = "auto",
        keeper: Keeper | None = None,
    ) -> None:
        self._task = Task(
            os.path.abspath(root),
            None if cookie_directory is None else os.path.abspath(cookie_directory),
            exclude,
            one_file_system,
            pace,
            backend,
            keeper,
        )
        self._emit = emit
        self._identity = identity
        self._locate = locate
        self._patient = patient
        self._pace = pace
        self.ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mirrorfs-watch", daemon=True)
        self._wake = -1
        self.turns = 0  # changes for as long as the thread gets on, and is roused
        self._stopping = False
        self._rewatch = False
        self._distrusted: deque[tuple[str, str]] = deque()
        self._session: Parts | None = None
        self._lost = ""
        self._owed: list[Change] = []
        self._unrecorded = ""
        self._next_record = 0.0
        self._overflows = 0
        self._events = 0
        self._last_event: float | None = None

    def start(self) -> None:
        """Watch the root and begin. Every change from here on is reported, or a gap in its place.

        Raises DirectoryMissing, and PermanentError when there are too many inotify instances. A
        root that cannot be watched for other reasons is a gap, again and again, until it can be.
        """
        self._first: Epoch | None = None
        try:
            epoch = self._begin()
        except MirrorError as error:
            if not self._patient:
                raise
            self._lost = plain(str(error))
            self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            self._thread.start()
            return
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        try:
            self._session = self._resume(epoch) or self._open(epoch)
        except (FileNotFoundError, NotADirectoryError) as error:
            os.close(self._wake)
            raise DirectoryMissing(f"{self._task.root!r} is not a directory") from error
        except OSError as error:
            if error.errno == errno.EMFILE:
                os.close(self._wake)
                raise PermanentError(
                    "no further inotify instance may be made",
                    remedy="raise fs.inotify.max_user_instances, or end other watching programs",
                ) from error
            if self._task.backend == "fanotify":
                os.close(self._wake)
                raise PermanentError(
                    f"fanotify cannot serve {self._task.root}: {refused(error)}",
                    remedy="leave --watch-backend out: then whatever can serves each part",
                ) from error
            self._lost = plain(reason(error))
        self._first = epoch._replace(continued=self.continued, backend=self._backend())
        self._thread.start()

    @property
    def continued(self) -> bool:
        """Whether this goes on where an earlier process ended."""
        return self._session is not None and self._session.continued

    @property
    def is_lost(self) -> bool:
        """Whether there is no root to watch now."""
        return self._session is None

    def rewatch(self) -> None:
        """Try at once to watch what could not be watched: a limit raised, a permission given."""
        self._rewatch = True
        self.rouse()

    def distrust(self, path: str, why: str) -> None:
        """No event told of a change at a path: from now on the part it is in is polled, too."""
        self._distrusted.append((path, why))
        self.rouse()

    def rouse(self) -> None:
        """Have it turn once, though nothing happens."""
        if self._thread.is_alive():
            os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Report what happened until now, end in order (`Clean`), and wait for the thread."""
        if not self._thread.is_alive():
            return
        self._stopping = True
        self.rouse()
        self._thread.join()
        os.close(self._wake)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def status(self) -> WatchStatus:
        """How the watcher is, as of the last turn."""
        session = self._session
        return WatchStatus(
            alive=session is not None and self._thread.is_alive(),
            ready=self.ready.is_set(),
            reason=self._unrecorded or self._lost,
            watched=0 if session is None else session.watched,
            failed=session.failed if session is not None else int(not self._stopping),
            failures=session.failures if session is not None else (),
            lag=session.lag if session is not None else 0.0,
            overflows=self._overflows + (session.overflows if session else 0),
            events=self._events + (session.events if session else 0),
            last_event=(session.last_event if session else None) or self._last_event,
            serving=tuple(each.serving for each in session.members) if session else (),
        )

    # In the thread

    def _run(self) -> None:
        if self._first is not None:
            self._record([self._first])
        if self._session is None:
            self._record([Gap("", self._lost)])
        while not self._stopping:
            try:
                if self._session is None:
                    self._wait_for_root()
                else:
                    self._watch(self._session)
            except Lost as lost:
                self._lose(str(lost))
            except Exception as error:
                _log.exception("the watcher begins anew")
                self._lose(f"internal error: {error!r}")
        self._end()

    def _watch(self, session: Parts) -> None:
        while not self._stopping:
            session.turn(self._owing())
            self.turns += 1
            if not self._owed:
                session.landed()
                if session.ready:
                    self.ready.set()
            self._calm()
            if self._rewatch:
                self._rewatch = False
                session.poll()
            while self._distrusted:
                session.distrust(*self._distrusted.popleft())
            if self._owed and self._next_record <= time.monotonic():
                self._record([])

    def _wait_for_root(self) -> None:
        poller = select.poll()
        poller.register(self._wake, select.POLLIN)
        gap_at = time.monotonic() + self._pace.poll
        while not self._stopping:
            poller.poll(int(self._pace.retry * 1000) + 1)
            self.turns += 1
            self._calm()
            if self._owed:
                self._record([])
            try:
                epoch = self._begin()
                session = self._open(epoch)
            except Exception as error:  # the caller's identity may raise what it likes
                self._lost = plain(reason(error) if isinstance(error, OSError) else str(error))
                if os.path.isdir(self._task.root) and gap_at <= time.monotonic():
                    gap_at += self._pace.poll
                    self._record([Gap("", self._lost)])
                continue
            self._lost = ""
            self._session = session
            self._record([epoch._replace(backend=self._backend())])
            return

    def _begin(self) -> Epoch:
        """Which root it is, and where, as an epoch begins. Raises as ``identity`` does."""
        if self._locate is not None:
            self._task = self._task._replace(root=os.path.abspath(self._locate()))
        return self._epoch(self._identity())

    def _resume(self, epoch: Epoch) -> Parts | None:
        """Go on where an earlier process ended, if it left what that takes."""
        keeper = self._task.keeper
        if keeper is None:
            return None
        claim = self._claim(epoch, keeper)
        try:
            kept = take(keeper, claim)
            if kept is None:
                return None
            parts = Parts(self._task, self._wake, self._record, kept, claim)
            # RACE: what is unmounted before the list of mounts is heard is told by nobody.
            for what, now in self._claim(epoch, keeper).items():
                if claim[what] != now:
                    parts.close()
                    raise NotContinued(what)
            return parts
        except (NotContinued, OSError) as error:
            why = reason(error) if isinstance(error, OSError) else error
            _log.warning("the watch of the process before cannot be continued: %s", why)
            return None

    def _open(self, epoch: Epoch) -> Parts:
        keeper = self._task.keeper
        claim = {} if keeper is None else self._claim(epoch, keeper)
        return Parts(self._task, self._wake, self._record, claim=claim)

    def _claim(self, epoch: Epoch, keeper: Keeper) -> Claim:
        mounts = Mounts(os.path.realpath(self._task.root))
        try:
            return {
                "the machine was started anew": epoch.boot,
                "the source is another directory": repr(epoch.root),
                "the source has another path": self._task.root,
                "the journal, or what is left out, is another": keeper.claim,
                "other file systems are mounted": mounts.fingerprint(),
                "changes are to be noticed in another way": self._task.backend,
            }
        finally:
            mounts.close()

    def _lose(self, why: str) -> None:
        self.ready.clear()
        session, self._session = self._session, None
        self._lost = plain(why)
        if session is None:
            return
        session.lost()
        self._overflows += session.overflows
        self._events += session.events
        self._last_event = session.last_event or self._last_event
        try:
            session.lose(why)
        except Exception:
            _log.exception("what was known when the watch was lost could not be reported")
            self._record([Gap("", self._lost)])
        session.close()

    def _end(self) -> None:
        session = self._session
        try:
            if session is not None:
                session.finish()
                if not self._owed:
                    session.landed()
                if session.ready:
                    self._record([Clean()])
        except Lost as lost:
            self._lose(str(lost))
        except Exception as error:
            _log.exception("the watcher could not end in order")
            self._lose(f"internal error: {error!r}")
        finally:
            if self._session is not None:
                self._session.close()

    def _record(self, changes: list[Change]) -> None:
        """Hand changes over; if that fails a gap takes their place and goes first, as soon as it
        can.
        """
        changes = [*self._owed, *changes]
        try:
            self._emit(changes)
        except Exception as error:
            _log.warning("changes could not be recorded: %s", error)
            why = plain(f"changes could not be recorded: {error}")
            kept = [change for change in changes if isinstance(change, (Epoch, Ready, Coverage))]
            self._owed = [Gap("", why), *dict.fromkeys(kept)]
            self._unrecorded = why
            self._next_record = time.monotonic() + self._pace.retry
            if self._session is not None:
                self._session.lost()
            return
        self._owed = []
        self._unrecorded = ""

    def _owing(self) -> float | None:
        return max(0.0, self._next_record - time.monotonic()) if self._owed else None

    def _epoch(self, identity: Identity) -> Epoch:
        with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
            boot = file.read().strip()
        return Epoch(boot, identity, "", time.time_ns())

    def _backend(self) -> str:
        members = () if self._session is None else self._session.members
        return ", ".join(sorted({member.part.name for member in members}))

    def _calm(self) -> None:
        try:
            os.eventfd_read(self._wake)
        except BlockingIOError:
            pass
