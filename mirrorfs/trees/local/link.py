"""One more name for a file: hard links.

Law: a name is replaced in one step, and only if it is what the plan saw. Both ends are held by
their directories; no symlink is followed.
"""

import errno
import os

from mirrorfs.core.plan import Action, Outcome, Verb
from mirrorfs.core.tree import Entry, Kind, TreeError, split
from mirrorfs.trees import expect
from mirrorfs.trees.local.backup import Backups
from mirrorfs.trees.local.content import READ
from mirrorfs.trees.local.handles import Handles
from mirrorfs.trees.local.names import Temporaries
from mirrorfs.trees.local.read import look
from mirrorfs.trees.local.replace import replace
from mirrorfs.trees.local.trouble import failure
from mirrorfs.trees.local.verb import place

# There is nothing to link to, or one more link cannot be made; EPERM: the file system has none, or
# the kernel's protection of hard links forbids it.
_IMPOSSIBLE = {
    errno.EMLINK,
    errno.ENOENT,
    errno.EOPNOTSUPP,
    errno.EPERM,
    errno.EXDEV,
}


def link(
    handles: Handles,
    temporaries: Temporaries,
    backups: Backups | None,
    action: Action,
    *,
    durable: bool,
) -> Outcome | None:
    """What became of it; ``None`` where the content must be transferred instead. ``durable``: the
    file's content must be on the disk before it replaces anything."""
    try:
        above, name = place(handles, action.path)
        with above as fd:
            to_above, to_name = place(handles, action.origin)
            with to_above as to_fd:
                leader = look(to_fd, to_name)
                if leader is None or action.want is None or leader.kind is not action.want.kind:
                    return None
                found = look(fd, name)
                if found is not None and _same(found, leader):
                    return expect.done(action)
                try:
                    if found is None:
                        os.link(
                            to_name, name, src_dir_fd=to_fd, dst_dir_fd=fd, follow_symlinks=False
                        )
                        # RACE: something else may have come to the leader's name since.
                        if (made := look(fd, name)) is not None and _same(made, leader):
                            return expect.done(action)
                        return expect.drift(action, f"{action.origin} was replaced meanwhile")
                    if action.verb is Verb.CREATE or not (
                        action.expect is not None and expect.untouched(found, action.expect)
                    ):
                        return expect.drift(action, "the destination holds something new")
                    if durable and leader.kind is Kind.FILE:
                        _sync(to_fd, to_name)
                    temporary = temporaries.claim(split(action.path)[0], name)
                    try:
                        if not _link_beside(to_fd, to_name, leader, fd, temporary):
                            return None
                        if backups is not None:
                            backups.keep(fd, name, action.path, found)
                        if not replace(fd, temporary, name, found, durable=durable):
                            return expect.drift(action, "the destination holds something new")
                    finally:
                        # After a rename between two names of one file both are still there.
                        _discard(fd, temporary)
                        temporaries.release(split(action.path)[0], temporary)
                except OSError as error:
                    if error.errno not in _IMPOSSIBLE:
                        raise
                    if found is not None and expect.reached(found, action.want):
                        return expect.done(action)
                    return None
    except TreeError as error:
        return expect.failed(action, error.failure)
    except FileExistsError:
        return expect.drift(action, "the new name is taken")
    except (OSError, ValueError) as error:
        return expect.failed(action, failure(action.path, error, "link"))
    return expect.done(action)


def _link_beside(to_fd: int, to_name: str, leader: Entry, fd: int, temporary: str) -> bool:
    """Whether the temporary is now a name of the very file that was looked at."""
    _discard(fd, temporary)
    os.link(to_name, temporary, src_dir_fd=to_fd, dst_dir_fd=fd, follow_symlinks=False)
    made = look(fd, temporary)
    return made is not None and _same(made, leader)


def _same(one: Entry, other: Entry) -> bool:
    return (one.device, one.inode) == (other.device, other.inode)


def _sync(fd: int, name: str) -> None:
    held = os.open(name, READ, dir_fd=fd)
    try:
        os.fsync(held)
    finally:
        os.close(held)


def _discard(fd: int, temporary: str) -> None:
    try:
        os.unlink(temporary, dir_fd=fd)
    except FileNotFoundError:
        pass
