"""A root that cannot be read is no matter of one path: it ends the run.

Law: whoever reads both trees does it within `rooted`; who must act follows from what went wrong.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from mirrorfs.core.tree import TreeError, Trouble
from mirrorfs.errors import DirectoryMissing, MirrorError, PermanentError, TemporaryError

_KINDS: dict[Trouble, type[MirrorError]] = {
    Trouble.ABSENT: DirectoryMissing,
    Trouble.DENIED: PermanentError,
}


@contextmanager
def rooted() -> Iterator[None]:
    """Turns the failure to read a root into an error for the whole run. Raises DirectoryMissing,
    PermanentError, TemporaryError."""
    try:
        yield
    except TreeError as error:
        raise _KINDS.get(error.trouble, TemporaryError)(error.failure.message) from error
