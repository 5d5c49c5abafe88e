"""What an event means: a name to look at, a watch to set or to end, or that something was lost.

Law: this is the only place where masks are read. It does no I/O and waits for nothing, so that the
kernel's queue is emptied as fast as events come. What it cannot do itself it leaves in its fields
for the session.

The map may be ahead of the queue (a crawl saw the later state), and then an old event undoes what
is right. That heals by itself: what made the later state is queued behind it, and its handling
looks again.
"""

import os
from collections.abc import Callable

from mirrorfs.core.change import Moved
from mirrorfs.watch import inotify as mask_of
from mirrorfs.watch.batch import Batch, text
from mirrorfs.watch.inotify import (
    ATTRIB,
    CLOSE_WRITE,
    CREATE,
    DELETE,
    HEADER,
    IGNORED,
    ISDIR,
    MODIFY,
    MOVED_FROM,
    MOVED_TO,
    OVERFLOW,
    UNMOUNT,
)
from mirrorfs.watch.pairing import Half, Halves
from mirrorfs.watch.settle import Pace, Settling
from mirrorfs.watch.watches import Node, Watches, child, remove

_ITSELF = mask_of.DELETE_SELF | mask_of.MOVE_SELF


class Translator:
    """Feeds events into a batch, and gathers what else they ask for."""

    def __init__(
        self,
        watches: Watches,
        batch: Batch,
        settling: Settling,
        pace: Pace,
        cookies: int | None,
        exclude: Callable[[str], bool] | None,
    ) -> None:
        self._watches = watches
        self._batch = batch
        self._settling = settling
        self._pair = pace.pair
        self._exclude = exclude
        self.cookies = cookies  # the watch of the cookie directory
        self.halves = Halves()
        self.overflows = 0
        self.nonces: list[str] = []
        self.adopt: dict[Node, dict[str, None]] = {}
        self.doomed: list[Node] = []
        self.renamed: list[Node] = []
        self.pruned: list[Node] = []
        self.unmounted = False
        # The map is ahead of the queue: what came to a name is looked at whole.
        self.careful = False
        self.root_doubt = ""  # why the root has to be looked at

    def feed(self, data: bytes, now: float) -> int:
        """Take in what one read returned; how many events that was.

        This runs once per event, so names stay as they come, padded: cutting each would cost as
        much as all the rest.
        """
        settling, unpack = self._settling, HEADER.unpack_from
        at, end, count, current = 0, len(data), 0, -1
        finished: dict[bytes, None] = {}
        open_: dict[bytes, bool] = {}  # name → whether it was written to
        gathered: dict[int, tuple[dict[bytes, None], dict[bytes, bool]]] = {}
        while at < end:
            wd, mask, cookie, length = unpack(data, at)
            at += 16
            name = data[at : at + length]
            at += length
            count += 1
            if wd != current:
                current = wd
                if (both := gathered.get(wd)) is None:
                    both = gathered[wd] = ({}, {})
                finished, open_ = both
            if mask == CLOSE_WRITE or mask == DELETE:  # noqa: SIM109  # half the cost
                finished[name] = None
            elif mask == MODIFY:
                open_[name] = True
            elif mask == CREATE:
                if wd == self.cookies:
                    self._lay(name.rstrip(b"\0"))
                else:
                    open_.setdefault(name, False)
            elif mask == ATTRIB:
                # What is still open has its turn coming.
                if name not in open_ and not (settling and (wd, name.rstrip(b"\0")) in settling):
                    finished[name] = None
            else:
                open_.pop(name, None)
                self._rare(wd, mask, cookie, name.rstrip(b"\0"), now)
        for wd, (finished, open_) in gathered.items():
            self._gather(wd, finished, open_, now)
        return count

    def _gather(
        self, wd: int, finished: dict[bytes, None], open_: dict[bytes, bool], now: float
    ) -> None:
        """What one directory's names come to: one that was finished is looked at now, and if it was
        opened again meanwhile, this look sees what the events before told of."""
        settling = self._settling
        if finished:
            keys = [(wd, name.rstrip(b"\0")) for name in finished]
            self._batch.looks(settling.finished(keys, now))
        for name, written in open_.items():
            if name not in finished:
                wait = settling.modified if written else settling.created
                wait((wd, name.rstrip(b"\0")), now)

    def alone(self, half: Half) -> None:
        """The other half of a rename did not come: the name left the tree."""
        self._batch.dirty[half.parent.wd, os.fsencode(half.name)] = None
        if half.node is not None and self._watches.path(half.node) is None:
            self.doomed.append(half.node)

    def _rare(self, wd: int, mask: int, cookie: int, name: bytes, now: float) -> None:
        if mask & OVERFLOW:
            self.overflows += 1
            return
        if wd == self.cookies:
            if mask & MOVED_TO and not mask & ISDIR:
                self._lay(name)
            elif mask & IGNORED:
                self.cookies = None
            return
        node = self._watches.nodes.get(wd)
        if node is None:
            if mask & UNMOUNT and self.careful:
                self._batch.gap("", "something was unmounted while the watcher was away")
            return
        if self.careful and mask & ISDIR and mask & (CREATE | MOVED_TO) and name:
            self._batch.whole[wd, name] = None
        if mask & UNMOUNT:
            self.unmounted = True
        if node is self._watches.root and mask & (_ITSELF | UNMOUNT | IGNORED):
            self.root_doubt = _doubt(mask)
        elif mask & IGNORED:
            self._ended(node)
        elif mask & MOVED_FROM:
            self._from(node, cookie, name, mask, now)
        elif mask & MOVED_TO:
            self._to(node, cookie, name, mask)
        elif mask & ISDIR:
            self._directory(node, mask, name)

    def _directory(self, node: Node, mask: int, name: bytes) -> None:
        if not name:
            if node is self._watches.root:  # any other directory's parent says it too
                self._batch.dirty[node.wd, b""] = None
            return
        self._batch.dirty[node.wd, name] = None
        if mask & DELETE:
            gone = child(node, text(name))
            if gone is not None:
                self.doomed.append(gone)
                remove(gone)
        elif mask & CREATE or child(node, text(name)) is None:  # or it may be readable now
            self._adopt(node, text(name))

    def _ended(self, node: Node) -> None:
        """The kernel ended a watch: deleted, or unmounted. Its parent says the rest, unless that is
        not so.
        """
        parent, name = node.parent, node.name
        self._watches.forget(node)
        if self._watches.path(node) is None or parent is None:
            return
        self.doomed.append(node)
        remove(node)
        self._batch.dirty[parent.wd, os.fsencode(name)] = None
        self._adopt(parent, name)

    def _from(self, parent: Node, cookie: int, name: bytes, mask: int, now: float) -> None:
        node = child(parent, text(name)) if mask & ISDIR else None
        if node is not None:
            remove(node)
        self._settling.forget((parent.wd, name))
        half = Half(parent, text(name), bool(mask & ISDIR), node, now + self._pair)
        if self._pair > 0:
            self.halves.hold(cookie, half)
        else:
            self.alone(half)

    def _to(self, parent: Node, cookie: int, name: bytes, mask: int) -> None:
        self._settling.forget((parent.wd, name))
        half = self.halves.match(cookie)
        if not mask & ISDIR and half is not None and self._pair_up(half, parent, text(name)):
            return
        self._batch.dirty[parent.wd, name] = None
        if not mask & ISDIR:
            return
        target = text(name)
        path = self._watches.below(parent, target)
        # In any case look what is there: a watch is kept if it is the right one.
        self._adopt(parent, target)
        if half is None:
            return
        if half.node is None or path is None or (self._exclude and self._exclude(path)):
            self.alone(half)
            return
        if self._inside(parent, half.node):
            self.alone(half)
            return
        if self._pair_up(half, parent, target):
            self._batch.dirty.pop((parent.wd, name))
        else:
            self._batch.trees[half.node] = None
        displaced = self._watches.place(half.node, parent, target)
        if displaced is not None:
            self.doomed.append(displaced)
            self._batch.paths[path] = True
        self.renamed.append(half.node)

    def _pair_up(self, half: Half, parent: Node, name: str) -> bool:
        """Whether both ends have a path. A directory has none for a moment when two were exchanged
        of which the map knew one."""
        origin = self._watches.below(half.parent, half.name)
        path = self._watches.below(parent, name)
        if origin is not None and path is not None:
            self._batch.moved[Moved(origin, path)] = None
            return True
        self.alone(half)
        return False

    def _inside(self, node: Node, other: Node) -> bool:
        at: Node | None = node
        while at is not None and at is not other:
            at = at.parent
        return at is other

    def _adopt(self, node: Node, name: str) -> None:
        self.adopt.setdefault(node, {})[name] = None

    def _lay(self, name: bytes) -> None:
        if name.isascii():  # a barrier's name is ours; anything else in that directory is not
            self.nonces.append(name.decode())


def _doubt(mask: int) -> str:
    if mask & UNMOUNT:
        return "the source was unmounted"
    if mask & mask_of.MOVE_SELF:
        return "the source was renamed"
    # A tmpfs that is unmounted deletes its root first, and says so before it says the rest.
    return "the source was deleted or unmounted"
