"""The last line of a terminal: how a running mirror is, redrawn while it changes.

Log lines go above it. Where there is no terminal nothing is drawn. Drawing stops while nothing
changes, so that an idle mirror uses no CPU.
"""

import os
import time
from types import TracebackType
from typing import Self, TextIO

import trio

from mirrorfs.core.values import format_size
from mirrorfs.output.escape import printable
from mirrorfs.output.log import Log
from mirrorfs.run import News
from mirrorfs.status.status import Phase, Status

REDRAW_SECONDS = 0.1
MARKS = {
    Phase.IN_SYNC: "\x1b[32m●\x1b[0m",
    Phase.OWING: "\x1b[33m●\x1b[0m",
    Phase.HELD: "\x1b[31m●\x1b[0m",
    Phase.WAITING: "\x1b[33m●\x1b[0m",
    Phase.PAUSED: "\x1b[33m●\x1b[0m",
}


class StatusLine:
    """A context manager; while it is open, the log's lines are written above the line."""

    def __init__(self, news: News, log: Log, stream: TextIO) -> None:
        self._news = news
        self._log = log
        self._stream = stream
        self._draws = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._before = log.write
        self._shown = ""

    def __enter__(self) -> Self:
        if self._draws:
            self._log.write = self._above
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._draws:
            self._log.write = self._before
            self._put("\r\x1b[K")

    async def keep_drawing(self) -> None:
        """Redraw when there is something new, until cancelled."""
        if not self._draws:
            return
        while True:
            news = self._news.news
            self._draw()
            await trio.sleep(REDRAW_SECONDS)
            if not self._news.busy:
                await news.wait()

    def text(self) -> str:
        """The line, without what keeps it on one line of the terminal."""
        statuses = self._news.statuses
        if len(statuses) > 1:
            return " · ".join(
                f"{MARKS.get(status.phase, '○')} {_name(status)} {status.phase}"
                for status in statuses
            )
        (status,) = statuses
        pieces = [f"{MARKS.get(status.phase, '○')} {status.phase}"]
        if status.why:
            pieces.append(status.why)
        if status.actions:
            pieces.append(f"{status.actions:,} changes, {format_size(status.bytes)}B")
        if status.owed_count:
            pieces.append(f"{status.owed_count} owed")
        if status.unwatched:
            pieces.append(f"{status.unwatched} directories unwatched")
        if status.last is not None:
            at, verb, path = status.last
            clock = time.strftime("%H:%M:%S", time.localtime(at / 1e9))
            pieces.append(f"{clock} {verb} {printable(path)}")
        return " · ".join(pieces)

    def _draw(self) -> None:
        self._shown = self.text()
        try:
            width = os.get_terminal_size(self._stream.fileno()).columns
        except OSError:
            width = 80
        line = self._shown
        extra = len(line) - len(_visible(line))
        if len(line) - extra > width - 1:
            line = line[: width - 2 + extra] + "…"
        self._put(f"\r\x1b[K{line}")

    def _above(self, line: str) -> None:
        self._put("\r\x1b[K")
        self._before(line)
        self._put(self._shown and f"\r\x1b[K{self._shown}")

    def _put(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._draws = False


def _name(status: Status) -> str:
    return printable(os.path.basename(status.destination)) or "/"


def _visible(line: str) -> str:
    for mark in MARKS.values():
        line = line.replace(mark, "●")
    return line
