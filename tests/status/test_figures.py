"""What a status says of the work: counts, the flow of a minute, large files, what is behind."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from journal import Position
from mirrorfs.core.plan import Action, Outcome, Stage, Verb
from mirrorfs.core.plan import Status as Became
from mirrorfs.core.tree import Entry, Failure, Kind, Trouble
from mirrorfs.core.walk import Batch
from mirrorfs.run.behind import GRAIN_NS, MOMENTS, Noted
from mirrorfs.run.figures import WINDOW, Figures
from mirrorfs.status.status import Status
from mirrorfs.trees.base import PIECE


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def figures() -> tuple[Figures, Status, Clock]:
    status, clock = Status("/source", "/destination"), Clock()
    return Figures(status, clock), status, clock


def action(path: str, size: int = 0, stage: Stage = Stage.CONTENT) -> Action:
    return Action(Verb.CREATE, stage, path, Entry(Kind.FILE, size), None, "new")


def done(path: str, size: int) -> Outcome:
    return Outcome(action(path, size), Became.DONE, None, size)


def test_what_is_planned_becomes_done():
    counts, status, _ = figures()
    batch = Batch("", ready=[action("d", stage=Stage.DIRECTORIES), action("a", 5)])
    batch.later = [action("b", 7), action("c", 11)]
    counts.planned(batch)
    assert (status.planned, status.planned_bytes) == (4, 23)
    counts.done([Outcome(batch.ready[0], Became.DONE), done("a", 5)])
    assert (status.planned, status.planned_bytes) == (2, 18)
    denied = Failure("b", Trouble.DENIED, "no")
    counts.done([Outcome(action("b", 7), Became.FAILED, denied), done("c", 11)])
    assert (status.planned, status.planned_bytes) == (0, 0)
    assert (status.actions, status.files, status.bytes, status.failures) == (3, 2, 16, 1)
    assert status.last is not None
    assert status.last[1:] == ("create", "c")
    counts.planned(batch)
    counts.rests()
    assert (status.planned, status.planned_bytes) == (0, 0)


def test_the_flow_is_that_of_the_last_minute():
    counts, status, clock = figures()
    for _ in range(3 * WINDOW):
        clock.now += 1
        counts.done([done("a", 600), done("b", 600)])
    counts.show()
    assert status.bytes_per_second == 1200
    assert status.files_per_second == 2
    clock.now += WINDOW / 2
    counts.show()
    assert 550 <= status.bytes_per_second <= 650
    clock.now += WINDOW
    counts.show()
    assert (status.bytes_per_second, status.files_per_second) == (0, 0)


def test_a_large_file_is_seen_on_its_way_and_counted_once():
    counts, status, clock = figures()
    clock.now += WINDOW
    size = 3 * PIECE
    counts.large("big", size)
    counts.moved(PIECE)
    counts.show()
    assert status.transfers == [{"path": "big", "size": size, "done": PIECE}]
    assert status.bytes_per_second == PIECE / WINDOW
    other = threading.Thread(target=counts.moved, args=(PIECE,))
    other.start()
    other.join()
    counts.show()
    assert status.transfers[0]["done"] == PIECE  # what another thread moves is another file's
    counts.moved(2 * PIECE)
    counts.done([done("big", size)])
    counts.show()
    assert status.transfers == []
    assert status.bytes_per_second == size / WINDOW
    counts.large("broken", size)
    counts.rests()
    counts.show()
    assert status.transfers == []


def noted(steps: list[tuple[int, int]]) -> Noted:
    """``steps``: nanoseconds that pass, and records that are written then."""
    now = [0]
    told = Noted(lambda: now[0])
    sequence = 0
    for passed, records in steps:
        now[0] += passed
        sequence += records
        told.note(Position("e", sequence))
    return told


@given(st.lists(st.tuples(st.integers(1, 3 * GRAIN_NS), st.integers(1, 5)), max_size=60))
def test_nothing_is_younger_than_it_is(steps):
    told = noted(steps)
    written, sequence, now = [], 0, 0
    for passed, records in steps:
        now += passed
        written += [now] * records
        sequence += records
    for after in range(sequence):
        assert 0 < told.oldest(after) <= written[after]
        assert written[after] - told.oldest(after) < GRAIN_NS
        assert told.unread(after) == sequence - after
    assert told.oldest(sequence) == told.unread(sequence) == 0


def test_days_of_changes_take_no_more_room_than_a_thousand_moments():
    told = noted([(2 * GRAIN_NS, 1)] * (5 * MOMENTS))
    assert len(told._at) == len(told._last) <= MOMENTS
    for after in range(0, 5 * MOMENTS, 37):
        assert 0 < told.oldest(after) <= 2 * GRAIN_NS * (after + 1)
    assert told.oldest(5 * MOMENTS) == 0
