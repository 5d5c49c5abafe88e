"""Cookies laid in the watcher's directory: each comes back as a record behind all that changed
before it was laid.

Law: a cookie is known before it lies there, so that an answer cannot come too early; what is lifted
is forgotten, whether it was answered or not.
"""

import os
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class Cookies(Generic[T]):
    """``awaited``: who waits for which, by the cookie's name."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self.awaited: dict[str, T] = {}

    def lay(self, who: T) -> str:
        """A new one; its name. Raises OSError."""
        nonce = os.urandom(16).hex()
        self.awaited[nonce] = who
        try:
            os.close(os.open(self._path(nonce), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError:
            del self.awaited[nonce]
            raise
        return nonce

    def lift(self, nonce: str) -> None:
        """Take it away."""
        self.awaited.pop(nonce, None)
        with suppress(OSError):  # a watcher that begins anew clears its directory
            os.unlink(self._path(nonce))

    def _path(self, nonce: str) -> str:
        return os.path.join(self._directory, nonce)
