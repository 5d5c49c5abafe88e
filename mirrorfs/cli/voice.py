"""All that a run of sync, copy or check says: log, statistics, progress, reports.

Law: opened before the first look at a tree (a report that cannot be written stops the run before it
begins), closed with the final figures.
"""

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from mirrorfs.cli.flags import Flags
from mirrorfs.core.plan import Plan
from mirrorfs.output.log import Level, Log
from mirrorfs.output.narrator import LINK, SPECIAL, Narrator, Several
from mirrorfs.output.repeats import Repeats
from mirrorfs.output.reports import Reports
from mirrorfs.output.stats import ONE_LINE_DATE, Stats
from mirrorfs.output.ticker import Ticker

if TYPE_CHECKING:
    from mirrorfs.sync.listener import Listener

NANOSECONDS = 1_000_000_000


class Voice:
    """A context manager; ``listener`` is for the pass, ``stats`` what it heard. ``lasting``: of a
    service, which looks again and again at what fails."""

    def __init__(self, flags: Flags, log: Log, destination: str, *, lasting: bool = False) -> None:
        self._flags = flags
        self.log = log
        self.stats = Stats(bits=self._bits())
        silent = (LINK,) * flags.linking.skip_links + (SPECIAL,) * flags.linking.skip_specials
        self.narrator = Narrator(
            log,
            self.stats,
            place=destination,
            silent=silent,
            backups=bool(flags.deleting.backup_dir or flags.deleting.suffix),
            repeats=Repeats() if lasting else None,
        )
        self.reports = Reports(flags.reporting)
        self.listener: Listener = (
            Several((self.narrator, self.reports)) if self.reports.wanted else self.narrator
        )
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self.reports)
        seconds = self._flags.logging.stats / NANOSECONDS
        if self._flags.logging.progress:
            from mirrorfs.output.progress import Progress

            before = self.log.write
            progress = self._stack.enter_context(Progress(self.stats, before, seconds))
            self.log.write = progress.write
            self._stack.callback(setattr, self.log, "write", before)
        elif self.log.shows(self._level):
            self._stack.enter_context(Ticker(seconds, self.tell))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def attempt(self) -> None:
        """Another attempt begins."""
        self.narrator.attempt()
        self.reports.attempt()

    def would(self, plan: Plan) -> None:
        """A dry run."""
        self.narrator.would(plan)
        self.reports.would(plan)

    def finish(self) -> None:
        """The final figures, unless progress shows them."""
        if not self._flags.logging.progress:
            self.tell()

    def tell(self) -> None:
        """The figures as they are now."""
        flags = self._flags.logging
        if flags.stats_one_line or flags.stats_one_line_date or flags.stats_one_line_date_format:
            message = self._date() + self.stats.line()
        else:
            message = f"\n{self.stats.block()}"
        self.log.log(self._level, message, stats=self.stats.record())

    @property
    def _level(self) -> Level:
        """A dry run shows its figures without -v (rclone)."""
        flags = self._flags
        wanted = Level[flags.logging.stats_log_level]
        dry = flags.important.dry_run and "stats-log-level" not in flags.given
        return min(wanted, Level.NOTICE) if dry else wanted

    def _date(self) -> str:
        from datetime import datetime

        flags = self._flags.logging
        if flags.stats_one_line_date_format:
            from mirrorfs.output.gotime import format_time

            return format_time(datetime.now(), flags.stats_one_line_date_format)
        return f"{datetime.now():{ONE_LINE_DATE}}" if flags.stats_one_line_date else ""

    def _bits(self) -> bool:
        unit = self._flags.logging.stats_unit
        if unit not in ("bytes", "bits"):
            self.log.error(f"unknown stats unit {unit!r}, using bytes")
        return unit == "bits"


def print_out(text: str, *, flush: bool = False) -> None:
    """A command's result, on standard output; raises BrokenPipeError when nobody reads.

    What the locale cannot say is said in UTF-8, and bytes of a path as they are.
    """
    try:
        sys.stdout.write(text)
    except UnicodeEncodeError:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    if flush:
        sys.stdout.flush()
