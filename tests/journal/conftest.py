"""The vocabulary of damage, and the few words that the journal's tests share."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from journal import JournalError, Position, Reader, Writer
from journal import segment as segments

SECTOR = 512


class Damage:
    """Kinds of damage to the journal in a directory; `at` counts bytes from a segment's start."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def segment(self, number: int = -1) -> Path:
        return self.segments()[number]

    def segments(self) -> list[Path]:
        fd = os.open(self.directory, os.O_RDONLY)
        try:
            return [self.directory / each.name for each in segments.every(fd)]
        finally:
            os.close(fd)

    def overwrite(self, at: int, data: bytes, number: int = -1) -> None:
        with open(self.segment(number), "r+b") as file:
            file.seek(at)
            file.write(data)

    def truncate_at(self, at: int, number: int = -1) -> None:
        os.truncate(self.segment(number), at)

    def zero_sector(self, sector: int, number: int = -1) -> None:
        self.overwrite(sector * SECTOR, bytes(SECTOR), number)

    def garble_sector(self, sector: int, number: int = -1) -> None:
        noise = bytes((7 * n + 13 * sector + 101) % 251 + 1 for n in range(SECTOR))
        self.overwrite(sector * SECTOR, noise, number)

    def flip_byte(self, at: int, number: int = -1) -> None:
        byte = self.segment(number).read_bytes()[at]
        self.overwrite(at, bytes([byte ^ 0xFF]), number)

    def append_garbage(self, data: bytes, number: int = -1) -> None:
        with open(self.segment(number), "ab") as file:
            file.write(data)

    def swap_segments(self, one: int, other: int) -> None:
        first, second = self.segment(one), self.segment(other)
        content = first.read_bytes(), second.read_bytes()
        first.write_bytes(content[1])
        second.write_bytes(content[0])

    def duplicate_segment(self, number: int, first: int) -> None:
        """A copy under a name of its own, as if its records began at `first`."""
        source = self.segment(number)
        shutil.copy(source, source.with_name(f"{first:016x}{source.name[16:]}"))

    def remove_segment(self, number: int) -> None:
        self.segment(number).unlink()

    def fix_checksum(self, number: int = -1) -> None:
        """Make the header's checksum fit what the header says now."""
        body = self.segment(number).read_bytes()[:92]
        self.overwrite(92, crc32(body).to_bytes(4, "little"), number)


def read_all(
    directory: Path, after: Position | None = None
) -> tuple[list[Any], JournalError | None]:
    """The records a reader gets, and the error that ended it, if one did."""
    records: list[Any] = []
    try:
        for batch in Reader(directory).read(after):
            records += batch.records
    except JournalError as error:
        return records, error
    return records, None


@pytest.fixture
def damage() -> Callable[[Path], Damage]:
    return Damage


@pytest.fixture
def read() -> Callable[..., tuple[list[Any], JournalError | None]]:
    return read_all


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def swift(tmp_path: Path) -> Iterator[Path]:
    """A directory where a flush costs nothing, for tests that recover thousands of times."""
    shm = Path("/dev/shm")
    if not os.access(shm, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=shm) as made:
        yield Path(made)


@pytest.fixture
def filled(directory: Path) -> tuple[Path, list[list[Any]]]:
    """A cleanly closed journal of one segment: 12 frames of 5 records, the first 7 synced."""
    return directory, _fill(
        directory, [[(n, i, b"p" * (n + i)) for i in range(5)] for n in range(12)]
    )


@pytest.fixture
def roomy(directory: Path) -> tuple[Path, list[list[Any]]]:
    """The same, but with frames of up to three sectors."""
    return directory, _fill(directory, [[(n, b"q" * (n * 137 % 1500))] * 2 for n in range(12)])


def _fill(directory: Path, batches: list[list[Any]]) -> list[list[Any]]:
    with Writer(directory, segment_size=32768) as writer:
        for number, batch in enumerate(batches):
            writer.append(batch)
            if number == 6:
                writer.sync()
    return batches


@pytest.fixture
def chained(directory: Path) -> tuple[Path, list[Any], list[Position]]:
    """Five sealed segments and a last one, of one epoch; the records, the position after each."""
    records: list[Any] = []
    positions: list[Position] = []
    with Writer(directory, segment_size=4096) as writer:
        while len(list(directory.glob("*.segment"))) < 6:
            records.append((len(records), b"x" * 300))
            positions.append(writer.append([records[-1]]))
    return directory, records, positions
