"""Events by inotify: a watch in every directory, set by crawling, kept by what the events say.

Law: the queue is read before anything is crawled, and what events ask for is done after all that
one read returned was taken in.
"""

import errno
import os
import select
from collections.abc import Callable

from mirrorfs.core.tree import split
from mirrorfs.watch.batch import Batch
from mirrorfs.watch.coverage import Blind
from mirrorfs.watch.crawl import Crawler
from mirrorfs.watch.inotify import COOKIES, ROOT, Inotify
from mirrorfs.watch.kept import NOTHING, TOO_MANY, Claim, Kept, keep
from mirrorfs.watch.pending import pending
from mirrorfs.watch.settle import Key, Settling
from mirrorfs.watch.task import Task
from mirrorfs.watch.translate import Translator
from mirrorfs.watch.watches import Node, Watches

_HALF_FULL = 256 << 10  # bytes of queued events, long before there are 16,384 of them


class InotifyBackend:
    """Watches ``task.root``. Raises OSError.

    ``kept``: an instance that an earlier process left. Its watches are found again by setting them
    (the kernel gives a directory the watch it has); until that is done its queue, whose events are
    older than the map, waits; and until that is read, what came to a name is looked at whole.
    """

    name = "inotify"
    silence = ""

    def __init__(
        self,
        task: Task,
        batch: Batch,
        settling: Settling,
        kept: Kept | None = None,
        claim: Claim = NOTHING,
    ) -> None:
        self._task = task
        self._batch = batch
        self._inotify = Inotify(kept)
        self.continued = kept is not None
        try:
            cookies = self._watch_cookies()
            fd = os.open(task.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                self.watches = Watches(self._inotify.watch(fd, ROOT))
                device = os.fstat(fd).st_dev if task.one_file_system else None
            finally:
                os.close(fd)
            if kept is not None and kept.flight.root != self.watches.root.wd:
                raise OSError(errno.ESTALE, "another directory is in the source's place")
            if kept is None and task.keeper is not None:
                root = self.watches.root.wd
                self._inotify.flight = keep(task.keeper, self.name, self._inotify.fd, claim, root)
        except BaseException:
            self._inotify.close()
            raise
        self.fd = self._inotify.fd
        self.blind = Blind(self.watches, batch)
        self._crawler = Crawler(
            task.root, self._inotify, self.watches, batch, self.blind, task.exclude, device
        )
        self._translator = Translator(
            self.watches, batch, settling, task.pace, cookies, task.exclude
        )
        self._only_events = select.poll()
        self._only_events.register(self.fd, select.POLLIN)
        self._resync: int | None = None
        self._again = False
        self.nonces: list[str] = []
        self.doubt = ""
        self.unmounted = False
        self.resyncs = 0
        self.events = 0
        self._taken = 0  # bytes of events
        self._older = 0  # the horizon of what is older than the map
        self._crawler.tree(self.watches.root, covered=True)
        if kept is not None:
            self._crawler.known = kept.flight.settled
            self._translator.careful = True
        self._remapping = self.continued

    crowded = False
    hears_others = False

    @property
    def overflows(self) -> int:
        return self._translator.overflows

    @property
    def watched(self) -> int:
        return len(self.watches.nodes)

    def read(self, clock: Callable[[], float]) -> bool:
        """One read, and more only while half a rename waits for the other half."""
        if self._remapping:
            if self._inotify.queued() > _HALF_FULL:
                self._inotify.read()  # into the memory, to be taken in when its time comes
            return False
        return self._take(clock, self._read())

    def _take(self, clock: Callable[[], float], data: bytes) -> bool:
        translator, halves, pair = self._translator, self._translator.halves, self._task.pace.pair
        overflows, events = translator.overflows, self.events
        self._feed(clock, data)
        end = clock() + 4 * pair
        while halves:
            now = clock()
            wait = min(halves.deadline(), end) - now
            if wait > 0 and self._only_events.poll(int(wait * 1000) + 1):
                self._feed(clock, self._read())
            for half in halves.expired(now if now < end else float("inf")):
                translator.alone(half)
        if translator.overflows > overflows:
            self._batch.gap("", "overflow: events came faster than they were read")
            self._start_resync()
        if translator.root_doubt:
            self.doubt, translator.root_doubt = translator.root_doubt, ""
        if translator.unmounted:
            self.unmounted, translator.unmounted = True, False
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
        if not translator.careful:  # else what heals the map may be queued behind the barrier
            self.nonces += translator.nonces
            translator.nonces.clear()
        return self.events > events

    def pending(self) -> bool:
        return bool(self._only_events.poll(0))

    def horizon(self) -> int:
        return self._taken + self._inotify.queued()

    def is_past(self, horizon: int) -> bool:
        return self._taken >= horizon

    def is_root(self, directory: int) -> bool:
        return self._inotify.watch(directory, ROOT) == self.watches.root.wd

    def open(self, node: Node) -> int:
        return self._crawler.open(node)

    def hear_barriers(self) -> bool:
        if self._translator.cookies is not None:
            return False
        self._translator.cookies = self._watch_cookies()
        return True

    def clear(self) -> None:
        pass

    def __bool__(self) -> bool:
        return bool(self._crawler) or self._remapping or self._translator.careful

    def run(self, clock: Callable[[], float], until: float) -> None:
        self._crawler.run(clock, until)
        if self._remapping and not self._crawler:
            self._catch_up(clock)
        if self._again and self._resync is not None and self._crawler.done(self._resync):
            self._again = False
            self._start_resync()

    def mark(self) -> int:
        return self._crawler.mark()

    def done(self, mark: int) -> bool:
        return not self._translator.careful and self._crawler.done(mark)

    def settled(self) -> bool:
        return not self._again and self._crawler.done(self._resync or 0)

    def unfinished(self) -> list[Node]:
        return self._crawler.unfinished()

    def gaps(self) -> None:
        self.blind.gaps()
        for node in self._crawler.stale:
            path = self.watches.path(node)
            if path is not None:
                self._batch.gap(path, "it was being renamed")

    def retry(self) -> None:
        for node, names in self.blind.retry().items():
            if names is None:
                self._crawler.tree(node)
            else:
                self._crawler.adopt(node, names)
        for node in list(self._crawler.stale):
            self._crawler.revisit(node)

    def look(self, path: str) -> bool:
        directory, name = split(path)
        parent = self.watches.find(directory)
        if parent is not None:
            self._crawler.adopt(parent, [name])
        return parent is not None

    def landed(self, waiting: list[Key], *, ready: bool) -> None:
        flight = self._inotify.flight
        if flight is None or self._remapping:
            return
        idle = not self._crawler and not self._crawler.stale
        flight.landed(waiting, pending(self._crawler), self._inotify.highest if idle else None)
        if ready:
            flight.continues(True)

    def lost(self) -> None:
        if self._inotify.flight is not None:
            self._inotify.flight.continues(False)

    def close(self) -> None:
        self._crawler.close()
        self._inotify.close()

    def _read(self) -> bytes:
        data = self._inotify.read()
        self._taken += len(data)
        return data

    def _feed(self, clock: Callable[[], float], data: bytes) -> None:
        if data:
            self.events += self._translator.feed(data, clock())
        if self._translator.careful and self.is_past(self._older) and not self._remapping:
            self._translator.careful = False
            self.resyncs += 1

    def _catch_up(self, clock: Callable[[], float]) -> None:
        """The map is made anew: take in what the earlier process had read and not recorded, and
        what was read since; the queue follows as far as it is older than the map."""
        flight = self._inotify.flight
        assert flight is not None
        waiting = flight.waiting()
        if waiting is None:
            self._batch.gap("", TOO_MANY)
        else:
            for wd, name, whole in waiting:
                (self._batch.look_whole if whole else self._batch.look)(wd, name)
        self._older = self.horizon()
        self._remapping = False
        self._take(clock, flight.events())

    def _start_resync(self) -> None:
        """Bring the map up to date after an overflow. One at a time: another one follows if need
        be.
        """
        if self._resync is not None and not self._crawler.done(self._resync):
            self._again = True
            return
        self._crawler.tree(self.watches.root, verify=True)
        self._resync = self._crawler.mark()
        self.resyncs += 1

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
