"""Events by fanotify: one mark for the whole file system, no watch and no crawl of any directory.

Law: an event says that a name is dirty, never what happened to it: the kernel merges what was not
read yet, and so loses the order. Every name an event tells of is looked at, and after a rename of a
directory all below both its ends.

Events of other trees on the same file system come, too; they cost a look into a dict and nothing
is told of them. Where something cannot be found out (the root moved away meanwhile, descriptors
used up), the answer is a gap over the whole source.
"""

import errno
import os
import select
from collections.abc import Callable, Iterator

from mirrorfs.core.change import Moved
from mirrorfs.core.tree import join
from mirrorfs.watch.batch import Batch, text
from mirrorfs.watch.coverage import Blind, reason
from mirrorfs.watch.fanotify import (
    CLOSE_WRITE,
    CREATE,
    DELETE,
    MODIFY,
    ONDIR,
    OVERFLOW,
    RENAME,
    Event,
    Fanotify,
    decode,
    handle_of,
)
from mirrorfs.watch.kept import NOTHING, NOWHERE, TOO_MANY, Claim, Kept, keep
from mirrorfs.watch.places import Astray, Places
from mirrorfs.watch.reach import descend
from mirrorfs.watch.settle import Key, Settling
from mirrorfs.watch.sift import Names
from mirrorfs.watch.task import Task
from mirrorfs.watch.watches import Node

_FINISHED = CLOSE_WRITE | DELETE
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class FanotifyBackend:
    """Hears of all on the file system of ``task.root``. Raises OSError when that cannot be: EPERM
    without the capabilities, EXDEV in a btrfs subvolume, EOPNOTSUPP on overlayfs, EINVAL before
    Linux 5.17.

    ``kept``: a queue that an earlier process left. Its marks hear of the same as ever when setting
    them again changes none of them.
    """

    name = "fanotify"
    hears_others = True

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
        self._settling = settling
        self._queue = Fanotify(kept)
        self.continued = self._left = kept is not None
        self._taken = 0  # events
        self._cookies_on = -1
        try:
            marks = self._queue.marks()
            self._cookies = self._mark_cookies()
            fd = os.open(task.root, _OPEN)
            try:
                self._queue.mark_file_system(fd)
                self._device = os.fstat(fd).st_dev
            finally:
                os.close(fd)
            if self.continued and marks != self._queue.marks():
                raise OSError(errno.ESTALE, "its marks are not those of the source")
            self._places = Places(task.root, task.exclude, one_file_system=task.one_file_system)
            if kept is None and task.keeper is not None:
                self._queue.flight = keep(task.keeper, self.name, self._queue.fd, claim)
        except BaseException:
            self._queue.close()
            raise
        self.fd = self._queue.fd
        self.watches = self._places.watches
        self.blind = Blind(self.watches, batch)
        self._only_events = select.poll()
        self._only_events.register(self.fd, select.POLLIN)
        self.nonces: list[str] = []
        self.doubt = ""
        self.unmounted = False
        self.silence = ""
        self.overflows = 0
        self.resyncs = 0
        self.events = 0

    @property
    def watched(self) -> int:
        return 0

    @property
    def crowded(self) -> bool:
        return self._places.full

    def read(self, clock: Callable[[], float]) -> bool:
        return not self._left and self._take(clock, self._read())

    def _read(self) -> list[Event]:
        told = decode(self._queue.read())
        self._taken += len(told)
        return told

    def _take(self, clock: Callable[[], float], told: list[Event]) -> bool:
        events = self.events
        try:
            try:
                self._feed(told, clock())
            finally:
                for path in self._places.deep:
                    self._batch.paths[path] = True
                self._places.deep.clear()
                self._places.done()
        except Astray as astray:
            for mask, _, _, child, _ in [*told, *self._read()]:
                self._suspect(mask, child)
            self.doubt = self.doubt or str(astray)
            self._miss(self.doubt)
        except OSError as error:
            self._miss(f"an event could not be understood: {reason(error)}")
        return self.events > events or bool(self.nonces)

    def pending(self) -> bool:
        return bool(self._only_events.poll(0))

    def horizon(self) -> int:
        return self._taken + self._queue.queued()

    def is_past(self, horizon: int) -> bool:
        return self._taken >= horizon

    def is_root(self, directory: int) -> bool:
        return self._places.is_root(directory) and self._queue.has_mark()

    def open(self, node: Node) -> int:
        path = self.watches.path(node)
        return -1 if path is None else descend(self._task.root, path)

    def hear_barriers(self) -> bool:
        if self._cookies:
            return False
        try:
            self._cookies = self._mark_cookies()
        except OSError:
            return False
        return bool(self._cookies)

    def clear(self) -> None:
        self._places.clear()

    # There is never anything to crawl; what is done is to take in what an earlier process left.

    def __bool__(self) -> bool:
        return self._left

    def run(self, clock: Callable[[], float], until: float) -> None:
        flight = self._queue.flight
        if not self._left or flight is None:
            return
        self._left = False
        waiting = flight.waiting()
        if waiting is None:
            self._batch.gap("", TOO_MANY)
        for _, path, whole in waiting or ():
            self._batch.paths[text(path)] = whole
        self.resyncs += 1
        self._take(clock, decode(flight.events()))

    def mark(self) -> int:
        return 0

    def done(self, mark: int) -> bool:
        return not self._left

    def settled(self) -> bool:
        return True

    def unfinished(self) -> list[Node]:
        return []

    def gaps(self) -> None:
        pass

    def retry(self) -> None:
        pass

    def look(self, path: str) -> bool:
        self._places.came()
        return True

    def landed(self, waiting: list[Key], *, ready: bool) -> None:
        flight = self._queue.flight
        if flight is None or self._left:
            return
        whole = ((NOWHERE, os.fsencode(path)) for path in self._batch.afterwards)
        flight.landed(self._placed(waiting), whole, None)
        if ready:
            flight.continues(True)

    def _placed(self, waiting: list[Key]) -> Iterator[Key]:
        """By path: a number means nothing to the next process. What has none was renamed with a
        directory above it, and both ends of that are looked at whole."""
        for number, name in waiting:
            node = self.watches.nodes.get(number)
            directory = None if node is None else self.watches.path(node)
            if directory is not None:
                path = join(directory, text(name)) if name else directory
                yield NOWHERE, os.fsencode(path)

    def lost(self) -> None:
        if self._queue.flight is not None:
            self._queue.flight.continues(False)

    def close(self) -> None:
        self._queue.close()

    # What events mean

    def _feed(self, events: list[Event], now: float) -> None:
        finished: Names = {}
        try:
            self._sort(events, now, finished)
        finally:
            for number, names in finished.items():
                self._batch.names(number, self._settling.finished(number, names, now))

    def _sort(self, events: list[Event], now: float, finished: Names) -> None:
        find, settling = self._places.find, self._settling
        for mask, directory, name, child, onto in events:
            if not directory:
                self._nameless(mask, child)
                continue
            if directory == self._cookies:
                if mask & CREATE:
                    self._lay(name)
                if not self._ambiguous:
                    continue
            if mask & ONDIR:
                self._suspect(mask, child)
            if mask & RENAME:
                if onto[0] == self._cookies:
                    self._lay(onto[1])
                self._renamed(mask, directory, name, child, onto)
                continue
            number = find(directory)
            if mask & ONDIR:
                self._directory(number, mask, name, child)
                continue
            if not number:
                continue
            self.events += 1
            key = (number, name)
            if mask & _FINISHED:
                finished.setdefault(number, {})[name] = None
            elif mask & MODIFY:
                settling.modified(key, now)
            elif mask & CREATE:
                settling.created(key, now)
            elif key not in settling:  # else it is still open, and its turn comes
                finished.setdefault(number, {})[name] = None

    def _nameless(self, mask: int, child: bytes) -> None:
        if mask & OVERFLOW:
            self.overflows += 1
            self._miss("overflow: events came faster than they were read")
        elif mask & (MODIFY | CLOSE_WRITE) and child:
            # Opened by its handle, as a file server does: no directory is known to the kernel.
            path = self._places.locate(child)
            if path:
                self.events += 1
                self._batch.paths.setdefault(path, False)
            elif self._places.adrift:
                self.silence = "files are written here that the kernel has no names of"

    def _directory(self, number: int, mask: int, name: bytes, child: bytes) -> None:
        if mask & DELETE:
            self._places.forget(child, number, text(name))
        if not number:
            return
        self.events += 1
        if mask & CREATE:
            # A snapshot comes with all that is in it.
            path = self.watches.below(self.watches.nodes[number], text(name))
            if path is not None:
                self._batch.paths[path] = True
        else:
            self._batch.look(number, name)

    def _renamed(
        self, mask: int, directory: bytes, name: bytes, child: bytes, onto: tuple[bytes, bytes]
    ) -> None:
        is_directory = bool(mask & ONDIR)
        numbers = self._places.find(directory), self._places.find(onto[0])
        ends = ((numbers[0], name), (numbers[1], onto[1]))
        origin, path = (self._path(number, at, is_directory) for number, at in ends)
        for key in ends:
            if key[0]:
                self._settling.forget(key)
        if is_directory:
            for end, at in ((directory, name), onto):
                self._places.forget(child, self._places.find(end), text(at))
            if path is not None and (origin is None or self._task.exclude is not None):
                self._places.came()
        if origin is None and path is None:
            return
        self.events += 1
        if origin is not None and path is not None:
            # Both names are looked at because of it.
            self._batch.moved[Moved(origin, path)] = None
            if is_directory:
                for both in (origin, path):
                    self._batch.afterwards[both] = None
                    self._batch.paths.setdefault(both, False)
            return
        one = origin or path
        assert one
        self._batch.paths[one] = is_directory or self._batch.paths.get(one, False)

    def _path(self, number: int, name: bytes, is_directory: bool) -> str | None:
        """The path of a name; None when it is not in the tree, or left out."""
        node = self.watches.nodes.get(number)
        above = None if node is None else self.watches.path(node)
        if above is None:
            return None
        path = join(above, text(name))
        if is_directory and self._task.exclude is not None and self._task.exclude(path):
            return None
        return path

    def _suspect(self, mask: int, child: bytes) -> None:
        """The root itself, or a directory above it, may have been renamed or deleted."""
        if not (mask & ONDIR and mask & (DELETE | RENAME)):
            return
        if child and (child == self._places.handle or child in self._places.above):
            what = "deleted or unmounted" if mask & DELETE else "renamed"
            self.doubt = f"the source was {what}"

    def _lay(self, name: bytes) -> None:
        if name.isascii():  # a barrier's name is ours; anything else in that directory is not
            self.nonces.append(name.decode())

    def _miss(self, why: str) -> None:
        """Events were lost, barriers and renames among them."""
        self.resyncs += 1
        self._places.clear()
        self._batch.gap("", why)

    @property
    def _ambiguous(self) -> bool:
        """Whether the handle of the directory of cookies may be that of one in the tree, too: a
        handle is one of its file system."""
        return self._cookies_on != self._device

    def _mark_cookies(self) -> bytes:
        """The handle of the directory of cookies, which the same queue tells of from now on; empty
        when there is none. Raises OSError."""
        if self._task.cookies is None:
            return b""
        try:
            fd = os.open(self._task.cookies, _OPEN)
        except OSError:
            return b""
        try:
            self._queue.mark_directory(fd)
            self._cookies_on = os.fstat(fd).st_dev
            return handle_of(fd)[0]
        finally:
            os.close(fd)
