"""-P: the run on one screen, redrawn; where there is no terminal, plain lines now and then.

Law: rich is imported when something is drawn, and never else. Log lines appear above the drawing.
"""

import sys
from collections.abc import Callable

from mirrorfs.output.stats import Stats
from mirrorfs.output.ticker import Ticker

REDRAW_SECONDS = 0.5


class Progress:
    """A context manager. ``write`` prints one log line in the right place."""

    def __init__(self, stats: Stats, write: Callable[[str], None], seconds: float) -> None:
        self._stats = stats
        self._write = write
        self._seconds = seconds
        self._live: _Drawing | None = None
        self._ticker: Ticker | None = None

    def __enter__(self) -> "Progress":
        if sys.stdout.isatty():
            self._live = _Drawing(self._stats)
            self._live.start()
        else:
            self._ticker = Ticker(self._seconds, lambda: _out(self._stats.line().strip()))
            self._ticker.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
        if self._ticker is not None:
            self._ticker.__exit__()
        _out(self._stats.block().rstrip("\n"))

    def write(self, line: str) -> None:
        if self._live is not None:
            self._live.above(line)
        else:
            self._write(line)


class _Drawing:
    """rich's live display: a bar of bytes and the statistics."""

    def __init__(self, stats: Stats) -> None:
        from rich.console import Console, Group
        from rich.live import Live
        from rich.progress_bar import ProgressBar
        from rich.text import Text

        def picture() -> Group:
            bar = ProgressBar(max(stats.total_bytes, stats.now, 1), stats.now, 60)
            return Group(bar, Text(stats.block().rstrip("\n").replace("\t", "")))

        self._console = Console(highlight=False, soft_wrap=True)
        self._live = Live(
            get_renderable=picture,
            console=self._console,
            refresh_per_second=1 / REDRAW_SECONDS,
            transient=True,
        )

    def start(self) -> None:
        self._live.start(refresh=True)

    def stop(self) -> None:
        self._live.stop()

    def above(self, line: str) -> None:
        self._console.out(line, highlight=False)


def _out(text: str) -> None:
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        pass
