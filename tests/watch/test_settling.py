"""When an unfinished change is reported: with times given, no clock."""

from mirrorfs.watch.settle import Pace, Settling

PACE = Pace(quiet=0.5, cap=30.0, created=0.02)
F, G = (1, b"f"), (1, b"g")


def test_a_written_file_waits_until_nothing_was_written_for_a_while() -> None:
    settling = Settling(PACE)
    settling.modified(F, 10.0)
    settling.modified(F, 10.4)
    assert settling.next() == 10.9
    assert settling.due(10.89) == []
    assert settling.due(10.9) == [F]
    assert settling.due(99.0) == []
    assert settling.next() is None


def test_a_file_that_is_never_quiet_is_reported_at_the_cap_and_waits_anew() -> None:
    settling = Settling(PACE)
    now, reported = 0.0, []
    while now < 61.0:
        settling.modified(F, now)
        reported += [now for _ in settling.due(now)]
        now += 0.25
    assert reported == [30.0, 60.25]


def test_a_closed_file_no_longer_waits() -> None:
    settling = Settling(PACE)
    settling.created(F, 1.0)
    settling.forget(F)
    settling.modified(G, 1.0)
    settling.forget(G)
    assert settling.due(99.0) == []
    assert len(settling) == 0


def test_a_new_name_with_nothing_after_it_is_reported_soon() -> None:
    settling = Settling(PACE)
    settling.created(F, 1.0)
    assert settling.due(1.019) == []
    assert settling.due(1.02) == [F]


def test_a_new_name_that_is_written_to_waits_like_a_written_file() -> None:
    settling = Settling(PACE)
    settling.created(F, 1.0)
    settling.modified(F, 1.01)
    assert settling.due(1.5) == []
    assert settling.due(1.51) == [F]


def test_what_is_older_does_not_hide_what_is_due_later() -> None:
    settling = Settling(PACE)
    settling.modified(F, 1.0)
    settling.modified(G, 1.1)
    settling.modified(F, 1.2)
    assert settling.due(1.6) == [G]
    assert settling.due(1.7) == [F]


def test_a_barrier_takes_all_that_waits_once() -> None:
    settling = Settling(PACE)
    settling.created(F, 1.0)
    settling.modified(G, 1.0)
    assert sorted(settling.drain()) == [F, G]
    assert settling.due(99.0) == []
    assert F not in settling
    assert G not in settling


def test_a_million_writes_are_one_entry() -> None:
    settling = Settling(PACE)
    for tick in range(100_000):
        settling.modified(F, tick * 1e-6)
    assert len(settling) == 1
