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
    CREATE,
    DELETE,
    IGNORED,
    ISDIR,
    MOVED_FROM,
    MOVED_TO,
    OVERFLOW,
    UNMOUNT,
)
from mirrorfs.watch.pairing import Half, Halves
from mirrorfs.watch.settle import Pace, Settling
from mirrorfs.watch.sift import sift
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

        A name that was finished is looked at now, and if it was opened again meanwhile, this look
        sees what the events before told of.
        """
        count, finished, touched, open_, rare = sift(data, self.cookies or 0)
        for wd, mask, cookie, name in rare:
            self._rare(wd, mask, cookie, name, now)
        settling = self._settling
        for wd, names in touched.items():
            # What is still open has its turn coming.
            done = finished.setdefault(wd, {})
            done.update((name, None) for name in names if (wd, name) not in settling)
            for name in done.keys() & open_.get(wd, ()):
                del open_[wd][name]
        for wd, names in finished.items():
            self._batch.names(wd, settling.finished(wd, names, now))
        for wd, opened in open_.items():
            for name, written in opened.items():
                wait = settling.modified if written else settling.created
                wait((wd, name), now)
        return count

    def alone(self, half: Half) -> None:
        """The other half of a rename did not come: the name left the tree."""
        self._batch.look(half.parent.wd, os.fsencode(half.name))
        if half.node is not None and self._watches.path(half.node) is None:
            self.doomed.append(half.node)

    def _rare(self, wd: int, mask: int, cookie: int, name: bytes, now: float) -> None:
        if mask & OVERFLOW:
            self.overflows += 1
            return
        if wd == self.cookies:
            if mask & (CREATE | MOVED_TO) and not mask & ISDIR:
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
            self._batch.look_whole(wd, name)
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
                self._batch.look(node.wd, b"")
            return
        self._batch.look(node.wd, name)
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
        self._batch.look(parent.wd, os.fsencode(name))
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
        self._batch.look(parent.wd, name)
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
            del self._batch.dirty[parent.wd][name]
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
