"""That a mirror is paused: a file in its state directory, so that it outlives the process.

Law: while it stands nothing is written to the destination. A file that makes no sense is a pause
without an end: somebody wanted one.
"""

import json
import os
import time
from contextlib import suppress
from typing import NamedTuple

from journal import JournalError, files
from mirrorfs.errors import TemporaryError
from mirrorfs.state import State, make

NAME = "paused"


class Pause(NamedTuple):
    """In wall-clock nanoseconds, so that a restart or a sleep does not lengthen it; ``until_ns``
    is 0 for one that ends when somebody says so."""

    since_ns: int
    until_ns: int = 0
    reason: str = ""

    def left(self) -> float:
        """Seconds until it is over; infinite for one without an end."""
        return (self.until_ns - time.time_ns()) / 1e9 if self.until_ns else float("inf")

    def said(self) -> str:
        """As a clause."""
        return f"paused {self.span()}"

    def span(self) -> str:
        """Since when, until when, why."""
        clause = f"since {_clock(self.since_ns)}"
        if self.until_ns:
            clause += f" until {_clock(self.until_ns)}"
        return clause + f": {self.reason}" * bool(self.reason)


class PauseFile:
    """The pause of the mirror whose state is in ``directory``."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._path = os.path.join(directory, NAME)

    def load(self) -> Pause | None:
        """The one that is in force; ``None`` if there is none, or it is over."""
        try:
            with open(self._path, encoding="utf-8") as file:
                stored = json.load(file)
            pause = Pause(int(stored["since_ns"]), int(stored["until_ns"]), str(stored["reason"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError):
            pause = Pause(time.time_ns(), 0, f"{self._path} cannot be read")
        return pause if pause.left() > 0 else None

    def store(self, pause: Pause) -> None:
        """Durable: a power cut must not end it. Raises StateError, TemporaryError."""
        make(self._directory)
        text = json.dumps(pause._asdict()).encode()
        try:
            with files.opened(self._directory) as directory:
                os.close(files.create(directory, NAME, lambda file: files.write_all(file, text, 0)))
        except (OSError, JournalError) as error:
            raise TemporaryError(
                f"the pause cannot be stored: {error}",
                remedy="give the state directory's disk some room",
            ) from error

    def remove(self) -> None:
        """Raises TemporaryError."""
        try:
            with suppress(FileNotFoundError):
                os.unlink(self._path)
        except OSError as error:
            raise TemporaryError(
                f"the pause cannot be ended: {error.strerror}",
                remedy=f"remove {self._path}, and ask again",
            ) from error


def resume_command(destination: str, home: str) -> str:
    """The command that ends a pause; ``home`` is the state directory it is kept in."""
    from shlex import quote

    chosen = "" if State.find().home == home else f" --state-dir {quote(home)}"
    return f"mirrorfs resume {quote(destination)}{chosen}"


def _clock(ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(ns / 1e9))
