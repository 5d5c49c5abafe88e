"""Set attributes where the content is right.

Law: they are set on the object that was verified, held by a descriptor, never by its name.
"""

import os
import stat
from collections.abc import Sequence

from mirrorfs.core.options import Options
from mirrorfs.core.plan import Action, Outcome
from mirrorfs.core.tree import TreeError
from mirrorfs.trees import expect
from mirrorfs.trees.local.attributes import assign, by_path
from mirrorfs.trees.local.handles import Handles
from mirrorfs.trees.local.read import entry_of
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
            held = os.open(name, _HELD, dir_fd=fd)
        try:
            st = os.fstat(held)
            target = os.readlink("", dir_fd=held) if stat.S_ISLNK(st.st_mode) else ""
            found = entry_of(st, target)
            if not expect.same_to_set(found, want, action.expect):
                return expect.drift(action, "the destination holds something the plan did not see")
            assign(by_path(held), want, keep, found)
        finally:
            os.close(held)
    except FileNotFoundError:
        return expect.drift(action, "it is gone from the destination")
    except TreeError as error:
        return expect.failed(action, error.failure)
    except (OSError, ValueError) as error:
        return expect.failed(action, failure(action.path, error, "set attributes"))
    return expect.done(action)
