"""Set attributes where the content is right.

Law: they are set on the object that was verified, held by a descriptor, never by its name.
"""

import errno
import os
import stat
from collections.abc import Sequence

from mirrorfs.core.options import Options
from mirrorfs.core.plan import Action, Outcome
from mirrorfs.core.tree import Entry, TreeError
from mirrorfs.trees import expect
from mirrorfs.trees.local.attributes import assign, by_path
from mirrorfs.trees.local.entry import entry_of
from mirrorfs.trees.local.handles import DIRECTORY, Handles
from mirrorfs.trees.local.trouble import failure, unsafe
from mirrorfs.trees.local.verb import place

_HELD = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def set_attributes(handles: Handles, keep: Options, actions: Sequence[Action]) -> list[Outcome]:
    """See `mirrorfs.trees.base.Destination.set_attributes`."""
    return [_set(handles, keep, action) for action in actions]


def _set(handles: Handles, keep: Options, action: Action) -> Outcome:
    want = action.want
    try:
        if want is None:
            raise unsafe(action.path)
        if not action.path:
            with handles.take("") as fd:
                assign(fd, want, keep, entry_of(os.fstat(fd)))
            return expect.done(action)
        above, name = place(handles, action.path, writes=False)
        with above as fd:
            held, where = _hold(fd, name, want)
        try:
            st = os.fstat(held)
            target = os.readlink("", dir_fd=held) if stat.S_ISLNK(st.st_mode) else ""
            found = entry_of(st, target)
            if not expect.same_to_set(found, want, action.expect):
                return expect.drift(action, "the destination holds something the plan did not see")
            assign(where, want, keep, found)
        finally:
            os.close(held)
    except FileNotFoundError:
        return expect.drift(action, "it is gone from the destination")
    except TreeError as error:
        return expect.failed(action, error.failure)
    except (OSError, ValueError) as error:
        return expect.failed(action, failure(action.path, error, "set attributes"))
    return expect.done(action)


def _hold(directory: int, name: str, want: Entry) -> tuple[int, int | str]:
    """A descriptor of what is there, and what its attributes are set by. Raises OSError."""
    if want.is_directory:
        try:
            held = os.open(name, DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
        except OSError as error:
            # It may not be read, or is none.
            if error.errno not in (errno.EACCES, errno.ENOTDIR, errno.ELOOP):
                raise
        else:
            return held, held
    held = os.open(name, _HELD, dir_fd=directory)
    return held, by_path(held)
