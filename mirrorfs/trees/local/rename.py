"""Move a name, both ends held by their directories, never over anything.

Law: where the file system knows no exclusive rename, a second link is as exclusive for files; for
the rest the look before the rename is all there is.
"""

import errno
import os
from collections.abc import Sequence

from mirrorfs.core.plan import Action, Outcome
from mirrorfs.core.tree import Kind, TreeError
from mirrorfs.trees import expect
from mirrorfs.trees.local import kernel
from mirrorfs.trees.local.handles import Handles
from mirrorfs.trees.local.read import look
from mirrorfs.trees.local.trouble import failure
from mirrorfs.trees.local.verb import place


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
    return [_rename(handles, action) for action in actions]


def _rename(handles: Handles, action: Action) -> Outcome:
    saw = action.expect
    try:
        above, name = place(handles, action.origin)
        with above as fd:
            to_above, to_name = place(handles, action.path)
            with to_above as to_fd:
                found = look(fd, name)
                if saw is None or found is None or not expect.same_object(found, saw):
                    there = look(to_fd, to_name)
                    if there and saw and saw.inode and expect.same_object(there, saw):
                        return expect.done(action)
                    return expect.drift(action, f"{action.origin} is not what the plan saw")
                rename_new(fd, name, to_fd, to_name)
    except TreeError as error:
        return expect.failed(action, error.failure)
    except FileExistsError:
        return expect.drift(action, "the new name is taken")
    except (OSError, ValueError) as error:
        return expect.failed(action, failure(action.path, error, "rename"))
    if found.kind is Kind.DIRECTORY:  # nothing lies below anything else
        handles.forget(action.origin)
        handles.forget(action.path)
    return expect.done(action)
