"""Create directories, parents first, usable at once.

Law: a new directory is never more open than it is meant to be; while we must write in it, it may be
more open to its owner only.
"""

import os
from collections.abc import Sequence

from mirrorfs.core.options import Options
from mirrorfs.core.plan import Action, Outcome
from mirrorfs.core.tree import Entry, Kind, TreeError
from mirrorfs.trees import expect
from mirrorfs.trees.local.attributes import assign, by_path
from mirrorfs.trees.local.handles import Handles
from mirrorfs.trees.local.read import look
from mirrorfs.trees.local.trouble import failure, unsafe
from mirrorfs.trees.local.verb import place


def create_directories(handles: Handles, keep: Options, actions: Sequence[Action]) -> list[Outcome]:
    """See `mirrorfs.trees.base.Destination.create_directories`."""
    return [_create(handles, keep, action) for action in actions]


def _create(handles: Handles, keep: Options, action: Action) -> Outcome:
    want = action.want
    try:
        if want is None or want.kind is not Kind.DIRECTORY:
            raise unsafe(action.path)
        above, name = place(handles, action.path)
        with above as fd:
            try:
                os.mkdir(name, 0o700 if keep.permissions else 0o777, dir_fd=fd)
            except FileExistsError:
                found = look(fd, name)
                if found is not None and found.kind is Kind.DIRECTORY:
                    handles.made(action.path)
                    return expect.done(action)
                return expect.drift(action, "something else is in the place of the directory")
        handles.made(action.path)
        if keep.permissions or keep.owners or keep.xattrs:
            _open_up(handles, keep, action.path, want)
    except TreeError as error:
        return expect.failed(action, error.failure)
    except (OSError, ValueError) as error:
        return expect.failed(action, failure(action.path, error, "create the directory"))
    return expect.done(action)


def _open_up(handles: Handles, keep: Options, path: str, want: Entry) -> None:
    handle = handles.take(path)
    with handle as fd:
        writable = want if os.geteuid() == 0 else want._replace(mode=want.mode | 0o700)
        assign(fd if handle.listable else by_path(fd), writable, keep)
