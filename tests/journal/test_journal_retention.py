"""Dropping and folding whole segments: nothing that a cursor needs goes without a word."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from journal import (
    CursorLost,
    JournalCorrupt,
    JournalLocked,
    Position,
    Reader,
    RecordInvalid,
    Writer,
    compact,
    files,
    retain,
    trim,
    verify,
)

Chained = tuple[Path, list[Any], list[Position]]


def union(records: Sequence[Any]) -> list[Any]:
    return list(dict.fromkeys(records))


def test_retain_drops_what_every_cursor_has_passed(chained: Chained, read: Any) -> None:
    directory, records, positions = chained
    for n in range(0, len(positions), 5):
        done = retain(directory, positions[n], 1 << 30)
        assert not done.over
        assert read(directory, positions[n]) == (records[n + 1 :], None)
        assert verify(directory).sound
    assert len(list(directory.glob("*.segment"))) == 1


def test_retain_keeps_the_segment_that_knows_a_cursors_epoch(directory: Path, read: Any) -> None:
    with Writer(directory) as writer:
        position = writer.append([1])
    with Writer(directory) as writer:
        writer.append([2])
    assert retain(directory, position, 0).dropped == ()
    assert read(directory, position) == ([2], None)


@pytest.mark.parametrize("keep", [None, Position("f" * 32, 10)])
def test_retain_drops_nothing_for_an_unknown_cursor(chained: Chained, keep: Any) -> None:
    directory, *_ = chained
    done = retain(directory, keep, 100)
    assert done.dropped == ()
    assert done.over


@pytest.mark.parametrize("budget", [0, 4096, 9000, 15_000, 1 << 20])
def test_i8_trim_keeps_the_budget_and_says_what_is_lost(
    chained: Chained, budget: int, read: Any
) -> None:
    directory, records, positions = chained
    done = trim(directory, budget)
    assert done.size <= budget
    assert not done.over
    sizes = [path.stat().st_size for path in sorted(directory.glob("*.segment"))]
    assert sum(sizes[:-1]) == done.size
    kept, error = read(directory)
    assert error is None
    assert kept == records[len(records) - len(kept) :]
    if done.dropped:
        with pytest.raises(CursorLost) as lost:
            Reader(directory).read(positions[0])
        assert lost.value.reason == "trimmed"


def test_i8_evidence_goes_with_the_segments_around_it(chained: Chained, damage: Any) -> None:
    directory, *_ = chained
    damage(directory).append_garbage(b"x")
    for _ in range(2):
        Writer(directory).close()
    assert list(directory.glob("*.torn"))
    assert trim(directory, 0).size == 0
    assert not list(directory.glob("*.torn"))


def test_i7_compaction_covers_from_every_cursor(swift: Path) -> None:
    """10,000 random ranges: what a compacted journal gives after a cursor, the raw one did."""
    dice = random.Random(7)
    tried = 0
    for turn in range(40):
        directory = swift / str(turn)
        raw: list[Any] = []
        cursors: list[tuple[int, Position]] = []
        for _ in range(dice.randint(1, 3)):
            with Writer(directory, segment_size=4096) as writer:
                for _ in range(dice.randint(0, 35)):
                    batch = [dice.randrange(60) for _ in range(dice.randint(1, 150))]
                    raw += batch
                    cursors.append((len(raw), writer.append(batch)))
                    if not dice.randrange(25):
                        compact(directory, union, through=dice.choice(cursors)[1])
        if not cursors:
            continue
        reader = Reader(directory)
        for _ in range(260):
            count, position = dice.choice(cursors)
            got: set[int] = set()
            last = position.sequence
            for batch in reader.read(position):
                assert batch.position.sequence >= last
                last = batch.position.sequence
                got |= set(batch.records)
            assert got >= set(raw[count:])
            assert last == cursors[-1][1].sequence
            tried += 1
            if not dice.randrange(100):
                compact(directory, union)
        assert verify(directory).sound
    assert tried >= 10_000


def test_compaction_makes_a_long_absence_cheap(directory: Path, read: Any) -> None:
    with Writer(directory, segment_size=65536) as writer:
        start = writer.position
        inside = writer.append([(b"path", 0)])
        for _ in range(300):
            last = writer.append([(b"path", i % 50) for i in range(100)])
    before = retain(directory, None, 0).size
    done = compact(directory, union)
    assert len(done.created) == 1
    assert len(done.replaced) > 2
    assert retain(directory, None, 0).size < before // 50
    assert compact(directory, union).created == ()
    for after in (start, inside, None):
        records, error = read(directory, after)
        assert error is None
        assert set(records) == {(b"path", i) for i in range(50)}
    assert Reader(directory).tail_position() == last


def test_a_fold_may_leave_nothing(chained: Chained) -> None:
    directory, records, positions = chained
    compact(directory, lambda _: [])
    batches = list(Reader(directory).read(positions[0]))
    assert batches[0].records == ()
    assert batches[0].position.sequence > positions[0].sequence
    assert batches[-1].position == positions[-1]
    assert batches[-1].records[0] in records


def test_a_large_fold_becomes_many_frames_and_is_passed_as_a_whole(directory: Path) -> None:
    with Writer(directory, segment_size=1 << 20) as writer:
        for n in range(40):
            position = writer.append([(n * 1000 + i, b"z" * 60) for i in range(1000)])
    done = compact(directory, lambda records: [r for r in records if r[0] % 4 == 0])
    assert len(done.created) == 1
    batches = list(Reader(directory).read())
    assert batches[-1].position == position
    whole = int(done.created[0].split("-")[2][:16], 16)
    inside = [batch.position.sequence for batch in batches if batch.position.sequence <= whole]
    assert len(inside) > 3
    assert inside == [0] * (len(inside) - 1) + [whole]


def test_i2_compaction_hides_no_damage(chained: Chained, damage: Any, read: Any) -> None:
    directory, records, _ = chained
    for kind, number in (("garble_sector", 1), ("zero_sector", 3)):
        getattr(damage(directory), kind)(4, number)
    before = damage(directory).segments()
    done = compact(directory, union)
    assert done.problems
    assert [path for path in before if not path.exists()] == []
    got, error = read(directory)
    assert isinstance(error, JournalCorrupt)
    assert got == records[: len(got)]


def test_i2_compaction_does_not_fold_across_a_break(
    directory: Path, damage: Any, read: Any
) -> None:
    with Writer(directory, segment_size=4096) as writer:
        for n in range(20):
            writer.append([(n % 3, b"x" * 400)])
    damage(directory).garble_sector(1)
    with Writer(directory, segment_size=4096) as writer:
        start = writer.position
        for n in range(20):
            writer.append([(n % 3, b"x" * 400)])
    assert compact(directory, union).created
    assert isinstance(read(directory)[1], JournalCorrupt)
    records, error = read(directory, start)
    assert error is None
    assert set(records) == {(n, b"x" * 400) for n in range(3)}


def test_reading_goes_on_while_its_segment_is_compacted(chained: Chained) -> None:
    directory, records, _ = chained
    batches = Reader(directory).read()
    got = list(next(batches).records)
    compact(directory, union)
    for batch in batches:
        got += batch.records
    assert set(got) == set(records)


def test_i2_a_reader_that_retention_overtakes_is_told(chained: Chained) -> None:
    directory, *_ = chained
    batches = Reader(directory).read()
    next(batches)
    trim(directory, 0)
    with pytest.raises(CursorLost, match="no longer kept"):
        list(batches)


def test_what_a_crash_leaves_of_a_compaction_is_harmless(
    chained: Chained, damage: Any, read: Any
) -> None:
    directory, records, positions = chained
    old = {path.name: path.read_bytes() for path in damage(directory).segments()}
    done = compact(directory, union)
    for name in done.replaced:
        (directory / name).write_bytes(old[name])
        (directory / name).chmod(0o600)
    (directory / f".new-{done.created[0]}").write_bytes(b"half")
    got, error = read(directory)
    assert error is None
    assert set(got) == set(records)
    retain(directory, None, 0)
    assert sorted(path.name for path in directory.glob("*.segment")) == sorted(
        {*old, *done.created} - {*done.replaced}
    )
    assert not list(directory.glob(".new-*"))
    assert read(directory, positions[-1]) == ([], None)


def test_a_name_alone_removes_nothing(chained: Chained, damage: Any) -> None:
    directory, *_ = chained
    names = {path.name for path in directory.iterdir()}
    (directory / f"{1:016x}-{'f' * 32}-{1 << 40:016x}.segment").write_bytes(b"not a segment")
    retain(directory, None, 0)
    compact(directory, union)
    assert names <= {path.name for path in directory.iterdir()}


def test_a_fold_that_returns_no_records_is_refused(chained: Chained, read: Any) -> None:
    directory, records, _ = chained
    with pytest.raises(RecordInvalid):
        compact(directory, lambda _: [object()])
    assert read(directory) == (records, None)
    assert not list(directory.glob(".new-*"))


def test_one_retention_at_a_time_beside_a_writer(chained: Chained) -> None:
    directory, *_ = chained
    with Writer(directory), files.opened(directory) as fd:
        trim(directory, 1 << 30)
        files.lock(fd, str)
        with pytest.raises(JournalLocked, match="compacted by another"):
            compact(directory, union)
