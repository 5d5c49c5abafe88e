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
from collections.abc import Callable
from typing import NamedTuple

from mirrorfs.core.change import Change, Ready
from mirrorfs.core.tree import split
from mirrorfs.watch.batch import Batch
from mirrorfs.watch.coverage import Blind, plain, reason
from mirrorfs.watch.crawl import Crawler
from mirrorfs.watch.inotify import COOKIES, ROOT, Inotify, decode
from mirrorfs.watch.mounts import Mounts
from mirrorfs.watch.phantom import Phantoms
from mirrorfs.watch.settle import Pace, Settling
from mirrorfs.watch.translate import Translator
from mirrorfs.watch.watches import Watches

_FINISH = 2.0  # seconds the end may take to empty the queue


class Lost(Exception):
    """The root cannot be watched any more; says why."""


class Task(NamedTuple):
    """What to watch: absolute paths, and which directories to leave out (True: not to be
    descended).
    """

    root: str
    cookies: str | None
    exclude: Callable[[str], bool] | None
    one_file_system: bool
    pace: Pace


class Session:
    """Watches ``task.root`` as it is now. Raises OSError when that cannot be watched.

    ``wake`` is a descriptor whose becoming readable ends the wait of a turn; ``record`` takes the
    changes.
    """

    def __init__(self, task: Task, wake: int, record: Callable[[list[Change]], None]) -> None:
        self._task = task
        self._pace = task.pace
        self._wake = wake
        self._record = record
        self._clock = time.monotonic
        self._inotify = Inotify()
        try:
            self._cookie_watch = self._watch_cookies()
            fd = os.open(task.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                self.watches = Watches(self._inotify.watch(fd, ROOT))
                device = os.fstat(fd).st_dev if task.one_file_system else None
            finally:
                os.close(fd)
            self._mounts = Mounts(os.path.realpath(task.root))
        except BaseException:
            self._inotify.close()
            raise
        self._batch = Batch()
        self._settling = Settling(self._pace)
        self.blind = Blind(self.watches, self._batch)
        self._crawler = Crawler(
            task.root,
            self._inotify,
            self.watches,
            self._batch,
            self.blind,
            task.exclude,
            device,
        )
        self._phantoms = Phantoms(self.watches, self._crawler, self._pace.quiet)
        self._translator = Translator(
            self.watches, self._batch, self._settling, self._pace, self._cookie_watch, task.exclude
        )
        self._poller = select.poll()
        self._poller.register(self._inotify.fd, select.POLLIN)
        self._poller.register(self._mounts.fd, select.POLLPRI | select.POLLERR)
        self._poller.register(wake, select.POLLIN)
        self._only_events = select.poll()
        self._only_events.register(self._inotify.fd, select.POLLIN)
        self._barriers: list[tuple[int, str]] = []
        self._resync: int | None = None
        self._again = False
        self._next_poll = self._clock() + self._pace.poll
        self._next_look: float | None = None
        self.ready = False
        self.failures: tuple[tuple[str, str], ...] = ()
        self.events = 0
        self.last_event: float | None = None
        self._crawler.tree(self.watches.root, covered=True)
        self._initial = self._crawler.mark()
        self._find_cookies()

    @property
    def overflows(self) -> int:
        return self._translator.overflows

    def turn(self, limit: float | None) -> None:
        """Wait for something to do, at most ``limit`` seconds, and do it. Raises Lost."""
        awake = {fd for fd, _ in self._poller.poll(self._timeout(limit))}
        if self._inotify.fd in awake:
            self._read()
        if self._mounts.fd in awake or self._translator.unmounted:
            self._translator.unmounted = False
            self._look_at_mounts()
        now = self._clock()
        if self._crawler:
            self._crawler.run(self._clock, now + self._pace.crawl)
            now = self._clock()
        if self._again and self._resync is not None and self._crawler.done(self._resync):
            self._again = False
            self._start_resync()
        self._batch.looks(self._settling.due(now))
        if self._phantoms.due is not None and self._phantoms.due <= now:
            self._phantoms.find(self._batch)
        if self._next_poll <= now:
            self.poll()
        elif self._next_look is not None and self._next_look <= now:
            # The kernel is silent about a deleted root while a deleted file in it is still open.
            self._next_look = None
            self._check_root()
        if self._barriers:
            self._pass_barriers()
        self.report()
        if not self.ready and self._crawler.done(self._initial) and not self._crawler:
            self.ready = True
            self._record([Ready()])

    def poll(self) -> None:
        """Report and try again what could not be watched; see whether the root is still the root.
        Raises Lost.
        """
        self._next_poll = self._clock() + self._pace.poll
        self._check_root()
        if self._translator.cookies is None:
            self._translator.cookies = self._watch_cookies()
            self._find_cookies()
        self.blind.gaps()
        for node, names in self.blind.retry().items():
            if names is None:
                self._crawler.tree(node)
            else:
                self._crawler.adopt(node, names)
        for node in list(self._crawler.stale):
            path = self.watches.path(node)
            if path is not None:
                self._batch.gap(path, "it could not be reached")
            self._crawler.revisit(node)

    def finish(self) -> None:
        """Empty the queue and report everything. Raises Lost."""
        end = self._clock() + _FINISH
        while self._only_events.poll(0) and self._clock() < end:
            self._read()
        self._crawler.run(self._clock, end)
        self._batch.looks(self._settling.drain())
        self._phantoms.notice(self._batch.dirty, end)
        self._phantoms.find(self._batch)
        if self._crawler:
            if not self.ready or not self._crawler.done(self._resync or 0):
                self._batch.gap("", "the watcher ended before all watches were set")
            self._batch.trees.update(dict.fromkeys(self._crawler.unfinished()))
        self.blind.gaps()
        self.report()

    def lose(self, why: str) -> None:
        """Report what is known, with the loss of the rest first."""
        self._batch.gap("", plain(why))
        self._batch.looks(self._settling.drain())
        self.report()

    def close(self) -> None:
        self._crawler.close()
        self._mounts.close()
        self._inotify.close()

    def report(self) -> None:
        """Hand over what the turn gathered."""
        self._phantoms.notice(self._batch.dirty, self._clock())
        self.failures = self.blind.shown() if self.blind.parts else ()
        changes = self._batch.take(self.watches)
        if changes:
            self._record(changes)

    def _timeout(self, limit: float | None) -> int:
        """Milliseconds, rounded up: never wake a moment too early."""
        if self._crawler:
            return 0
        moments = [
            self._next_poll,
            self._next_look,
            self._settling.next(),
            self._phantoms.due,
        ]
        wait = min(moment for moment in moments if moment is not None) - self._clock()
        if limit is not None:
            wait = min(wait, limit)
        return max(0, int(wait * 1000) + 1)

    def _read(self) -> None:
        """One read, and more only while half a rename waits for the other half."""
        translator, halves = self._translator, self._translator.halves
        overflows = translator.overflows
        self._feed()
        end = self._clock() + 4 * self._pace.pair
        while halves:
            now = self._clock()
            wait = min(halves.deadline(), end) - now
            if wait > 0 and self._only_events.poll(int(wait * 1000) + 1):
                self._feed()
            for half in halves.expired(now if now < end else float("inf")):
                translator.alone(half)
        if translator.overflows > overflows:
            self._batch.gap("", "overflow: events came faster than they were read")
            self._start_resync()
        if translator.root_doubt:
            why, translator.root_doubt = translator.root_doubt, ""
            self._check_root(why)
        for node in translator.doomed:
            if self.watches.path(node) is None:
                self._crawler.drop(node)
        translator.doomed.clear()
        for node in translator.renamed:
            self._crawler.renamed(node)
        translator.renamed.clear()
        for node, names in translator.adopt.items():
            self._crawler.adopt(node, list(names))
        translator.adopt.clear()
        if translator.nonces:
            mark = self._crawler.mark()
            self._barriers += [(mark, nonce) for nonce in translator.nonces]
            translator.nonces.clear()

    def _feed(self) -> None:
        events = decode(self._inotify.read())
        if events:
            self.last_event = self._clock()
            self.events += len(events)
            if self._next_look is None:
                self._next_look = self.last_event + self._pace.retry
            self._translator.feed(events, self.last_event)

    def _start_resync(self) -> None:
        """Bring the map up to date after an overflow. One at a time: another one follows if need
        be.
        """
        if self._resync is not None and not self._crawler.done(self._resync):
            self._again = True
            return
        self._crawler.tree(self.watches.root, verify=True)
        self._resync = self._crawler.mark()
        self._find_cookies()

    def _find_cookies(self) -> None:
        """Barriers laid while nobody heard of it; one that was passed may be passed again."""
        if self._task.cookies is None:
            return
        try:
            names = [name for name in os.listdir(self._task.cookies) if name.isascii()]
        except OSError:
            return
        self._barriers += [(self._crawler.mark(), name) for name in names]

    def _pass_barriers(self) -> None:
        """Barriers before which everything was crawled: report what still waits, then them."""
        through = [nonce for mark, nonce in self._barriers if self._crawler.done(mark)]
        if not through or self._again:
            return
        self._barriers = [bar for bar in self._barriers if bar[1] not in through]
        self._batch.looks(self._settling.drain())
        self._phantoms.notice(self._batch.dirty, self._clock())
        self._phantoms.find(self._batch)
        self.blind.gaps()
        for node in self._crawler.stale:
            path = self.watches.path(node)
            if path is not None:
                self._batch.gap(path, "it was being renamed")
        self._batch.cookies.update(dict.fromkeys(through))

    def _look_at_mounts(self) -> None:
        points = self._mounts.changes()
        if points is None:
            self._check_root("the source was mounted over or unmounted")
            return
        for point in points:
            directory, name = split(point)
            parent = self.watches.find(directory)
            if parent is None or (self._task.exclude and self._task.exclude(point)):
                continue
            self._batch.gap(point, "something was mounted or unmounted here")
            self._crawler.adopt(parent, [name])

    def _check_root(self, why: str = "") -> None:
        try:
            fd = os.open(self._task.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                return  # says nothing about the root
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                raise Lost(why or "the source is gone") from error
            raise Lost(f"the source cannot be opened: {reason(error)}") from error
        try:
            if self._inotify.watch(fd, ROOT) != self.watches.root.wd:
                raise Lost(why or "another directory is in the source's place")
        except OSError as error:
            raise Lost(why or reason(error)) from error
        finally:
            os.close(fd)

    def _watch_cookies(self) -> int | None:
        if self._task.cookies is None:
            return None
        try:
            fd = os.open(self._task.cookies, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            return self._inotify.watch(fd, COOKIES)
        except OSError:
            return None
        finally:
            os.close(fd)
