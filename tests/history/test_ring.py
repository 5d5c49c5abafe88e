"""The ring: bounded, and whole after whatever cut it."""

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.mounting import make, mounted

from mirrorfs.history import Wanted, follow, newest_first, record
from mirrorfs.history.keep import NAME
from mirrorfs.history.ring import SEGMENTS, Ring, segments

SECOND = 1_000_000_000


def lines(*names: str, why: str = "new"):
    return lambda at: [record.line(at, "create", why, names=[name]) for name in names]


def held(place: Path, wanted: Wanted = Wanted()) -> list[str]:  # noqa: B008
    """The paths, the oldest first."""
    return [found.path or found.verb for found in newest_first(str(place), wanted)][::-1]


def size(place: Path) -> int:
    return sum(path.stat().st_size for path in (place / NAME).iterdir())


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "mirrors" / "one"


def ring(place: Path, most: int = 1 << 20, **rest) -> Ring:
    return Ring(str(place / NAME), most, **rest)


@given(
    batches=st.lists(st.lists(st.integers(1, 900), min_size=1, max_size=6), max_size=15),
    most=st.integers(1_200, 3_000),
    reopened=st.sets(st.integers(0, 15), max_size=3),
)
def test_it_is_bounded_and_holds_the_newest(tmp_path_factory, batches, most, reopened):
    place = tmp_path_factory.mktemp("ring") / "mirrors" / "one"
    kept = ring(place, most)
    written = []
    for number, batch in enumerate(batches):
        if number in reopened:
            kept.close()
            kept = ring(place, most)
        names = [f"{number}-{index}-{'x' * length}" for index, length in enumerate(batch)]
        kept.append(lines(*names))
        written += names
        assert size(place) <= most
    kept.close()
    found = held(place) if batches else []
    assert found == written[len(written) - len(found) :]
    if sum(map(len, written)) + 60 * len(written) < most // SEGMENTS:
        assert found == written


def test_a_ring_cut_at_any_byte_goes_on(place):
    kept = ring(place)
    kept.append(lines("one", "two"))
    kept.append(lines("three"))
    kept.close()
    (segment,) = (place / NAME).iterdir()
    whole = segment.read_bytes()
    ends = [index + 1 for index, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole) + 1):
        segment.write_bytes(whole[:cut])
        survive = ["one", "two", "three"][: sum(end <= cut for end in ends)]
        assert held(place) == survive
        again = ring(place)
        again.append(lines("next"))
        again.close()
        assert held(place) == [*survive, "next"], cut


@pytest.mark.parametrize(
    "damage", [bytes(300), b'\n\n{}\n[]\n{"at":\n', b"\xff\n", b"[" * 9999 + b"\n"]
)
def test_what_is_no_line_is_passed_over(place, damage):
    kept = ring(place)
    kept.append(lines("one"))
    kept.close()
    (segment,) = (place / NAME).iterdir()
    with segment.open("ab") as end:
        end.write(damage)
    again = ring(place)
    again.append(lines("two"))
    again.close()
    assert held(place) == ["one", "two"]


@pytest.mark.parametrize(
    "line",
    [
        b'{"at":1,"verb":"create","in":"a","names":[1],"why":""}',
        b'{"at":1,"verb":"create","in":"a","names":["b"],"bytes":[1,2],"why":""}',
        b'{"at":1,"verb":"create","in":"a","names":"b"}',
        b'{"at":1,"verb":"rename","in":"a","names":["b"],"origins":[null],"why":""}',
        b'{"at":1,"names":["b"]}',
        b"[]",
        b"1",
        b"\xff",
        b"",
    ],
)
def test_a_line_of_another_kind_is_no_record(line):
    assert list(record.records(line)) == []


def test_a_clock_set_back_hides_nothing(place):
    now = [1000 * SECOND]
    kept = ring(place, clock=lambda: now[0])
    for moment, name in ((1000, "a"), (1002, "b"), (500, "c"), (501, "d")):
        now[0] = moment * SECOND
        kept.append(lines(name))
    now[0] -= SECOND // 2  # adjusted, not set
    kept.append(lines("e"))
    kept.close()
    assert held(place) == ["a", "b", "c", "d", "e"]
    assert held(place, Wanted(since=1001 * SECOND)) == ["b"]
    assert held(place, Wanted(since=501 * SECOND, until=600 * SECOND)) == ["d", "e"]
    assert held(place, Wanted(until=501 * SECOND)) == ["c", "d", "e"]


def test_what_comes_is_followed_across_segments(place):
    news = follow(str(place), Wanted())
    assert next(news) == []
    kept = ring(place, 4000)
    seen = []
    for number in range(60):
        kept.append(lines(f"{number}"))
        if number % 3 == 0:
            seen += [found.path for found in next(news)]
    seen += [found.path for found in next(news)]
    assert seen == [f"{number}" for number in range(60)]
    assert len(segments(str(place / NAME))) > 3
    late = follow(str(place), Wanted())
    assert next(late) == []
    assert next(late) == []
    kept.append(lines("last"))
    assert [found.path for found in next(late)] == ["last"]
    kept.close()


@pytest.mark.root
def test_a_full_disk_is_told_of_when_there_is_room_again(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted(make("tmpfs", tmp_path / "base", size="64k"), disk):
        place = disk / "mirrors" / "one"
        kept = ring(place)
        kept.append(lines("before"))
        with (disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            while True:
                filler.write(bytes(4096))
        for number in range(40):
            kept.append(lines(f"{number}", why="x" * 200))
        lost = 40 - len(held(place)) + 1
        assert 0 < lost < 41
        os.unlink(disk / "filler")
        kept.append(lines("after"))
        kept.close()
        assert held(place)[-2:] == ["missing", "after"]
        said = next(one for one in newest_first(str(place), Wanted()) if one.verb == "missing")
        assert said.why.startswith(f"{lost} lines ")


def test_the_newest_are_read_from_the_end(place):
    """What lies further back is not even opened: a fifo would never let go of who does."""
    kept = ring(place, 16_000)
    for number in range(100):
        kept.append(lines(f"{number}"))
    kept.close()
    *older, newest = segments(str(place / NAME))
    assert older
    for name in older:
        (place / NAME / name).unlink()
        os.mkfifo(place / NAME / name)
    there = (place / NAME / newest).read_bytes().count(b"\n")
    found = newest_first(str(place), Wanted())
    assert [next(found).path for _ in range(there)] == [f"{99 - back}" for back in range(there)]
