"""Remove one name at a time, and the leftovers of killed runs.

Law: what goes is what the plan saw. A directory goes only when it is empty, our own leftovers
aside. What is not a directory moves into the backups instead, where there are any.
"""

import errno
import os
from collections.abc import Sequence
from itertools import groupby

from mirrorfs.core.plan import Action, Outcome
from mirrorfs.core.tree import Entry, Kind, TreeError, Trouble, split
from mirrorfs.trees import expect
from mirrorfs.trees.local import at_once
from mirrorfs.trees.local.backup import Backups
from mirrorfs.trees.local.handles import Handles
from mirrorfs.trees.local.names import Temporaries
from mirrorfs.trees.local.read import look
from mirrorfs.trees.local.trouble import failure
from mirrorfs.trees.local.verb import named

_GONE = (Trouble.ABSENT, Trouble.LOOP)
_NO_FILE = Entry(Kind.FILE)  # no file has this number


def delete(
    handles: Handles,
    temporaries: Temporaries,
    backups: Backups | None,
    actions: Sequence[Action],
) -> list[Outcome]:
    """See `mirrorfs.trees.base.Destination.delete`."""
    outcomes: list[Outcome] = []
    for directory, group in groupby(actions, key=lambda action: split(action.path)[0]):
        batch = list(group)
        try:
            with handles.take_to_write(directory) as fd:
                gone = _files(batch, fd) if backups is None else [False] * len(batch)
                for action, done in zip(batch, gone, strict=True):
                    outcomes.append(
                        expect.done(action)
                        if done
                        else _delete(handles, temporaries, backups, fd, action)
                    )
        except TreeError as error:
            outcomes += [_failed(action, error) for action in batch]
    return outcomes


def _files(actions: Sequence[Action], fd: int) -> list[bool]:
    """Which of them are done, all of them files; the directory is held."""
    seen = [
        saw if (saw := action.expect) is not None and saw.kind is Kind.FILE else _NO_FILE
        for action in actions
    ]
    return at_once.remove(fd, [split(action.path)[1] for action in actions], seen)


def _delete(
    handles: Handles, temporaries: Temporaries, backups: Backups | None, fd: int, action: Action
) -> Outcome:
    """The directory it lies in is held."""
    saw = action.expect
    try:
        name = named(action.path)
        found = look(fd, name)
        if found is None:
            return expect.done(action)
        if saw is None or not expect.may_go(found, saw):
            return expect.drift(action, "the destination holds something the plan did not see")
        if found.kind is not Kind.DIRECTORY:
            if backups is not None:
                backups.take(fd, name, action.path, found)
            else:
                os.unlink(name, dir_fd=fd)
        else:
            handles.forget(action.path)
            try:
                os.rmdir(name, dir_fd=fd)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                if not _clear(handles, temporaries, action.path):
                    return expect.drift(action, "the directory is not empty")
                os.rmdir(name, dir_fd=fd)
    except FileNotFoundError:
        return expect.done(action)
    except TreeError as error:
        return _failed(action, error)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.EISDIR, errno.ENOTDIR):
            return expect.drift(action, "it was replaced while it was looked at")
        return expect.failed(action, failure(action.path, error, "delete"))
    except ValueError as error:
        return expect.failed(action, failure(action.path, error, "delete"))
    return expect.done(action)


def _failed(action: Action, error: TreeError) -> Outcome:
    if error.trouble is Trouble.ABSENT:
        return expect.done(action)
    return expect.failed(action, error.failure)


def _clear(handles: Handles, temporaries: Temporaries, path: str) -> bool:
    """Remove our leftovers from a directory that is to go; False if it holds anything else."""
    handle = handles.take(path)
    with handle as fd:
        with handle.listing:
            os.lseek(fd, 0, os.SEEK_SET)
            names = os.listdir(fd)
        if not all(map(temporaries.is_ours, names)):
            return False
        for name in names:
            os.unlink(name, dir_fd=fd)
    handles.forget(path)
    return True


def sweep(handles: Handles, temporaries: Temporaries) -> int:
    """See `mirrorfs.trees.base.Destination.sweep`."""
    swept = 0
    for directory, name in temporaries.take_leftovers():
        try:
            with handles.take(directory) as fd:
                before = os.fstat(fd)
                os.unlink(name, dir_fd=fd)
                # The directory's time may have been set already by the pass that met the leftover.
                os.utime(fd, ns=(before.st_atime_ns, before.st_mtime_ns))
            swept += 1
        except FileNotFoundError:
            continue
        except (OSError, TreeError) as error:
            # RACE: its directory was removed, or became another thing, after it was met there.
            if not (isinstance(error, TreeError) and error.trouble in _GONE):
                temporaries.met(directory, name)  # for a later pass
    return swept
