"""The figures of a run, and rclone's block and line that show them."""

import time
from collections.abc import Callable
from typing import Any

from mirrorfs.core.record import mutable
from mirrorfs.core.values import format_readable, format_size

ONE_LINE_DATE = "%Y/%m/%d %H:%M:%S - "


@mutable
class Stats:
    """``bytes``/``transfers`` are done, ``total_…`` known to be needed. ``flowing`` counts bytes of
    files that are being copied right now."""

    clock: Callable[[], float] = time.monotonic
    bytes: int = 0
    flowing: int = 0
    total_bytes: int = 0
    transfers: int = 0
    total_transfers: int = 0
    checks: int = 0
    listed: int = 0
    deletes: int = 0
    deleted_directories: int = 0
    freed: int = 0
    renames: int = 0
    errors: int = 0
    retry_helps: bool = True
    fatal: bool = False
    bits: bool = False
    began: float = 0.0

    def __post_init__(self) -> None:
        self.began = self.clock()

    def restart(self) -> None:
        """A new attempt: errors and totals of the last one no longer count (rclone)."""
        self.errors = 0
        self.total_bytes, self.total_transfers = self.bytes, self.transfers

    def moved(self, count: int) -> None:
        """Some bytes of a file that is being copied were written."""
        self.flowing += count

    @property
    def elapsed(self) -> float:
        return self.clock() - self.began

    @property
    def now(self) -> int:
        """Bytes copied, with those of files on their way."""
        return max(self.bytes, self.flowing)

    @property
    def speed(self) -> float:
        """Bytes per second, on average."""
        elapsed = self.elapsed
        return self.now / elapsed if elapsed > 0 else 0.0

    def eta(self) -> float | None:
        """Seconds; None where nothing can be said."""
        left = self.total_bytes - self.now
        return left / self.speed if left > 0 and self.speed > 0 else None

    def line(self) -> str:
        """`11 B / 11 B, 100%, 0 B/s, ETA -`"""
        total = max(self.total_bytes, self.now)
        rate = format_size(int(self.speed * (8 if self.bits else 1)), "bit" if self.bits else "B")
        share = _percent(self.now, total)
        seconds = self.eta()
        eta = "-" if seconds is None else format_readable(int(seconds) * 1_000_000_000, 3)
        done, all_ = format_size(self.now, "B"), format_size(total, "B")
        return f"{done:>13} / {all_}, {share}, {rate}/s, ETA {eta}"

    def block(self) -> str:
        """The statistics, zero figures left out, each line with its newline."""
        lines = [f"Transferred:   \t{self.line()}"]
        if self.errors:
            hint = " (fatal error encountered)" if self.fatal else ""
            if not self.fatal and self.retry_helps:
                hint = " (retrying may help)"
            lines.append(f"Errors:        {self.errors:10}{hint}")
        if self.checks or self.listed:
            listed = f", Listed {self.listed}" if self.listed else ""
            lines.append(
                f"Checks:        {self.checks:10} / {self.checks}, {_percent(1, 1)}{listed}"
            )
        if self.deletes or self.deleted_directories:
            lines.append(
                f"Deleted:       {self.deletes:10} (files), {self.deleted_directories} (dirs), "
                f"{format_size(self.freed, 'B')} (freed)"
            )
        if self.renames:
            lines.append(f"Renamed:       {self.renames:10}")
        if self.total_transfers:
            share = _percent(self.transfers, self.total_transfers)
            lines.append(f"Transferred:   {self.transfers:10} / {self.total_transfers}, {share}")
        lines.append(f"Elapsed time:  {self.elapsed:10.1f}s")
        return "\n".join(lines) + "\n"

    def record(self) -> dict[str, Any]:
        """With rclone's names, for the JSON log."""
        return {
            "bytes": self.now,
            "checks": self.checks,
            "deletedDirs": self.deleted_directories,
            "deletes": self.deletes,
            "elapsedTime": self.elapsed,
            "errors": self.errors,
            "eta": self.eta(),
            "fatalError": self.fatal,
            "listed": self.listed,
            "renames": self.renames,
            "retryError": bool(self.errors) and self.retry_helps,
            "speed": self.speed,
            "totalBytes": self.total_bytes,
            "totalChecks": self.checks,
            "totalTransfers": self.total_transfers,
            "transferTime": self.elapsed if self.transfers else 0,
            "transfers": self.transfers,
        }


def _percent(part: int, whole: int) -> str:
    return f"{100 * part // whole}%" if whole else "-"
