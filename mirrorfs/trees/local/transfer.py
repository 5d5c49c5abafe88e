"""Create and replace files, links and special files: beside their place, complete, then renamed.

Law: nothing appears under its name before it has its content and attributes, nothing torn appears
at all, and what is replaced is what the plan saw. A temporary is gone when the call ends, however
it ends. Only --inplace gives that up, for files.
"""

import errno
import os
import stat
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from typing import NamedTuple

from mirrorfs.core.options import Options
from mirrorfs.core.plan import Action, Outcome, Verb
from mirrorfs.core.record import replace
from mirrorfs.core.tree import Entry, Failure, Kind, TreeError, split
from mirrorfs.trees import expect
from mirrorfs.trees.base import PIECE, Capabilities, Meter, Tree
from mirrorfs.trees.local import inplace, small
from mirrorfs.trees.local.attributes import assign, by_path
from mirrorfs.trees.local.backup import Backups
from mirrorfs.trees.local.copy import SMALL
from mirrorfs.trees.local.durable import FEW, Fsync, sync_names
from mirrorfs.trees.local.entry import KINDS, entry_of
from mirrorfs.trees.local.fill import Filling, SourceError
from mirrorfs.trees.local.handles import Handles
from mirrorfs.trees.local.kernel import syncfs
from mirrorfs.trees.local.names import Temporaries
from mirrorfs.trees.local.patience import patiently
from mirrorfs.trees.local.read import look
from mirrorfs.trees.local.rename import rename_new
from mirrorfs.trees.local.replace import replace as take_place
from mirrorfs.trees.local.room import Room
from mirrorfs.trees.local.small import Terms
from mirrorfs.trees.local.trouble import failure, unsafe
from mirrorfs.trees.local.writing import Writing

UNSEEN = "the destination holds something the plan did not see"

_TEMPORARY = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SPECIAL = {
    Kind.FIFO: 0o010000,
    Kind.CHARACTER_DEVICE: 0o020000,
    Kind.BLOCK_DEVICE: 0o060000,
    Kind.SOCKET: 0o140000,
}


class Staged(NamedTuple):
    """A temporary that is ready to take its place; ``made`` is what it is."""

    action: Action
    name: str
    temporary: str
    made: Entry
    moved: int


class Transfers:
    """Carries out transfers into one tree."""

    def __init__(
        self,
        handles: Handles,
        temporaries: Temporaries,
        options: Options,
        capabilities: Capabilities,
        fsync: Fsync,
        writing: Writing,
        backups: Backups | None,
    ) -> None:
        self._handles = handles
        self._temporaries = temporaries
        self.keep = replace(
            options,
            owners=options.owners and capabilities.owners,
            permissions=options.permissions and capabilities.permissions,
            xattrs=options.xattrs and capabilities.xattrs,
        )
        self._made = replace(self.keep, times=True)
        # A mode of its own is set later; until then nobody else may read what may become private.
        self._mode = 0o600 if self.keep.permissions else 0o666
        self._fsync = fsync
        self._durable = fsync in (Fsync.REPLACE, Fsync.ALWAYS)
        self._writing = writing
        self._backups = backups
        self._filling = Filling(
            self._made,
            writing,
            capabilities.time_resolution_ns,
            durable=fsync is not Fsync.NEVER,
        )
        # What a small file is copied with that has nothing special about it.
        self.small: Terms | None = None
        if not (fsync is Fsync.ALWAYS or writing.in_place) and writing.check_updated:
            self.small = Terms(
                self._mode,
                self.keep.owners,
                self.keep.permissions,
                self.keep.xattrs,
                capabilities.time_resolution_ns,
                SMALL,
            )
        self.unflushed = False  # whether a syncfs failed, which spoke of other files, too

    @property
    def room(self) -> Room:
        return self._filling.room

    def run(self, actions: Sequence[Action], source: Tree, meter: Meter) -> list[Outcome]:
        """See `mirrorfs.trees.base.Destination.transfer`."""
        outcomes: list[Outcome] = []
        for directory, group in groupby(actions, key=_directory):
            batch = list(group)
            try:
                handle = self._handles.take_to_write(directory)
            except TreeError as error:
                outcomes += [expect.failed(action, error.failure) for action in batch]
                continue
            self._filling.room.look()
            with handle as fd:
                # Without the right to list it, a directory cannot be asked to sync either.
                made = self._batch(fd, directory, batch, source, meter, handle.listable)
                if self._fsync is Fsync.ALWAYS and handle.listable:
                    made = sync_names(fd, made)
                outcomes += made
        return outcomes

    def _batch(
        self,
        fd: int,
        directory: str,
        batch: list[Action],
        source: Tree,
        meter: Meter,
        syncable: bool,
    ) -> list[Outcome]:
        replacing = sum(action.verb is Verb.UPDATE for action in batch)
        together = syncable and self._fsync is Fsync.REPLACE and replacing > FEW
        outcomes = self._straight(fd, directory, batch, source, meter)
        if len(outcomes) == len(batch):
            return [*outcomes.values()]
        staged: dict[int, Staged] = {}
        try:
            for index, action in enumerate(batch):
                if index in outcomes:
                    continue
                update = action.verb is Verb.UPDATE
                sync = self._fsync is Fsync.ALWAYS or (
                    update and self._fsync is Fsync.REPLACE and not together
                )
                made: Staged | Outcome | None = None
                if self._writing.in_place:
                    made = self._write_in_place(fd, directory, action, source, meter, sync)
                if made is None:
                    made = self._stage(fd, directory, action, source, meter, sync)
                if isinstance(made, Outcome):
                    outcomes[index] = made
                    continue
                staged[index] = made
                if not (update and together):
                    outcomes[index] = self._publish(fd, staged.pop(index))
            if staged:
                problem = _sync_all(fd, directory)
                self.unflushed |= problem is not None
                for index, item in list(staged.items()):
                    if problem is None:
                        outcomes[index] = self._publish(fd, staged.pop(index))
                    else:
                        outcomes[index] = expect.failed(item.action, problem)
        finally:
            for item in staged.values():
                self._discard(fd, directory, item.temporary)
        return [outcomes[index] for index in range(len(batch))]

    def _straight(
        self, fd: int, directory: str, batch: list[Action], source: Tree, meter: Meter
    ) -> dict[int, Outcome]:
        """Copy the new small files that have nothing special about them; the outcomes of those that
        are done, by their place in the batch."""
        if self.small is None:
            return {}
        room = meter.piece() if meter.piece() >= PIECE else -1
        size = 0
        start = len(directory) + 1 if directory else 0
        places, names = [], []
        for place, action in enumerate(batch):
            verb, _, path, want, *_ = action
            if verb is Verb.CREATE and want is not None and want.kind is Kind.FILE:
                name = path[start:]
                if (
                    want.size <= min(room, SMALL)
                    and name not in ("", ".", "..")
                    and "/" not in name
                ):
                    room -= want.size
                    size += want.size
                    places.append(place)
                    names.append(name)
        if not names:
            return {}
        try:
            held = source.held(directory)
        except TreeError:
            return {}  # the long way says why
        if held is None:
            return {}
        claim, release = self._temporaries.claim, self._temporaries.release
        temporaries = [claim(directory, name) for name in names]
        try:
            with held as here, self._filling.room.taken(fd, directory, size):
                moved = small.copy(here, fd, names, temporaries, self.small)
        except (OSError, TreeError):
            return {}  # which of them there is no room for, it says, too
        finally:
            for temporary in temporaries:
                release(directory, temporary)
        meter.moved(sum(moved) + moved.count(-1))
        done = expect.done
        return {
            place: done(batch[place], copied)
            for place, copied in zip(places, moved, strict=True)
            if copied >= 0
        }

    def _stage(
        self, fd: int, directory: str, action: Action, source: Tree, meter: Meter, sync: bool
    ) -> Staged | Outcome:
        want = action.want
        name = action.path[len(directory) + 1 if directory else 0 :]
        if want is None or want.kind is Kind.DIRECTORY or name in ("", ".", "..") or "/" in name:
            return expect.failed(action, unsafe(action.path).failure)
        temporary = self._temporaries.claim(directory, name)
        try:
            if want.kind is Kind.FILE:
                made, moved = self._filling.fill(
                    fd, lambda _: self._create(fd, temporary), action.path, source, meter, sync
                )
            else:
                made, moved = self._stage_other(fd, temporary, want), 0
            return Staged(action, name, temporary, made, moved)
        except SourceError as error:
            outcome = expect.source_failed(action, error.failure)
        except (OSError, ValueError) as error:
            outcome = expect.failed(action, failure(action.path, error, "write"))
        except BaseException:
            self._discard(fd, directory, temporary)
            raise
        self._discard(fd, directory, temporary)
        return outcome

    def _write_in_place(
        self, fd: int, directory: str, action: Action, source: Tree, meter: Meter, sync: bool
    ) -> Outcome | None:
        """Write into the file itself (--inplace); None for what is made beside its place: all but
        files, what takes the place of something else, and what the plan did not see."""
        path, want, name = action.path, action.want, split(action.path)[1]
        if want is None or want.kind is not Kind.FILE or name in ("", ".", ".."):
            return None
        begun: Entry | None = None

        def empty(before: Entry) -> int:
            nonlocal begun
            most = before.mode & 0o777 if self.keep.permissions else 0o7777
            target = inplace.empty(fd, name, begun or found, self._mode & most, most)
            begun = begun or entry_of(os.fstat(target))
            return target

        try:
            found = look(fd, name)
            if found is not None:
                saw = action.expect if action.verb is Verb.UPDATE else None
                if saw is None or not expect.untouched(found, saw) or found.kind is not Kind.FILE:
                    return None
                if found.links > 1 and self.keep.hard_links:
                    return None  # which other names are to change is decided apart
                # Before it is emptied: then there would be neither.
                self._filling.room.check(fd, path, want.size - found.size)
                if self._backups is not None:
                    self._backups.copy(fd, name, path, found)
            _, moved = self._filling.fill(fd, empty, path, source, meter, sync)
            return expect.done(action, moved)
        except SourceError as error:
            outcome = expect.source_failed(action, error.failure)
        except TreeError as error:
            return expect.failed(action, error.failure)
        except FileExistsError:
            outcome = expect.drift(action, UNSEEN)
        except (OSError, ValueError) as error:
            outcome = expect.failed(action, failure(path, error, "write"))
        except BaseException:
            inplace.remove(fd, name, begun)
            raise
        inplace.remove(fd, name, begun)
        return outcome

    def _stage_other(self, fd: int, temporary: str, want: Entry) -> Entry:
        def create() -> None:
            if want.kind is Kind.SYMLINK:
                os.symlink(want.target, temporary, dir_fd=fd)
            else:
                os.mknod(temporary, _SPECIAL[want.kind] | self._mode, want.rdev, dir_fd=fd)

        try:
            create()
        except FileExistsError:
            os.unlink(temporary, dir_fd=fd)
            create()
        held = patiently(os.open, temporary, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
        try:
            # RACE: who else may write in the directory may have put something there that is not
            # his to change, by a hard link. What was just made has one name, and this is it: asked
            # by the name, because the link may be gone again.
            st = os.stat(temporary, dir_fd=fd, follow_symlinks=False)
            if (
                KINDS[stat.S_IFMT(st.st_mode)] is not want.kind
                or st.st_nlink > 1
                or not os.path.samestat(st, os.fstat(held))
            ):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            assign(by_path(held), want, self._made)
        finally:
            os.close(held)
        return want

    def _create(self, fd: int, temporary: str) -> int:
        try:
            return patiently(os.open, temporary, _TEMPORARY, self._mode, dir_fd=fd)
        except FileExistsError:
            # What a killed run, or the attempt before, left of this very file.
            os.unlink(temporary, dir_fd=fd)
            return patiently(os.open, temporary, _TEMPORARY, self._mode, dir_fd=fd)

    def _publish(self, fd: int, item: Staged) -> Outcome:
        action, name, temporary, made, moved = item
        directory = _directory(action)
        try:
            found = None
            if action.verb is Verb.UPDATE:
                found = look(fd, name)
            if found is None:
                found = put(fd, temporary, name)
            elif action.expect is not None and expect.untouched(found, action.expect):
                if self._backups is not None:
                    self._backups.keep(fd, name, action.path, found)
                left = partial(self._temporaries.left, directory, temporary)
                if not take_place(fd, temporary, name, found, durable=self._durable, left=left):
                    self._discard(fd, directory, temporary)
                    return expect.drift(action, UNSEEN)
                found = None
            if found is None:
                self._temporaries.release(directory, temporary)
                return expect.done(action, moved)
        except (OSError, ValueError) as error:
            self._discard(fd, directory, temporary)
            return expect.failed(action, failure(action.path, error, "put in place"))
        except TreeError as error:
            self._discard(fd, directory, temporary)
            return expect.failed(action, error.failure)
        self._discard(fd, directory, temporary)
        if expect.reached(found, made):
            return expect.done(action, moved)
        return expect.drift(action, UNSEEN)

    def _discard(self, fd: int, directory: str, temporary: str) -> None:
        try:
            os.unlink(temporary, dir_fd=fd)
        except OSError:
            pass  # never created, or beyond our reach: then it is a leftover for the next run
        self._temporaries.release(directory, temporary)


def _directory(action: Action) -> str:
    return action.path.rpartition("/")[0]


def put(fd: int, name: str, to_name: str) -> Entry | None:
    """Rename within a directory onto a free name; what holds that name if it is not free."""
    while True:
        try:
            rename_new(fd, name, fd, to_name)
            return None
        except FileExistsError:
            # RACE: who held the name may let go of it before we see who it was.
            if (found := look(fd, to_name)) is not None:
                return found


def _sync_all(fd: int, directory: str) -> Failure | None:
    try:
        syncfs(fd)
    except OSError as error:
        return failure(directory, error, "make the new content durable")
    return None
