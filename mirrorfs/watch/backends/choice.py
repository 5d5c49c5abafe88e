"""Which back end serves a tree, and why not a better one."""

import errno

from mirrorfs.watch.backends import Backend
from mirrorfs.watch.backends.fanotify import FanotifyBackend
from mirrorfs.watch.backends.inotify import InotifyBackend
from mirrorfs.watch.batch import Batch
from mirrorfs.watch.coverage import reason
from mirrorfs.watch.kept import Claim, Kept
from mirrorfs.watch.settle import PACE, Settling
from mirrorfs.watch.task import Task

RIGHTS = "it needs CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH"

_WHY = {
    errno.EPERM: RIGHTS,
    errno.EXDEV: "not in a btrfs subvolume",
    errno.EOPNOTSUPP: "this file system has no handles for its directories",
    errno.ENODEV: "this file system has no number of its own",
    errno.EINVAL: "it needs Linux 5.17",
    errno.ENOSYS: "this kernel was built without it",
    errno.ESTALE: "this file system's handles cannot be opened",
}


def refused(error: OSError) -> str:
    """Why fanotify does not work, in words."""
    return _WHY.get(error.errno or 0) or reason(error)


def open_backend(
    task: Task, batch: Batch, settling: Settling, kept: Kept | None, claim: Claim
) -> tuple[Backend, str]:
    """A back end, and why it is not fanotify (empty if it is, or nobody asked); what an earlier
    process left decides.

    Raises OSError; with "fanotify" also where that does not work.
    """
    why = ""
    if kept is not None and kept.kind == FanotifyBackend.name:
        return FanotifyBackend(task, batch, settling, kept), ""
    if kept is None and task.backend in ("auto", "fanotify"):
        try:
            return FanotifyBackend(task, batch, settling, None, claim), ""
        except (FileNotFoundError, NotADirectoryError):
            raise
        except OSError as error:
            if task.backend == "fanotify":
                raise
            why = refused(error)
    return InotifyBackend(task, batch, settling, kept, claim), why


def refusal(root: str) -> str:
    """Why a tree cannot be had by fanotify; empty if it can. Raises OSError: it is not there."""
    task = Task(root, None, None, False, PACE, "fanotify")
    try:
        FanotifyBackend(task, Batch(), Settling(PACE)).close()
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        return refused(error)
    return ""
