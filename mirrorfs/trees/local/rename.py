"""Move a name, both ends held by their directories, never over anything.

Law: where the file system knows no exclusive rename, a second link is as exclusive for files; for
the rest the look before the rename is all there is.
"""

import errno
import os
import stat
from collections.abc import Sequence
from itertools import groupby

from mirrorfs.core.plan import Action, Outcome
from mirrorfs.core.tree import Entry, Kind, TreeError, split
from mirrorfs.trees import expect
from mirrorfs.trees.local import at_once, kernel
from mirrorfs.trees.local.entry import KINDS
from mirrorfs.trees.local.handles import Handles
from mirrorfs.trees.local.read import look
from mirrorfs.trees.local.trouble import failure
from mirrorfs.trees.local.verb import named


def rename_new(fd: int, name: str, to_fd: int, to_name: str) -> None:
    """Rename onto a free name. Raises FileExistsError, OSError."""
    try:
        kernel.rename_new(fd, name, to_fd, to_name)
        return
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS):
            raise
    try:
        os.link(name, to_name, src_dir_fd=fd, dst_dir_fd=to_fd, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:
        if look(to_fd, to_name) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        os.rename(name, to_name, src_dir_fd=fd, dst_dir_fd=to_fd)
    else:
        os.unlink(name, dir_fd=fd)


def rename(handles: Handles, actions: Sequence[Action]) -> list[Outcome]:
    """See `mirrorfs.trees.base.Destination.rename`."""
    outcomes: list[Outcome] = []
    for (directory, to_directory), group in groupby(actions, key=_directories):
        batch = list(group)
        try:
            here = handles.take_to_write(directory)
            with here as fd, handles.take_to_write(to_directory) as to_fd:
                for action, done in zip(batch, _files(batch, fd, to_fd), strict=True):
                    outcomes.append(
                        expect.done(action) if done else _rename(handles, action, fd, to_fd)
                    )
        except TreeError as error:
            outcomes += [expect.failed(action, error.failure) for action in batch]
    return outcomes


def _files(actions: Sequence[Action], fd: int, to_fd: int) -> list[bool]:
    """Which of them are done: all or none are tried, in their order. Both directories are held."""
    seen = [saw for action in actions if (saw := action.expect) is not None]
    if len(seen) != len(actions) or any(saw.kind is not Kind.FILE for saw in seen):
        return [False] * len(actions)
    names = [split(action.origin)[1] for action in actions]
    return at_once.rename(fd, to_fd, names, [split(action.path)[1] for action in actions], seen)


def _directories(action: Action) -> tuple[str, str]:
    return split(action.origin)[0], split(action.path)[0]


def _rename(handles: Handles, action: Action, fd: int, to_fd: int) -> Outcome:
    """The directories that hold the old name and the new one are held."""
    saw = action.expect
    try:
        name, to_name = named(action.origin), named(action.path)
        found = _kind_and_inode(fd, name)
        if saw is None or found is None or not _same(found, saw):
            there = _kind_and_inode(to_fd, to_name)
            if there and saw and saw.inode and _same(there, saw):
                return expect.done(action)
            return expect.drift(action, f"{action.origin} is not what the plan saw")
        rename_new(fd, name, to_fd, to_name)
    except TreeError as error:
        return expect.failed(action, error.failure)
    except FileExistsError:
        return expect.drift(action, "the new name is taken")
    except (OSError, ValueError) as error:
        return expect.failed(action, failure(action.path, error, "rename"))
    if found[0] is Kind.DIRECTORY:  # nothing lies below anything else
        handles.forget(action.origin)
        handles.forget(action.path)
    return expect.done(action)


def _kind_and_inode(fd: int, name: str) -> tuple[Kind, int] | None:
    """Raises OSError."""
    try:
        st = os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return KINDS[stat.S_IFMT(st.st_mode)], st.st_ino


def _same(found: tuple[Kind, int], saw: Entry) -> bool:
    """As `expect.same_object` has it."""
    return found[0] is saw.kind and saw.inode in (0, found[1])
