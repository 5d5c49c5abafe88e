"""Every kind of damage, everywhere: a prefix is recovered, and nothing is lost without a word.

After every repair the journal must take more, and give back what it took.
"""

import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from journal import CursorLost, JournalCorrupt, JournalVersion, Reader, Writer, verify

Filled = tuple[Path, list[list[Any]]]


def spans(directory: Path, batches: list[list[Any]], damage: Any) -> list[tuple[int, int]]:
    """Where in the only segment each batch's frame lies."""
    data = damage(directory).segment().read_bytes()
    found, at = [], 96
    for _ in batches:
        size = 32 + int.from_bytes(data[at + 4 : at + 8], "little")
        found.append((at, at + size + -size % 8))
        at = found[-1][1]
    return found


def copy_of(directory: Path, tmp_path: Path) -> Path:
    target = tmp_path / "copy"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(directory, target)
    return target


def mend_and_go_on(directory: Path, read: Any) -> tuple[str, list[Any]]:
    """Recover, append, and check what must hold of any journal that was mended."""
    with Writer(directory, segment_size=4096, continue_epoch=True) as writer:
        state = writer.recovered.state
        assert writer.continued == (state == "clean")
        start = writer.position
        writer.append(["more"])
        assert (directory / writer.recovered.kept).exists()
    assert read(directory, start) == (["more"], None)
    records, error = read(directory)
    if state == "corrupt":
        first_is_broken = len(list(directory.glob("*.segment"))) == 1
        assert isinstance(error, JournalCorrupt) != first_is_broken
        return state, records if error else []
    assert error is None
    assert records.pop() == "more"
    return state, records


def test_i4_truncated_at_every_byte(filled: Filled, swift: Path, damage: Any, read: Any) -> None:
    directory, batches = filled
    where = spans(directory, batches, damage)
    seal = where[-1][1] + 40
    for at in range(seal):
        target = copy_of(directory, swift)
        damage(target).truncate_at(at)
        whole = [record for batch, (_, end) in zip(batches, where, strict=True) if end <= at
                 for record in batch]  # fmt: skip
        got, error = read(target)
        assert got == whole
        assert isinstance(error, JournalCorrupt) == (at < 96)
        state, records = mend_and_go_on(target, read)
        boundary = at in (96, seal) or any(at == end for _, end in where)
        assert state == ("corrupt" if at < 96 else "clean" if boundary else "torn")
        assert records == whole


@pytest.mark.parametrize("kind", ["zero_sector", "garble_sector"])
@pytest.mark.parametrize("boot", ["same", "another"])
def test_i2_i4_every_sector_lost(
    roomy: Filled,
    kind: str,
    boot: str,
    swift: Path,
    damage: Any,
    read: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    directory, batches = roomy
    where = spans(directory, batches, damage)
    before = damage(directory).segment().read_bytes()
    if boot == "another":
        monkeypatch.setattr("journal.files.boot", lambda: b"another boot id!")
    states = set()
    for sector in range(len(before) // 512):
        target = copy_of(directory, swift)
        getattr(damage(target), kind)(sector)
        after = damage(target).segment().read_bytes()
        good = [before[start:end] == after[start:end] for start, end in where]
        kept = good.index(False) if False in good else len(batches)
        records = [record for batch in batches[:kept] for record in batch]
        seal = before[where[-1][1] :] [:40] == after[where[-1][1] :][:40]  # fmt: skip
        got, error = read(target)
        if before[:96] != after[:96]:
            expected, records = "corrupt", []
        elif kept == len(batches):
            tail = after[where[-1][1] + 40 * seal :]
            expected = "torn" if any(tail) else "clean"
        elif seal or any(good[kept:]):
            # The seal and every frame after the flush prove what the flush covered.
            covered = boot == "same" or seal or kept < 7
            expected = "corrupt" if covered else "torn"
        else:
            expected = "torn" if any(after[where[kept][0] :]) else "clean"
        assert got == records
        assert isinstance(error, JournalCorrupt) == (expected == "corrupt")
        report = verify(target)
        assert report.end == expected
        assert report.sound == (expected != "corrupt")
        if boot == "another" and expected == "clean":
            continue
        assert mend_and_go_on(target, read) == (expected, records)
        states.add(expected)
    assert states >= {"corrupt", "torn"}


def test_i2_every_flipped_byte_of_the_frames(
    filled: Filled, tmp_path: Path, damage: Any, read: Any
) -> None:
    directory, batches = filled
    where = spans(directory, batches, damage)
    target = copy_of(directory, tmp_path)
    for at in range(where[-1][1]):
        damage(target).flip_byte(at)
        got, error = read(target)
        hit = next((n for n, (_, end) in enumerate(where) if at < end), 0)
        padding = at >= 96 and error is None
        if padding:
            assert got == [record for batch in batches for record in batch]
            assert where[hit][1] - at < 8
        else:
            assert isinstance(error, JournalCorrupt)
            assert got == ([r for batch in batches[:hit] for r in batch] if at >= 96 else [])
        damage(target).flip_byte(at)
    assert read(target)[1] is None


def test_write_back_without_order_is_a_torn_tail_after_a_power_cut(
    directory: Path, damage: Any, read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames that no flush covered reach the disk in any order; that is nobody's damage."""
    with Writer(directory) as writer:
        for n in range(8):
            position = writer.append([(n, b"u" * 600)])
        data = damage(directory).segment().read_bytes()
    damage(directory).segment().write_bytes(data)
    damage(directory).zero_sector(4)
    assert isinstance(read(directory)[1], JournalCorrupt)
    monkeypatch.setattr("journal.files.boot", lambda: b"another boot id!")
    assert read(directory)[1] is None
    with Writer(directory) as writer:
        assert writer.recovered.state == "torn"
        assert writer.recovered.cut > 600
        with pytest.raises(CursorLost, match="ends before") as lost:
            Reader(directory).read(position)
        assert lost.value.reason == "future"


@pytest.mark.parametrize("garbage", [b"\x01", b"\xf5FR\n", os.urandom(700), b"\0" * 64 + b"x"])
def test_appended_garbage_is_a_torn_tail(
    filled: Filled, garbage: bytes, damage: Any, read: Any
) -> None:
    directory, batches = filled
    damage(directory).append_garbage(garbage)
    everything = [record for batch in batches for record in batch]
    assert read(directory) == (everything, None)
    assert mend_and_go_on(directory, read) == ("torn", everything)
    (kept,) = directory.glob("*.torn")
    assert kept.read_bytes().endswith(garbage)


def test_evidence_outlives_a_crash_between_the_cut_and_the_next_segment(
    roomy: Filled, damage: Any, read: Any
) -> None:
    directory, _ = roomy
    whole = damage(directory).segment().read_bytes()
    damage(directory).garble_sector(2)
    spoiled = damage(directory).segment().read_bytes()
    with Writer(directory) as writer:
        kept = directory / writer.recovered.kept
    assert spoiled.startswith(kept.read_bytes())
    assert kept.read_bytes()[:1024] == whole[:1024]
    damage(directory).segment().unlink()
    with Writer(directory, continue_epoch=True) as writer:
        assert writer.recovered.state == "corrupt"
        assert not writer.continued
        writer.append([1])
    assert isinstance(read(directory)[1], JournalCorrupt)
    with Writer(directory) as writer:
        assert writer.recovered.state == "clean"


def test_numbers_never_come_back_after_a_header_was_lost(directory: Path, damage: Any) -> None:
    with Writer(directory) as writer:
        last = writer.append([0] * 1024)
    damage(directory).zero_sector(0)
    with Writer(directory) as writer:
        assert writer.recovered.state == "corrupt"
        assert writer.position.sequence > last.sequence


Chained = tuple[Path, list[Any], list[Any]]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_i2_a_removed_segment_is_missed(
    chained: Chained, number: int, damage: Any, read: Any
) -> None:
    directory, records, _ = chained
    end = int(damage(directory).segment(number).name[:16], 16) - 1
    damage(directory).remove_segment(number)
    got, error = read(directory)
    assert got == records[:end]
    assert isinstance(error, JournalCorrupt)
    assert "missing" in error.reason
    assert not verify(directory).sound


def test_i2_a_removed_last_segment_is_missed_by_its_cursor(
    chained: Chained, damage: Any, read: Any
) -> None:
    directory, _, positions = chained
    damage(directory).remove_segment(-1)
    error = read(directory, positions[-1])[1]
    assert isinstance(error, CursorLost)
    with Writer(directory) as writer:
        writer.append(["new"])
    error = read(directory, positions[-1])[1]
    assert isinstance(error, CursorLost)


@pytest.mark.parametrize(("one", "other"), [(0, 1), (1, 3), (4, 5)])
def test_i2_swapped_segments_are_refused(
    chained: Chained, one: int, other: int, damage: Any, read: Any
) -> None:
    directory, records, _ = chained
    damage(directory).swap_segments(one, other)
    got, error = read(directory)
    assert got == records[: len(got)]
    assert isinstance(error, JournalCorrupt)
    assert "another segment's" in error.reason


@pytest.mark.parametrize("first", [2, 20, 10_000])
def test_i2_a_duplicated_segment_is_refused(
    chained: Chained, first: int, damage: Any, read: Any
) -> None:
    directory, records, _ = chained
    damage(directory).duplicate_segment(1, first)
    got, error = read(directory)
    assert got == records[: len(got)]
    assert isinstance(error, JournalCorrupt)
    with Writer(directory) as writer:
        writer.append([1])
        start = writer.position
    assert read(directory, start) == ([], None)


def test_i2_a_segment_of_another_journal_is_refused(
    chained: Chained, tmp_path: Path, damage: Any, read: Any
) -> None:
    directory, records, _ = chained
    with Writer(tmp_path / "other") as writer:
        writer.append([0] * 1000)
    with Writer(tmp_path / "other") as writer:
        writer.append(["foreign"])
    shutil.copy(damage(tmp_path / "other").segment(), directory)
    got, error = read(directory)
    assert got == records
    assert isinstance(error, JournalCorrupt)
    assert "another journal" in error.reason


@pytest.mark.parametrize("at", [16, 32, 64, 72, 80, 84, 88], ids=lambda at: f"offset {at}")
def test_i9_a_header_that_was_changed_with_care_is_refused(
    chained: Chained, at: int, damage: Any, read: Any
) -> None:
    directory, records, _ = chained
    damage(directory).flip_byte(at, 2)
    damage(directory).fix_checksum(2)
    got, error = read(directory)
    assert got == records[: len(got)]
    assert len(got) < len(records)
    assert isinstance(error, JournalCorrupt)


def test_a_newer_version_is_left_alone(filled: Filled, damage: Any, read: Any) -> None:
    directory, _ = filled
    damage(directory).overwrite(8, b"\x02")
    damage(directory).fix_checksum()
    before = damage(directory).segment().read_bytes()
    assert isinstance(read(directory)[1], JournalVersion)
    with pytest.raises(JournalVersion, match="format 2"):
        Writer(directory)
    assert damage(directory).segment().read_bytes() == before
    assert not verify(directory).sound


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_i4_torture_random_damage(directory: Path, swift: Path, damage: Any, read: Any) -> None:
    dice = random.Random(4)
    with Writer(directory, segment_size=65536) as writer:
        batches = [[(n, dice.randbytes(dice.randrange(300)))] for n in range(1500)]
        for batch in batches:
            writer.append(batch)
    records = [record for batch in batches for record in batch]
    for _ in range(5000):
        target = copy_of(directory, swift)
        hurt = damage(target)
        number = dice.randrange(len(hurt.segments()))
        size = hurt.segment(number).stat().st_size
        kind = dice.choice(["truncate_at", "garble_sector", "zero_sector", "flip_byte"])
        getattr(hurt, kind)(dice.randrange(size if "sector" not in kind else size // 512), number)
        got, _ = read(target)
        assert got == records[: len(got)]
        with Writer(target) as writer:
            start = writer.position
            writer.append(["more"])
        assert read(target, start) == (["more"], None)
