"""Watch, then list: how directories come under watch, a slice at a time.

Law: a directory is watched before it is listed, both through one open descriptor, so that whatever
is made in it is either listed or an event; and it is announced (look at everything below) after the
last watch below it is set, so that whatever was made before is seen by that look.

A watch descriptor is an identity: the kernel gives a directory the one it already has. So a
directory that is met in a place where it was not known is recognised; and a path is trusted only
when the directory opened there has the descriptor that its node has. Otherwise the names in the map
are older than the tree; the event that brings them up to date is still queued, and handling it
comes back here.

A crawl is a generator and gives way often. At most `WINDOW` are under way, with `HELD` descriptors
each.
"""

import errno
import os
from collections import deque
from collections.abc import Callable, Iterator

from mirrorfs.watch.batch import Batch
from mirrorfs.watch.coverage import Blind, reason
from mirrorfs.watch.frame import Frame
from mirrorfs.watch.inotify import DIRECTORY, ROOT, Inotify
from mirrorfs.watch.leaf import Leaves
from mirrorfs.watch.reach import OPEN, descend
from mirrorfs.watch.watches import Node, Watches, child, lineage, remove

WINDOW = 4
HELD = 32
BURST = 16  # directories visited without giving way
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class Crawler:
    """Sets the watches below a root that is watched; ``device``: stay on the file system with that
    number.
    """

    def __init__(
        self,
        root: str,
        inotify: Inotify,
        watches: Watches,
        batch: Batch,
        blind: Blind,
        exclude: Callable[[str], bool] | None = None,
        device: int | None = None,
    ) -> None:
        self._root = root
        self._inotify = inotify
        self._watches = watches
        self._batch = batch
        self._blind = blind
        self._exclude = exclude
        self._device = device
        self._leaves = Leaves()
        self._number = 0
        self.known = 0  # watches up to this number were announced by an earlier process
        self._waiting: deque[tuple[int, Iterator[None]]] = deque()
        self._active: deque[tuple[int, Iterator[None]]] = deque()
        self.stacks: dict[int, list[Frame]] = {}
        self.pruned: set[Node] = (
            set()
        )  # some of their directories are left out, because of their paths
        self.stale: set[Node] = set()  # could not be reached by the names known

    # What there is to do

    def tree(self, node: Node, *, covered: bool = False, verify: bool = False) -> None:
        """List ``node`` and go down. ``covered``: what is found needs no announcement."""
        self._begin([Frame(node, covered=covered, verify=verify)])

    def adopt(self, node: Node, names: list[str]) -> None:
        """Look at these names of ``node``: the directories among them are watched, listed and
        announced.
        """
        self._begin([Frame(node, names)])

    def drop(self, node: Node) -> None:
        """Take ``node`` out of the map, at once; the watches below are ended as time permits."""
        remove(node)
        self._number += 1
        self._waiting.append((self._number, self._reap(node)))

    def renamed(self, node: Node) -> None:
        """``node`` has a new path: what was left out or not reached below it may be now."""
        if self.pruned or self.stale:
            for other in [*self.pruned, *self.stale]:
                if any(above is node for above in lineage(other)):
                    self.revisit(other)

    def revisit(self, node: Node) -> None:
        self.pruned.discard(node)
        self.stale.discard(node)
        if self._watches.path(node) is not None:
            self.tree(node)

    def _begin(self, stack: list[Frame]) -> None:
        self._number += 1
        self.stacks[self._number] = stack
        self._waiting.append((self._number, self._crawl(stack)))

    # How far it is

    def __bool__(self) -> bool:
        return bool(self._active or self._waiting)

    def mark(self) -> int:
        """A number for all that has been begun; see `done`."""
        return self._number

    def done(self, mark: int) -> bool:
        """Whether all that was begun before ``mark`` is finished."""
        return not any(number <= mark for number in self.stacks)

    def unfinished(self) -> list[Node]:
        """Directories that are to be announced and cannot be yet; none may have been announced at
        all when a crawl began above them.
        """
        return [
            frame.node for stack in self.stacks.values() for frame in stack if not frame.covered
        ]

    def run(self, clock: Callable[[], float], until: float) -> None:
        """Go on until the moment ``until`` or until nothing is left."""
        if self:
            with self._inotify.near():
                self._run(clock, until)

    def _run(self, clock: Callable[[], float], until: float) -> None:
        while self._active or self._waiting:
            while self._waiting and len(self._active) < WINDOW:
                self._active.append(self._waiting.popleft())
            number, task = self._active.popleft()
            try:
                next(task)
            except StopIteration:
                self.stacks.pop(number, None)
            else:
                self._active.append((number, task))
            if clock() >= until:
                return

    def close(self) -> None:
        """End everything; descriptors are closed."""
        for stack in self.stacks.values():
            for frame in stack:
                frame.close()
        self.stacks.clear()
        self._active.clear()
        self._waiting.clear()

    # How it is done

    def open(self, node: Node) -> int:
        """A descriptor of the directory that ``node`` stands for; -1 when it is not where the map
        says.

        Raises OSError (descriptors used up, permission taken away, input/output error).
        """
        path = self._watches.path(node)
        if path is None:
            return -1
        try:
            fd = descend(self._root, path)
            try:
                wd = self._inotify.watch(fd, DIRECTORY if node.parent else ROOT)
            except OSError:
                os.close(fd)
                raise
        except OSError as error:
            if error.errno not in (*_GONE, errno.ENOSPC):
                raise
            self.stale.add(node)  # ENOSPC: a watch it does not have, so it is another directory
            return -1
        if wd == node.wd:
            return fd
        os.close(fd)
        if wd not in self._watches.nodes:
            self._inotify.unwatch(wd)
        self.stale.add(node)
        return -1

    def _crawl(self, stack: list[Frame]) -> Iterator[None]:
        while stack:
            frame = stack[-1]
            if frame.fd < 0 and frame.names != []:
                try:
                    frame.fd = self.open(frame.node)
                except OSError as error:
                    self._blind.fail(frame.node, None, reason(error))
            if frame.fd < 0:
                self._leave(stack.pop())
                continue
            if frame.names is None:
                try:
                    yield from self._list(frame)
                except OSError as error:
                    self._blind.fail(frame.node, None, reason(error))
                else:
                    frame.listed = True
            if frame.names:
                below = self._visit_some(frame, frame.names)
                if below is not None:
                    stack.append(below)
                    if len(stack) > HELD:
                        stack[-1 - HELD].close()
            if stack[-1] is frame and not frame.names:
                self._leave(stack.pop())
            yield

    def _list(self, frame: Frame) -> Iterator[None]:
        known = dict(frame.node.children or ()) if frame.verify else {}
        names: list[str] = []
        frame.names = names
        with os.scandir(frame.fd) as entries:
            for count, entry in enumerate(entries, 1):
                if entry.is_dir(follow_symlinks=False):
                    names.append(entry.name)
                if not count % 1024:
                    yield
        for name in known.keys() - set(names):
            if child(frame.node, name) is known[name]:
                self.drop(known[name])

    def _visit_some(self, frame: Frame, names: list[str]) -> Frame | None:
        """Visit the next names; the first that is to be gone down into."""
        directory = self._watches.path(frame.node)
        if directory is None:
            names.clear()  # moved out or deleted meanwhile
            return None
        prefix = directory and directory + "/"
        for _ in range(min(BURST, len(names))):
            name = names.pop()
            below = self._visit(frame, name, prefix + name)
            if below is not None:
                return below
            if not names:  # or the limit was reached
                return None
        return None

    def _visit(self, frame: Frame, name: str, path: str) -> Frame | None:
        """Bring the directory ``name`` under watch; its frame, if there is something to go down
        into.
        """
        parent = frame.node
        if self._exclude is not None and self._exclude(path):
            self._prune(parent, name)
            return None
        try:
            fd = os.open(name, OPEN, dir_fd=frame.fd)
        except OSError as error:
            if error.errno in _GONE:
                self._blind.heal(parent, name, "it is gone")
            else:
                self._blind.fail(parent, name, reason(error))
            return None
        below = None
        try:
            below = self._enter(frame, name, path, fd)
        except OSError as error:
            self._blind.fail(parent, name, reason(error))
            if error.errno == errno.ENOSPC and (parent, None) in self._blind and frame.names:
                frame.names.clear()  # the limit is reached, and this directory is blind as a whole
        finally:
            if below is None:
                os.close(fd)
        return below

    def _enter(self, frame: Frame, name: str, path: str, fd: int) -> Frame | None:
        """The frame of the directory open as ``fd``, now watched; None if nothing is to be done
        below. Raises OSError."""
        if self._device is not None and os.fstat(fd).st_dev != self._device:
            self._prune(frame.node, name)
            return None
        wd = self._inotify.watch(fd)
        known = self._watches.nodes.get(wd)
        if known is None:
            node = Node(wd)
            announce = self._put(node, frame, name)
            if self._is_leaf(frame, fd):
                self._done_below(node, announce, listed=True)
                return None
            return Frame(node, fd=fd, announce=announce, covered=True, verify=frame.verify)
        below = self._meet(frame, name, path, fd, known)
        if below is not None and not known.children and self._is_leaf(frame, fd):
            self._done_below(known, below.announce, listed=True)
            return None
        return below

    def _meet(self, frame: Frame, name: str, path: str, fd: int, known: Node) -> Frame | None:
        """A directory that has its watch already."""
        before = self._watches.path(known)
        if before == path:
            self._healed(frame.node, name)
            if not frame.verify:
                return None
            return Frame(known, fd=fd, covered=frame.covered, verify=True)
        if before is not None and self._is_there(before, fd):
            # A bind mount: the kernel tells of one watch, with one name. Also what a loop of mounts
            # is.
            self._blind.fail(frame.node, name, f"the same directory as {before or 'the root'}")
            return None
        if any(above is known for above in lineage(frame.node)):
            self.stale.add(frame.node)
            return None
        announce = self._put(known, frame, name)
        self.renamed(known)
        # Met again after it had left the map, some watches below may have been ended.
        if frame.verify or before is None:
            return Frame(known, fd=fd, announce=announce, covered=True, verify=True)
        if announce:
            self._batch.trees[known] = None
        return None

    def _put(self, node: Node, frame: Frame, name: str) -> bool:
        """Place a node; whether it is to be announced."""
        parent = frame.node
        displaced = self._watches.place(node, parent, name)
        if displaced is not None:
            self.drop(displaced)
        unknown = 0 < self.known < node.wd and parent.wd <= self.known
        return self._healed(parent, name) or not frame.covered or unknown

    def _is_leaf(self, frame: Frame, fd: int) -> bool:
        if frame.device < 0:
            frame.device = os.fstat(frame.fd).st_dev
        return self._leaves.has(fd, frame.device)

    def _healed(self, parent: Node, name: str) -> bool:
        return bool(self._blind.parts) and self._blind.heal(parent, name)

    def _is_there(self, path: str, fd: int) -> bool:
        try:
            other = descend(self._root, path)
        except OSError:
            return False
        try:
            return os.path.sameopenfile(other, fd)
        finally:
            os.close(other)

    def _prune(self, parent: Node, name: str) -> None:
        self.pruned.add(parent)
        self._blind.heal(parent, name, "it is left out")
        known = child(parent, name)
        if known is not None:
            self.drop(known)

    def _leave(self, frame: Frame) -> None:
        frame.close()
        self._done_below(frame.node, frame.announce, listed=frame.listed)

    def _done_below(self, node: Node, announce: bool, *, listed: bool) -> None:
        if (listed and self._blind.parts and self._blind.listed(node)) or announce:
            self._batch.trees[node] = None

    def _reap(self, top: Node) -> Iterator[None]:
        doomed = [top]
        count = 0
        while doomed:
            node = doomed.pop()
            if self._watches.path(node) is not None:
                continue  # it came back
            if self._watches.nodes.get(node.wd) is node:
                self._watches.forget(node)
                self._inotify.unwatch(node.wd)
            self.pruned.discard(node)
            self.stale.discard(node)
            doomed += (node.children or {}).values()
            count += 1
            if not count % 64:
                yield
