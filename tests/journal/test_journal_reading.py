"""Appending and reading: positions, epochs, rotation, several readers beside one writer."""

import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from journal import (
    CursorLost,
    JournalCorrupt,
    JournalLocked,
    Position,
    Reader,
    Writer,
    verify,
    writer_alive,
)

WRITER = """
import sys
from journal import Writer
with Writer(sys.argv[1], segment_size=65536) as writer:
    for n in range(2000):
        writer.append([[n, i, b"some/path"] for i in range(n % 23 + 1)])
    writer.append([b"end"])
"""

HOLDER = """
import os, sys
from journal import Writer
with Writer(sys.argv[1]) as writer:
    writer.append([1])
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_an_empty_journal(directory: Path) -> None:
    reader = Reader(directory)
    assert list(reader.read()) == []
    assert reader.tail_position() is None
    assert verify(directory).end == "empty"
    with pytest.raises(CursorLost) as lost:
        reader.read(Position("0" * 32, 1))
    assert lost.value.reason == "foreign"
    with Writer(directory) as writer:
        assert list(reader.read()) == []
        assert reader.tail_position() == writer.position == writer.durable
        assert list(reader.read(writer.position)) == []


def test_an_append_is_seen_at_once_and_as_a_whole(directory: Path) -> None:
    seen: list[Position] = []
    with Writer(directory, on_append=seen.append) as writer:
        reader = Reader(directory)
        position = writer.position
        for n in range(50):
            position = writer.append([(n, i) for i in range(3)])
            after = seen[-2] if n else None
            (batch,) = reader.read(after)
            assert batch.position == position == seen[-1]
            assert batch.records == ((n, 0), (n, 1), (n, 2))
        assert list(reader.read(position)) == []
        assert writer.append([]) == position


def test_every_position_is_a_cursor(chained: tuple[Path, list[Any], list[Position]]) -> None:
    directory, records, positions = chained
    for n, position in enumerate(positions):
        batches = list(Reader(directory).read(position))
        assert [record for batch in batches for record in batch.records] == records[n + 1 :]
    assert Reader(directory).tail_position() == positions[-1]


def test_a_position_inside_a_frame_gives_the_rest_of_it(directory: Path) -> None:
    with Writer(directory) as writer:
        position = writer.append(list(range(10)))
        (batch,) = Reader(directory).read(Position(position.epoch, 4))
        assert batch == (position, (4, 5, 6, 7, 8, 9))


def test_starting_at_a_cursor_reads_no_earlier_segment(
    chained: tuple[Path, list[Any], list[Position]], damage: Any, read: Any
) -> None:
    directory, records, positions = chained
    for number in range(4):
        damage(directory).garble_sector(0, number)
    found = next(n for n, _ in enumerate(records) if read(directory, positions[n])[1] is None)
    assert read(directory, positions[found])[0] == records[found + 1 :]
    assert positions[found].sequence == int(damage(directory).segment(4).name[:16], 16) - 1
    assert Reader(directory).tail_position() == positions[-1]


def test_i3_numbers_increase_and_epochs_are_never_used_again(directory: Path, read: Any) -> None:
    last, epochs, durable = -1, set(), -1
    for turn in range(20):
        with Writer(directory, segment_size=4096, continue_epoch=bool(turn % 3)) as writer:
            assert writer.position.sequence >= last
            assert writer.continued == bool(turn % 3)
            if not writer.continued:
                assert writer.position.epoch not in epochs
            epochs.add(writer.position.epoch)
            for n in range(turn):
                position = writer.append([(turn, n, b"z" * 200)])
                assert position.sequence > last
                last = position.sequence
                if n % 2:
                    writer.sync()
                assert durable <= writer.durable.sequence <= last
                durable = writer.durable.sequence
            assert writer.sync() == writer.position == writer.durable
            last = writer.position.sequence
    records, error = read(directory)
    assert error is None
    assert [record[:2] for record in records] == [(t, n) for t in range(20) for n in range(t)]
    assert verify(directory).sound


def test_i11_an_epoch_goes_on_only_within_one_boot(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Writer(directory, continue_epoch=True) as writer:
        assert not writer.continued
        position = writer.append([1])
    with Writer(directory, continue_epoch=True) as writer:
        assert writer.continued
        assert writer.position == position
    monkeypatch.setattr("journal.files.boot", lambda: b"another boot id!")
    with Writer(directory, continue_epoch=True) as writer:
        assert not writer.continued
        assert writer.position.epoch != position.epoch
    monkeypatch.setattr("journal.files.boot", lambda: bytes(16))
    for _ in range(2):
        with Writer(directory, continue_epoch=True) as writer:
            assert not writer.continued


def test_lost_cursors_say_why(directory: Path, tmp_path: Path) -> None:
    with Writer(directory, segment_size=4096) as writer:
        first = writer.append([b"x" * 3000])
        writer.append([b"x" * 3000])
        position = writer.append([b"x" * 3000])
        reader = Reader(directory)
        with Writer(tmp_path / "other") as other, pytest.raises(CursorLost) as lost:
            reader.read(other.append([1, 2, 3]))
        assert lost.value.reason == "foreign"
        with pytest.raises(CursorLost) as lost:
            reader.read(Position(position.epoch, position.sequence + 1))
        assert lost.value.reason == "future"
        min(directory.glob("*.segment")).unlink()
        assert [batch.position for batch in reader.read(first)]
        with pytest.raises(CursorLost) as lost:
            reader.read(Position(first.epoch, first.sequence - 1))
        assert lost.value.reason == "trimmed"
        with pytest.raises(CursorLost) as lost:
            reader.read(Position("f" * 32, 0))
        assert lost.value.reason == "trimmed"


def test_sync_every_bounds_what_is_not_durable(directory: Path) -> None:
    with Writer(directory, sync_every=10) as writer:
        for _ in range(30):
            writer.append([1, 2, 3])
            assert writer.position.sequence - writer.durable.sequence < 10
        assert writer.durable.sequence > 0


def test_a_frame_larger_than_a_segment(directory: Path, read: Any) -> None:
    with Writer(directory, segment_size=4096) as writer:
        writer.append([b"a" * 60_000])
        writer.append([b"b"])
        writer.append([b"c" * 60_000])
    assert [record[:1] for record in read(directory)[0]] == [b"a", b"b", b"c"]


def test_reading_beside_a_live_writer(directory: Path, eventually: Any) -> None:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(directory)])
    reader, after, got = Reader(directory), None, []

    def finished() -> bool:
        nonlocal after
        for batch in reader.read(after):
            assert after is None or batch.position.sequence > after.sequence
            after = batch.position
            got.extend(batch.records)
        return got[-1:] == [b"end"]

    try:
        eventually(finished, 30.0)
    finally:
        process.wait(30)
    assert got[:-1] == [(n, i, b"some/path") for n in range(2000) for i in range(n % 23 + 1)]
    assert len(list(directory.glob("*.segment"))) > 3


def test_i10_the_second_writer_is_refused_by_name(directory: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert not writer_alive(directory / "elsewhere")
        assert process.stdout.readline() == b"ready\n"
        assert writer_alive(directory)
        with pytest.raises(JournalLocked, match=f"{directory}.*process {process.pid};.*stop"):
            Writer(directory)
        process.kill()
        process.wait()
        assert not writer_alive(directory)
        with Writer(directory) as writer:
            assert writer.recovered.state == "clean"
            with pytest.raises(JournalLocked, match=f"process {os.getpid()}"):
                Writer(directory)
        Writer(directory).close()
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_i10_a_program_that_was_started_does_not_keep_the_lock(directory: Path) -> None:
    with Writer(directory):
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False)
    try:
        Writer(directory).close()
    finally:
        child.communicate()


def test_memory_is_bounded_by_a_frame(directory: Path) -> None:
    with Writer(directory) as writer:
        for _ in range(300):
            writer.append([b"x" * 50_000])
        batches = Reader(directory).read()
        assert sum(len(batch.records) for batch in itertools.islice(batches, 2)) == 2


def test_i2_a_broken_segment_is_announced_before_what_follows(
    chained: tuple[Path, list[Any], list[Position]], damage: Any, read: Any
) -> None:
    directory, records, positions = chained
    damage(directory).garble_sector(4, 2)
    got, error = read(directory)
    assert isinstance(error, JournalCorrupt)
    assert error.path == str(damage(directory).segment(2))
    assert 0 < error.offset <= 4 * 512 + 512
    assert got == records[: len(got)]
    assert not verify(directory).sound
    assert read(directory, positions[-1]) == ([], None)
