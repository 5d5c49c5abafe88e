"""Fill an empty file with the content of one of the source, so that it is all of one moment.

Law: what is published is what the file held at one moment, or nothing. A file that changes while it
is read is read again after a pause; one that only grows is kept as of one look at its length
(`mirrorfs.trees.local.snapshot`), and so is one whose content the file system shares in one step.
What else never holds still is left for later. ``check_updated`` False asks for less: what was there
is copied as it comes.
"""

import os
import time
from collections.abc import Callable

from mirrorfs.core.options import Options
from mirrorfs.core.tree import Entry, Failure, TreeError, Trouble
from mirrorfs.trees.base import PIECE, Content, Meter, Tree
from mirrorfs.trees.local.attributes import assign
from mirrorfs.trees.local.copy import SMALL, Copying, Unreadable
from mirrorfs.trees.local.room import Room
from mirrorfs.trees.local.snapshot import snapshot
from mirrorfs.trees.local.trouble import failure
from mirrorfs.trees.local.writing import Writing

PAUSES = (0.001, 0.01, 0.1)  # seconds before a file that changed while it was read is read again


class SourceError(Exception):
    """The content could not be had, or there is no room for it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Filling:
    """Fills files of one tree. ``grain_ns``: so coarse are the times that it keeps; ``durable`` as
    for `Copying`."""

    def __init__(self, made: Options, writing: Writing, grain_ns: int, *, durable: bool) -> None:
        self._made = made
        self._writing = writing
        self._grain = grain_ns
        self._copying = Copying(durable=durable)
        self.room = Room(writing.min_free)

    def fill(
        self,
        fd: int,
        create: Callable[[Entry], int],
        path: str,
        source: Tree,
        meter: Meter,
        sync: bool,
    ) -> tuple[Entry, int]:
        """Copy a file into the descriptor that ``create`` gives, anew for each attempt, told what
        it is for; what it is then, and the bytes moved. ``fd``: the directory it lies in. Raises
        SourceError, OSError."""
        try:
            for pause in (*PAUSES, None):
                with source.open(path) as content:
                    before = content.stat(self._grain)
                    target = create(before)
                    try:
                        made = self._attempt(fd, content, before, target, path, meter, pause)
                        if made is not None:
                            assign(target, made[0], self._made)
                            if sync:
                                os.fsync(target)
                            return made
                    finally:
                        os.close(target)
                if pause is not None:
                    time.sleep(pause)
        except Unreadable as error:
            raise SourceError(failure(path, error, "read the file")) from None
        except TreeError as error:
            raise SourceError(error.failure) from None
        raise SourceError(Failure(path, Trouble.UNSTABLE, "the file changes while it is read"))

    def _attempt(
        self,
        fd: int,
        content: Content,
        before: Entry,
        target: int,
        path: str,
        meter: Meter,
        pause: float | None,
    ) -> tuple[Entry, int] | None:
        """None when what was read may be torn; ``pause`` is None for the last attempt."""
        if before.size > PIECE:
            meter.large(path, before.size)
        taken = 0

        def take(size: int) -> None:
            nonlocal taken
            self.room.take(fd, path, size)
            taken += size

        try:
            if self.room.limits and not self._writing.in_place:
                copied = self._copying.copy(content, before, target, meter, take)
            else:
                copied = self._copying.copy(content, before, target, meter)
            if not self._writing.check_updated:
                # A clone takes all there is by then, too.
                if copied.at_once or copied.moved > before.size:
                    os.ftruncate(target, before.size)
                return before, copied.moved
            if copied.whole and not content.changed_since(before):
                return before, copied.moved
            more: int | None = 0
            if not copied.at_once:
                source = content.descriptor()
                if source is None or self._writing.in_place or not _grows(source, before):
                    return None
                if pause is not None and before.size <= SMALL:
                    return None  # to read it again costs as much, and may meet it finished
                more = snapshot(source, target, before.size, meter)
            if more is None:
                return None
            # Its time is older than any that the file will be compared with: the next look sees
            # that there is more to come.
            older = before.mtime_ns - self._grain
            size = os.fstat(target).st_size
            return before._replace(size=size, mtime_ns=older), copied.moved + more
        finally:
            if taken:
                self.room.done(fd, taken)


def _grows(source: int, before: Entry) -> bool:
    return os.fstat(source).st_size > before.size
