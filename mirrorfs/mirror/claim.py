"""A destination stays ours while nothing of it is held open.

Law: who writes holds the lock on the destination directory itself. Who only waits lets go of it, so
that the drive can be taken away, and holds a file of the state directory instead, which stands for
that very directory wherever it is mounted. A kill releases either.
"""

import fcntl
import hashlib
import os
from contextlib import suppress

from mirrorfs.core.tree import Identity
from mirrorfs.state import make


class Claim:
    """On one destination after the other; ``home`` is the state directory."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._file = -1

    def take(self, identity: Identity) -> None:
        """Raises StateError, OSError."""
        self.release()
        path = _path(self._home, identity)
        make(os.path.dirname(path))
        file = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._file = file
        # Ours already: we held the directory's lock. Only who looks (`is_taken`) may be at it.
        fcntl.flock(file, fcntl.LOCK_SH)

    def release(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def is_taken(home: str, identity: Identity) -> bool:
    """Whether another process waits to write there; ask with the directory's lock in hand."""
    try:
        file = os.open(_path(home, identity), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
        return True
    finally:
        os.close(file)


def _path(home: str, identity: Identity) -> str:
    digest = hashlib.sha256(repr(tuple(identity)).encode()).hexdigest()
    return os.path.join(home, "destinations", "claims", digest[:32])
