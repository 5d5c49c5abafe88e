"""A consumer's own small file, replaced atomically: it holds the old mapping or the new one.

    journal-cursor 1 <crc32 of the body, 8 hex digits> <bytes of the body> LF <body> LF

The body is one JSON object, ASCII, so that a person can read what a destination has vouched for.
The directory is trusted and checked as a journal's is.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final
from zlib import crc32

from journal import files
from journal.errors import CursorDamaged, JournalError, JournalUnwritable, RecordInvalid

MAX_CURSOR: Final = 16 << 20
_TAG = b"journal-cursor 1 "


class CursorFile:
    """One mapping at `path`. One process at a time stores to it; any number may load it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._directory, self._name = os.path.split(os.path.join(".", self.path))

    def load(self) -> dict[str, Any] | None:
        """What was stored last; None if nothing ever was.

        Raises `CursorDamaged` for anything else than what `store` writes, `JournalUnsafe`,
        `JournalUnreadable`.
        """
        try:
            with files.reading(self.path), files.opened(self._directory) as directory:
                fd = files.open_file(directory, self._name)
        except FileNotFoundError:
            return None
        with open(fd, "rb") as file:
            try:
                data = file.read(MAX_CURSOR + 1)
            except OSError as error:
                raise CursorDamaged(f"{self.path} cannot be read: {error.strerror}") from error
        body = data[data.find(b"\n") + 1 : -1]
        if len(data) > MAX_CURSOR or data != _frame(body):
            raise CursorDamaged(f"{self.path} does not hold a whole cursor")
        try:
            mapping = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise CursorDamaged(f"{self.path}: {error}") from error
        if not isinstance(mapping, dict):
            raise CursorDamaged(f"{self.path} does not hold a mapping")
        return mapping

    def store(self, mapping: Mapping[str, Any]) -> None:
        """Replace the mapping; it is on the disk on return.

        Keys are str; values what JSON holds (tuples come back as lists; str may hold undecodable
        bytes as surrogates). Raises `RecordInvalid`, `JournalUnwritable`, `JournalUnsafe`.
        """
        try:
            body = json.dumps(dict(mapping), allow_nan=False, separators=(",", ":")).encode()
        except (ValueError, TypeError, RecursionError) as error:
            raise RecordInvalid(f"cannot be stored in a cursor: {error}") from error
        data = _frame(body)
        if not all(isinstance(key, str) for key in mapping) or len(data) > MAX_CURSOR:
            raise RecordInvalid(f"a cursor has str keys and at most {MAX_CURSOR} bytes")
        try:
            with files.opened(self._directory) as directory:
                name = self._name
                os.close(
                    files.create(directory, name, lambda fd: files.write_all(fd, data, 0)),
                )
        except OSError as error:
            raise JournalUnwritable(self.path, error) from error

    def tidy(self) -> None:
        """Remove what a `store` that was killed left behind; nobody else may be storing."""
        with suppress(OSError, JournalError), files.opened(self._directory) as directory:
            files.remove(directory, files.NEW + self._name)

    def remove(self) -> None:
        """Forget the mapping, if there is one. Raises `JournalUnwritable`."""
        try:
            with files.opened(self._directory) as directory:
                files.remove(directory, self._name)
                os.fsync(directory)
        except FileNotFoundError:
            return
        except OSError as error:
            raise JournalUnwritable(self.path, error) from error


def _frame(body: bytes) -> bytes:
    return _TAG + b"%08x %d\n" % (crc32(body), len(body)) + body + b"\n"
