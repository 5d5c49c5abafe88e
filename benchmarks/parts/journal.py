"""How fast the journal takes changes and gives them back: one thread, batches of 500 records."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.answer import Answer
from benchmarks.places import Place
from journal import Position, Reader, Writer, compact, verify

BATCH = [[1, b"some/path/name-%05d.txt" % number, 3] for number in range(500)]
APPEND, READ = 300_000.0, 500_000.0  # records a second, at least
WHO = "journal"


def measure(answer: Answer, place: Place, records: int, rounds: int) -> None:
    batches = max(records // len(BATCH), 2)
    records = batches * len(BATCH)
    directory = place.fresh("journal")

    def taken(
        act: Callable[[], object], prepare: Callable[[], object] | None = None
    ) -> list[float]:
        seconds = []
        for _ in range(rounds):
            if prepare is not None:
                prepare()
            began = time.perf_counter()
            act()
            seconds.append(time.perf_counter() - began)
        return seconds

    def fresh() -> None:
        shutil.rmtree(directory, ignore_errors=True)

    def rate(what: str, seconds: list[float], bar: float | None = None) -> None:
        rates = [records / one for one in seconds]
        answer.add(WHO, what, place.name, "records/s", rates, bar, at_least=True)

    def span(what: str, seconds: list[float]) -> None:
        answer.add(WHO, what, place.name, "ms", [one * 1000 for one in seconds])

    rate("append, one flush at the end", taken(lambda: _append(directory, batches), fresh), APPEND)
    often = taken(lambda: _append(directory, batches, every=1000), fresh)
    rate("append, a flush every 1,000 records", often)
    rate("read and decode", taken(lambda: _read(directory)), READ)
    rate("verify", taken(lambda: verify(directory)))
    last = Reader(directory).tail_position()
    assert last is not None
    near = Position(last.epoch, last.sequence - 500)
    span("resume at a cursor near the end", taken(lambda: _read(directory, near)))
    span("find the last position", taken(lambda: Reader(directory).tail_position()))
    span("recover and continue", taken(lambda: _recover(directory)))
    span("append and wake a reader", [one / 500 for one in taken(lambda: _follow(directory, 500))])
    span("compact", taken(lambda: compact(directory, lambda all_: list(dict.fromkeys(all_))))[:1])
    fresh()


def _append(directory: Path, batches: int, *, every: int | None = None) -> None:
    with Writer(directory, sync_every=every) as writer:
        for _ in range(batches):
            writer.append(BATCH)


def _read(directory: Path, after: Position | None = None) -> int:
    return sum(len(batch.records) for batch in Reader(directory).read(after))


def _recover(directory: Path) -> None:
    with Writer(directory, continue_epoch=True) as writer:
        assert writer.continued


def _follow(directory: Path, batches: int) -> None:
    """One append, one wake-up of a reader that keeps its place."""
    reader = Reader(directory)
    with Writer(directory, continue_epoch=True) as writer:
        after = writer.position
        for _ in range(batches):
            writer.append(BATCH[:5])
            for batch in reader.read(after):
                after = batch.position
