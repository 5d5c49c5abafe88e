"""Events by inotify: a watch in every directory, set by crawling, kept by what the events say.

Law: the queue is read before anything is crawled, and what events ask for is done after all that
one read returned was taken in.
"""

import os
import select
from collections.abc import Callable

from mirrorfs.core.tree import split
from mirrorfs.watch.batch import Batch
from mirrorfs.watch.coverage import Blind
from mirrorfs.watch.crawl import Crawler
from mirrorfs.watch.inotify import COOKIES, ROOT, Inotify, decode
from mirrorfs.watch.settle import Settling
from mirrorfs.watch.task import Task
from mirrorfs.watch.translate import Translator
from mirrorfs.watch.watches import Node, Watches


class InotifyBackend:
    """Watches ``task.root``. Raises OSError."""

    name = "inotify"

    def __init__(self, task: Task, batch: Batch, settling: Settling) -> None:
        self._task = task
        self._batch = batch
        self._inotify = Inotify()
        try:
            cookies = self._watch_cookies()
            fd = os.open(task.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                self.watches = Watches(self._inotify.watch(fd, ROOT))
                device = os.fstat(fd).st_dev if task.one_file_system else None
            finally:
                os.close(fd)
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
        self._crawler.tree(self.watches.root, covered=True)

    @property
    def overflows(self) -> int:
        return self._translator.overflows

    def read(self, clock: Callable[[], float]) -> bool:
        """One read, and more only while half a rename waits for the other half."""
        translator, halves, pair = self._translator, self._translator.halves, self._task.pace.pair
        overflows, events = translator.overflows, self.events
        self._feed(clock)
        end = clock() + 4 * pair
        while halves:
            now = clock()
            wait = min(halves.deadline(), end) - now
            if wait > 0 and self._only_events.poll(int(wait * 1000) + 1):
                self._feed(clock)
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
        self.nonces += translator.nonces
        translator.nonces.clear()
        return self.events > events

    def pending(self) -> bool:
        return bool(self._only_events.poll(0))

    def is_root(self, directory: int) -> bool:
        return self._inotify.watch(directory, ROOT) == self.watches.root.wd

    def open(self, node: Node) -> int:
        return self._crawler.open(node)

    def hear_barriers(self) -> bool:
        if self._translator.cookies is not None:
            return False
        self._translator.cookies = self._watch_cookies()
        return True

    def __bool__(self) -> bool:
        return bool(self._crawler)

    def run(self, clock: Callable[[], float], until: float) -> None:
        self._crawler.run(clock, until)
        if self._again and self._resync is not None and self._crawler.done(self._resync):
            self._again = False
            self._start_resync()

    def mark(self) -> int:
        return self._crawler.mark()

    def done(self, mark: int) -> bool:
        return self._crawler.done(mark)

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

    def close(self) -> None:
        self._crawler.close()
        self._inotify.close()

    def _feed(self, clock: Callable[[], float]) -> None:
        events = decode(self._inotify.read())
        if events:
            self.events += len(events)
            self._translator.feed(events, clock())

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
