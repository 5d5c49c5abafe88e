"""What is checked before anything is opened: that a mirror of these two places can do no harm.

Nothing in here changes anything but to make the destination directory and to take its lock.
"""

import fcntl
import os
import pwd
import time
from contextlib import suppress

from mirrorfs.core.filter import Filter
from mirrorfs.core.tree import is_within
from mirrorfs.errors import DirectoryMissing, FatalError, Locked, TemporaryError
from mirrorfs.mirror.claim import is_taken
from mirrorfs.mirror.overlap import overlap
from mirrorfs.trees.local.identity import identity, open_root

LOOK_SECONDS = 0.1  # between two attempts at a lock that another process holds


def require_source(source: str) -> None:
    """Raises DirectoryMissing."""
    if os.path.isdir(source):
        return
    there = os.path.lexists(source)
    raise DirectoryMissing(
        f"the source {source} is not {'a directory' if there else 'there'}",
        remedy="check the path; is its drive mounted? Nothing was changed",
    )


def refuse_overlap(source: str, destination: str, filter: Filter) -> None:
    """Raises FatalError for trees that overlap, unless the filter excludes the inner one."""
    found = overlap(source, destination)
    if found is None or (found.inner and not filter.descends(found.inner)):
        return
    raise FatalError(
        f"can't sync or move files on overlapping remotes: {source} and {destination} are the "
        "same directory, or one lies in the other",
        remedy="choose a destination elsewhere, or exclude the inner directory",
    )


def refuse_backups(
    backups: str, source: str, destination: str, filter: Filter, *, delete_excluded: bool
) -> None:
    """Raises FatalError for a directory of backups that overlaps with one of the trees, unless it
    lies in it and the filter keeps it out of the mirror."""
    for name, tree in (("destination", destination), ("source", source)):
        found = overlap(backups, tree)
        if found is None:
            continue
        apart = not found.destination_in_source and not filter.descends(found.inner)
        if apart and not (delete_excluded and tree == destination):
            continue
        raise FatalError(
            f"{name} and parameter to --backup-dir mustn't overlap: {backups} and {tree}",
            remedy="choose a directory elsewhere, or exclude it",
        )


def refuse_state(
    home: str, name: str, tree: str, filter: Filter, *, delete_excluded: bool = False
) -> None:
    """Raises FatalError for a state directory in a mirrored tree, or the other way round, unless
    the filter keeps it out: writing down a change would be the next change, and removing what the
    source does not have would remove the state."""
    found = overlap(home, tree)
    if found is None:
        return
    remedy = "choose another one with --state-dir"
    if not found.destination_in_source:
        if not filter.descends(found.inner) and not delete_excluded:
            return
        remedy += f", or leave it out with --exclude '/{found.inner}/**'"
    raise FatalError(f"the state directory {home} and the {name} {tree} overlap", remedy=remedy)


def is_home(destination: str) -> bool:
    """Whether the destination is the home directory of who runs this, or holds it."""
    homes = [os.environ.get("HOME", "")]
    with suppress(KeyError):
        homes.append(pwd.getpwuid(os.geteuid()).pw_dir)
    real = os.path.realpath(destination).strip("/")
    return any(is_within(os.path.realpath(home).strip("/"), real) for home in homes if home)


def lock_destination(destination: str, wait: float = 0, home: str = "") -> int:
    """A descriptor that holds the destination against a second writer, after ``wait`` seconds at
    most; ``home``: the state directory, where somebody may have claimed it. Raises Locked,
    DirectoryMissing, TemporaryError.

    The lock is on the directory itself, so it needs no file in it, and a kill releases it.
    """
    descriptor = open_root(destination)
    until = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not home or not is_taken(home, identity(destination, descriptor)):
                return descriptor
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            raise BlockingIOError
        except BlockingIOError:
            if time.monotonic() >= until:
                os.close(descriptor)
                raise Locked(
                    f"another mirrorfs is writing to {destination}",
                    remedy="wait for it (--wait does), or stop it",
                ) from None
        except OSError as error:
            os.close(descriptor)
            raise TemporaryError(
                f"cannot lock the destination {destination}: {error.strerror}",
                remedy="check that its file system is well, and that it can lock",
            ) from None
        except BaseException:
            os.close(descriptor)
            raise
        # Blocking in the kernel would end only with the lock, or with a signal that is not handled.
        time.sleep(LOOK_SECONDS)
