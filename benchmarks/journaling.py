"""How fast the journal takes changes and gives them back: one thread, batches of 500 records.

    python benchmarks/journaling.py [--json] [--records N] [--directory DIR]

Each line is the best of three runs. The targets hold on one core of an ordinary machine.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from journal import Position, Reader, Writer, compact, verify

BATCH = [[1, b"some/path/name-%05d.txt" % number, 3] for number in range(500)]
ROUNDS = 3

Row = tuple[str, float, str, float | None]


def timed(act: Callable[[], object], prepare: Callable[[], object] = lambda: None) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        prepare()
        start = time.perf_counter()
        act()
        best = min(best, time.perf_counter() - start)
    return best


def append(directory: Path, batches: int, *, every: int | None = None) -> Position:
    with Writer(directory, sync_every=every) as writer:
        for _ in range(batches):
            writer.append(BATCH)
        return writer.position


def read(directory: Path, after: Position | None = None) -> int:
    return sum(len(batch.records) for batch in Reader(directory).read(after))


def recover(directory: Path) -> None:
    with Writer(directory, continue_epoch=True) as writer:
        assert writer.continued


def follow(directory: Path, batches: int) -> None:
    """One append, one wake-up of a reader that keeps its place."""
    reader = Reader(directory)
    with Writer(directory, continue_epoch=True) as writer:
        after = writer.position
        for _ in range(batches):
            writer.append(BATCH[:5])
            for batch in reader.read(after):
                after = batch.position


def rows(room: Path, records: int) -> list[Row]:
    batches = records // len(BATCH)
    records = batches * len(BATCH)
    directory = room / "state"

    def fresh() -> None:
        shutil.rmtree(directory, ignore_errors=True)

    table: list[Row] = []

    def rate(name: str, count: int, seconds: float, target: float | None = None) -> None:
        table.append((name, count / seconds, "records/s", target))

    def span(name: str, seconds: float) -> None:
        table.append((name, seconds * 1000, "ms", None))

    rate("append, one flush at the end", records,
         timed(lambda: append(directory, batches), fresh), 300_000)  # fmt: skip
    rate("append, a flush every 1,000 records", records,
         timed(lambda: append(directory, batches, every=1000), fresh))  # fmt: skip
    rate("read and decode", records, timed(lambda: read(directory)), 500_000)
    rate("verify", records, timed(lambda: verify(directory)))
    last = Reader(directory).tail_position()
    assert last is not None
    near = Position(last.epoch, last.sequence - 500)
    span("resume at a cursor near the end", timed(lambda: read(directory, near)))
    span("find the last position", timed(lambda: Reader(directory).tail_position()))
    span("recover and continue", timed(lambda: recover(directory)))
    table.append(("append and wake a reader",
                  timed(lambda: follow(directory, 500)) / 500 * 1e6, "µs", None))  # fmt: skip
    start = time.perf_counter()
    compact(directory, lambda taken: list(dict.fromkeys(taken)))
    rate("compact", records, time.perf_counter() - start)
    return table


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options.add_argument("--records", type=int, default=500_000)
    options.add_argument("--directory", type=Path, help="on the file system to be measured")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.directory) as room:
        table = rows(Path(room), chosen.records)
    if chosen.json:
        found = {name: {"value": value, "unit": unit, "target": target}
                 for name, value, unit, target in table}  # fmt: skip
        print(json.dumps(found, ensure_ascii=False))
        return
    for name, value, unit, target in table:
        asked = f"   (target {target:,.0f})" if target else ""
        print(f"{name:38} {value:14,.1f} {unit}{asked}")


if __name__ == "__main__":
    main()
