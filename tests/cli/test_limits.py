"""Limits, order and times of deletion from the command line to the files."""

import fcntl
import os
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mirrorfs.apply.pace import Pace
from mirrorfs.cli import waiting
from mirrorfs.cli.settings import pace, quota
from mirrorfs.cli.toggling import toggling
from mirrorfs.core.values import parse_bwlimit
from mirrorfs.errors import Locked
from mirrorfs.mirror import preflight


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        ("--max-transfer=3B", 8, "max transfer limit reached as set by --max-transfer"),
        ("--max-transfer=3B --cutoff-mode=soft", 8, "max transfer limit reached"),
        ("--max-transfer=3B --cutoff-mode=Cautious", 8, "max transfer limit reached"),
        ("--max-duration=1ns", 10, "max transfer duration reached as set by --max-duration"),
    ],
)
def test_a_limit_ends_the_run_with_its_code_and_without_another_attempt(
    call: Any, place: Any, flags: str, code: int, message: str
) -> None:
    done = call("sync", place.source, place.destination, *flags.split())
    assert done.code == code
    assert done.err.count(f"ERROR : Failed to sync: {message}") == 1
    assert "Attempt" not in done.err
    assert {"gone", "e/gone"} <= set(place.read(place.destination)), "nothing was deleted"
    assert call("sync", place.source, place.destination).code == 0
    assert place.read(place.destination) == place.read(place.source)


@pytest.mark.parametrize("mode", ["before", "during", "after"])
def test_every_time_of_deletion_ends_with_equal_trees(call: Any, place: Any, mode: str) -> None:
    done = call("sync", place.source, place.destination, f"--delete-{mode}", "-v")
    assert done.code == 0
    assert place.read(place.destination) == place.read(place.source)
    first = done.err.index("gone: Deleted") < done.err.index("changed: Copied")
    assert first is (mode != "after")
    assert (done.err.index("gone: Deleted") < done.err.index("new: Copied")) is (mode == "before")


@pytest.mark.parametrize("mode", ["before", "during", "after"])
def test_copy_deletes_at_no_time(call: Any, place: Any, mode: str) -> None:
    assert call("copy", place.source, place.destination, f"--delete-{mode}").code == 0
    assert {"gone", "e/gone"} <= set(place.read(place.destination))


def test_an_order(call: Any, place: Any) -> None:
    done = call("sync", place.source, place.destination, "-v", "--order-by=size,desc")
    said = [name for name in ("changed", "d/deep", "new") if f": {name}: Copied" in done.err]
    assert sorted(said, key=lambda name: done.err.index(f": {name}: Copied")) == said
    assert len(said) == 3
    bad = call("sync", place.source, place.destination, "--order-by=colour")
    assert bad.code == 7
    assert "unknown --order-by comparison 'colour'" in bad.err
    assert call("sync", place.source, place.destination, "--order-by=pattern,[a").code == 7


def test_run_takes_no_limit_that_would_end_it(call: Any, place: Any) -> None:
    for flag in ("--max-transfer=1G", "--max-duration=1h"):
        done = call("run", place.source, place.destination, flag)
        assert done.code == 2
        assert "run goes on until it is stopped" in done.err


def test_run_changes_nothing_when_asked_to_change_nothing(call: Any, place: Any) -> None:
    before = sorted(place.destination.rglob("*"))
    for flag in ("--dry-run", "-n", "-i"):
        done = call("run", place.source, place.destination, flag)
        assert done.code == 2
        assert "mirrorfs plan" in done.err
    assert sorted(place.destination.rglob("*")) == before


# ---- bandwidth ---------------------------------------------------------------------------------


def large(place: Any, size: int) -> None:
    """One file as the only content of the source."""
    for path in place.source.iterdir():
        if path.is_file():
            path.unlink()
    (place.source / "d" / "deep").write_bytes(os.urandom(size))


@pytest.mark.parametrize("flag", ["--bwlimit=1M", "--bwlimit=1M:100k", "--bwlimit-file=1M"])
def test_a_limit_on_bandwidth_holds(call: Any, place: Any, flag: str) -> None:
    large(place, 600 << 10)
    begun = time.monotonic()
    assert call("sync", place.source, place.destination, flag).code == 0
    # The first tenth of a second is free, and the machine may be busy.
    assert 0.45 < time.monotonic() - begun < 20
    assert (place.destination / "d" / "deep").stat().st_size == 600 << 10


def test_sigusr2_lifts_the_limit(call: Any, place: Any, eventually: Any) -> None:
    large(place, 1 << 20)

    def lift() -> None:
        eventually(lambda: list((place.destination / "d").glob("*")))
        os.kill(os.getpid(), signal.SIGUSR2)

    before = signal.getsignal(signal.SIGUSR2)
    thread = threading.Thread(target=lift)
    thread.start()
    # At one kilobyte per second it would last longer than the test may.
    done = call("sync", place.source, place.destination, "-v", "--bwlimit=1k")
    thread.join()
    assert done.code == 0
    assert "INFO  : Starting bandwidth limiter at 1Ki Byte/s" in done.err
    assert "NOTICE: Bandwidth limit disabled by user" in done.err
    assert signal.getsignal(signal.SIGUSR2) is before


def test_a_signal_ends_what_waits_for_bandwidth(call: Any, place: Any, eventually: Any) -> None:
    large(place, 1 << 20)

    def interrupt() -> None:
        eventually(lambda: list((place.destination / "d").glob("*")))
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    assert call("sync", place.source, place.destination, "--bwlimit=1k").code == 130
    thread.join()
    assert list((place.destination / "d").iterdir()) == [], "no temporary is left"


def test_without_a_limit_the_signal_keeps_its_meaning() -> None:
    before = signal.getsignal(signal.SIGUSR2)
    with toggling(Pace()):
        assert signal.getsignal(signal.SIGUSR2) is before
    limited = Pace(parse_bwlimit("1M"))
    with toggling(limited):
        os.kill(os.getpid(), signal.SIGUSR2)
        assert limited.rate() == float("inf")
        os.kill(os.getpid(), signal.SIGUSR2)
        assert limited.rate() == 1 << 20
    assert signal.getsignal(signal.SIGUSR2) is before


def test_what_the_flags_mean() -> None:
    from mirrorfs.cli.parse import parse

    flags = parse("sync", ["--bwlimit", "08:00,1M 20:00,off", "--bwlimit-file", "10k"], {}).flags
    made = pace(flags, lambda line: None)
    assert made.limits
    assert str(made).endswith("10Ki each file")
    assert not quota(flags).limits
    assert not pace(parse("sync", [], {}).flags, lambda line: None).limits


# ---- the lock of the destination ---------------------------------------------------------------


def test_another_run_is_not_waited_for_unless_asked(call: Any, place: Any) -> None:
    held = preflight.lock_destination(str(place.destination))
    try:
        done = call("sync", place.source, place.destination)
        assert done.code == 7
        assert "another mirrorfs is writing to" in done.err
    finally:
        os.close(held)
    assert call("sync", place.source, place.destination).code == 0


def test_waiting_ends_when_the_other_run_does(
    call: Any, place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = preflight.lock_destination(str(place.destination))
    looks = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            fcntl.flock(held, fcntl.LOCK_UN)

    # Their own clock only: whoever copies a file that was written a moment ago sleeps, too.
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=sleep)
    for waits in (waiting, preflight):
        monkeypatch.setattr(waits, "time", clock)
    try:
        done = call("sync", place.source, place.destination, "--wait=1m")
    finally:
        os.close(held)
    assert (done.code, len(looks)) == (0, 3)
    told = f"{place.destination}: another mirrorfs is writing here, and is waited for"
    assert done.err.count(told) == 1


def test_waiting_ends_with_the_time_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    clock = SimpleNamespace(
        monotonic=lambda: now[0], sleep=lambda s: now.__setitem__(0, now[0] + s)
    )
    monkeypatch.setattr(preflight, "time", clock)
    held = preflight.lock_destination(str(tmp_path))
    try:
        with pytest.raises(Locked):
            preflight.lock_destination(str(tmp_path), 5)
    finally:
        os.close(held)
    assert now[0] == pytest.approx(5, abs=0.2)
