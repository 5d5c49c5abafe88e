"""What a destination that is away still needs stays in the journal, up to a bound; beyond that it
compares when it is back. The one that is there is not kept waiting by either.
"""

import os
from functools import partial
from pathlib import Path

import pytest
from live.conftest import Places
from support.following import Following
from support.walker import differences

from journal import Writer
from mirrorfs.core.filter import EVERYTHING
from mirrorfs.core.options import Options, archive
from mirrorfs.mirror.mirror import Mirror
from mirrorfs.mirror.reading import Reading
from mirrorfs.state import State

BUDGET = 8 << 10


def test_what_is_away_replays_within_the_bound_and_compares_beyond(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mirrorfs.mirror.record.BUDGET_BYTES", BUDGET)
    monkeypatch.setattr("mirrorfs.mirror.record.Writer", partial(Writer, segment_size=4096))
    source, _, state = places
    other = tmp_path / "other"
    journal = State(str(state)).journal(str(source))
    make(source, 0, 50)
    with Following(*places) as there:
        there.assert_equal()
        back(source, other, state)
        make(source, 50, 60)  # a few: nothing of it may go
        settle(there)
        assert back(source, other, state).replays
        make(source, 60, 500)  # names that cannot be folded
        settle(there)
        kept = sum(entry.stat().st_size for entry in os.scandir(journal))
        assert kept < 3 * BUDGET, "as much as the bound, and the segment that is written"
        assert not back(source, other, state).replays
        make(source, 500, 510)
        settle(there)
        assert back(source, other, state).replays


def make(source: Path, first: int, last: int) -> None:
    for number in range(first, last):
        (source / f"a name that takes some room in a journal, number {number}").touch()


def settle(there: Following) -> None:
    there.assert_equal()
    there.recorder.retain()


def back(source: Path, destination: Path, state: Path) -> Reading:
    """The other one is there for a moment; what it looked at."""
    options = archive(Options())
    with Mirror(
        str(source), str(destination), options=options, filter=EVERYTHING, state=State(str(state))
    ) as mirror:
        reading = mirror.reading()
        mirror.synchronise(reading)
    assert differences(source, destination) == []
    return reading
