"""Log lines: a level, perhaps a path, a message. One `Log` serves a process.

Law: the path is data and is escaped by the format; the message is ours and may hold newlines. A log
that cannot be written never stops a run.
"""

import sys
import threading
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Self, TextIO

from mirrorfs.output import text
from mirrorfs.output.escape import printable


class Level(IntEnum):
    """syslog's numbers; rclone's default is NOTICE."""

    EMERGENCY = 0
    ALERT = 1
    CRITICAL = 2
    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6
    DEBUG = 7


Format = Callable[[int, str, str, dict[str, Any]], str]


def to_stderr(line: str) -> None:
    """One line to standard error; nobody listening is no error."""
    try:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


class Log:
    """``write`` takes one finished line; progress replaces it while it draws. Thread-safe."""

    def __init__(
        self,
        level: Level = Level.NOTICE,
        format: Format = text.line,
        write: Callable[[str], None] = to_stderr,
    ) -> None:
        self.level = level
        self.write = write
        self._format = format
        self._lock = threading.Lock()
        self._close: Callable[[], None] | None = None

    @classmethod
    def to_file(cls, path: str, level: Level, format: Format) -> Self:
        """A log that appends to a file. Raises OSError."""
        stream = open(path, "a", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
        log = cls(level, format, to_stream(stream))
        log._close = stream.close
        return log

    def close(self) -> None:
        """Close the file, if there is one; later lines go to standard error."""
        if self._close is not None:
            self._close()

    def shows(self, level: Level) -> bool:
        return level <= self.level

    def log(self, level: Level, message: str, path: str = "", **more: Any) -> None:
        """``more`` is data for formats that have a place for it (JSON)."""
        if level <= self.level:
            line = self._format(level, path, message, more)
            with self._lock:
                self.write(line)

    def error(self, message: str, path: str = "", **more: Any) -> None:
        self.log(Level.ERROR, message, path, **more)

    def notice(self, message: str, path: str = "", **more: Any) -> None:
        self.log(Level.NOTICE, message, path, **more)

    def info(self, message: str, path: str = "", **more: Any) -> None:
        self.log(Level.INFO, message, path, **more)

    def debug(self, message: str, path: str = "", **more: Any) -> None:
        self.log(Level.DEBUG, message, path, **more)


def to_stream(stream: TextIO) -> Callable[[str], None]:
    """A writer of lines to an open text stream (a log file)."""

    def write(line: str) -> None:
        try:
            stream.write(line + "\n")
            stream.flush()
        except (OSError, ValueError):
            to_stderr(printable(line))

    return write
