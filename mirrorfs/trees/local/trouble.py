"""What an error of the system means to us: one table from errno to `Trouble`.

Law: no other module of this room looks at an errno to classify it; they compare only where an error
is an answer they asked for.
"""

import errno
import os

from mirrorfs.core.tree import Failure, TreeError, Trouble

_MEANING: dict[Trouble, tuple[int, ...]] = {
    Trouble.ABSENT: (errno.ENOENT,),
    Trouble.DENIED: (errno.EACCES, errno.EPERM, errno.ENOKEY),
    Trouble.FULL: (errno.ENOSPC, errno.EDQUOT),
    Trouble.READ_ONLY: (errno.EROFS,),
    Trouble.BUSY: (
        errno.EMFILE,
        errno.ENFILE,
        errno.EBUSY,
        errno.ETXTBSY,
        errno.EAGAIN,
        errno.EINTR,
        errno.ENOMEM,
        errno.ETIMEDOUT,
        errno.ENOLCK,
        errno.ECANCELED,
    ),
    Trouble.STALE: (
        errno.ESTALE,
        errno.ENODEV,
        errno.ENOMEDIUM,
        errno.ENOTCONN,
        errno.ESHUTDOWN,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
    ),
    Trouble.UNSUPPORTED: (
        errno.ENAMETOOLONG,
        errno.EINVAL,
        errno.ENOTSUP,
        errno.ENOSYS,
        errno.EXDEV,
        errno.EFBIG,
        errno.EOVERFLOW,
        errno.EMLINK,
        errno.EILSEQ,
        errno.ENXIO,
    ),
    Trouble.LOOP: (errno.ELOOP, errno.ENOTDIR),
    Trouble.DRIFT: (errno.EEXIST, errno.ENOTEMPTY, errno.EISDIR),
}
TROUBLES = {number: trouble for trouble, numbers in _MEANING.items() for number in numbers}


def failure(path: str, error: OSError | ValueError, doing: str) -> Failure:
    """The failure of ``path`` for an error of the system; ``doing`` as in "cannot ``doing``".

    A ValueError is a name the system cannot even be asked about: a NUL, a lone surrogate.
    """
    if isinstance(error, OSError) and error.errno is not None:
        trouble = TROUBLES.get(error.errno, Trouble.INPUT_OUTPUT)
        return Failure(path, trouble, f"cannot {doing}: {os.strerror(error.errno)}")
    return Failure(path, Trouble.UNSUPPORTED, f"cannot {doing}: {error}")


def unsafe(path: str) -> TreeError:
    """A path that could name something outside the root; it can only come from damaged state."""
    return TreeError(Failure(path, Trouble.UNSUPPORTED, "not a path below the root"))
