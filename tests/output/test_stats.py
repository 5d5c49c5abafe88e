"""The figures of a run, in rclone's block and line; progress that shows them."""

import os
import pty
import subprocess
import sys
import threading

import pytest

from mirrorfs.output.progress import Progress
from mirrorfs.output.stats import Stats
from mirrorfs.output.ticker import Ticker


def stats(seconds: float = 2.0) -> Stats:
    moments = iter([0.0])
    return Stats(clock=lambda: next(moments, seconds))


def test_a_quiet_run() -> None:
    assert stats().block() == (
        "Transferred:   \t          0 B / 0 B, -, 0 B/s, ETA -\nElapsed time:         2.0s\n"
    )


def test_all_figures() -> None:
    run = stats()
    run.bytes, run.total_bytes, run.transfers, run.total_transfers = 1024, 4096, 1, 3
    run.errors, run.checks, run.listed, run.deletes, run.deleted_directories = 2, 7, 9, 4, 1
    run.freed, run.renames = 1536, 5
    assert run.block() == (
        "Transferred:   \t        1 KiB / 4 KiB, 25%, 512 B/s, ETA 6s\n"
        "Errors:                 2 (retrying may help)\n"
        "Checks:                 7 / 7, 100%, Listed 9\n"
        "Deleted:                4 (files), 1 (dirs), 1.500 KiB (freed)\n"
        "Renamed:                5\n"
        "Transferred:            1 / 3, 33%\n"
        "Elapsed time:         2.0s\n"
    )
    assert run.line() == "        1 KiB / 4 KiB, 25%, 512 B/s, ETA 6s"
    run.fatal = True
    assert "Errors:                 2 (fatal error encountered)\n" in run.block()
    record = run.record()
    assert (record["bytes"], record["totalBytes"], record["eta"]) == (1024, 4096, 6.0)


def test_what_is_on_its_way_counts_once() -> None:
    run = stats()
    run.total_bytes = 100
    run.moved(30)
    run.moved(30)
    assert run.now == 60
    run.bytes = 60
    assert run.now == 60


def test_bits() -> None:
    run = stats()
    run.bits, run.bytes, run.total_bytes = True, 1024, 1024
    assert run.line() == "        1 KiB / 1 KiB, 100%, 4 Kibit/s, ETA -"


def test_a_new_attempt_forgets_errors() -> None:
    run = stats()
    run.errors, run.transfers, run.bytes, run.total_bytes, run.total_transfers = 1, 2, 5, 9, 3
    run.restart()
    assert (run.errors, run.transfers, run.total_transfers, run.total_bytes) == (0, 2, 2, 5)


def test_a_ticker_ticks_until_it_is_stopped() -> None:
    ticked = threading.Event()
    with Ticker(0.001, ticked.set):
        assert ticked.wait(10)
    names = [thread.name for thread in threading.enumerate()]
    assert "mirrorfs-stats" not in names


def test_a_ticker_without_an_interval_starts_no_thread() -> None:
    before = threading.active_count()
    with Ticker(0, lambda: None):
        assert threading.active_count() == before


def test_progress_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    lines: list[str] = []
    run = stats()
    with Progress(run, lines.append, 0) as progress:
        progress.write("a line")
    assert lines == ["a line"]
    assert capsys.readouterr().out == run.block()


DRAW = """
import sys
from mirrorfs.output.progress import Progress
from mirrorfs.output.stats import Stats
run = Stats()
run.total_bytes, run.total_transfers, run.transfers = 8, 2, 1
assert "rich" not in sys.modules
with Progress(run, print, 1) as progress:
    run.moved(4)
    progress.write("INFO  : [bold]x[/bold]: Copied (new)")
assert "rich" in sys.modules
"""


def test_progress_on_a_terminal_draws_below_the_log() -> None:
    master, slave = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", DRAW], stdout=slave, stderr=subprocess.PIPE, timeout=60,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100"}, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, b"")
        shown = os.read(master, 65536).decode()
    finally:
        os.close(slave)
        os.close(master)
    assert "INFO  : [bold]x[/bold]: Copied (new)" in shown
    assert "4 B / 8 B, 50%" in shown
    assert "━" in shown
