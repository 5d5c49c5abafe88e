"""When an unfinished change is reported: with times given, no clock."""

from itertools import pairwise

from mirrorfs.watch.hot import FREE, Hot
from mirrorfs.watch.settle import Pace, Settling

PACE = Pace(quiet=0.5, cap=30.0, created=0.02)
F, G = (1, b"f"), (1, b"g")


def finished(settling: Settling, *keys: tuple[int, bytes], now: float) -> list[tuple[int, bytes]]:
    """Those of the names of one directory that are reported."""
    wd = keys[0][0]
    return [(wd, name) for name in settling.finished(wd, {name: None for _, name in keys}, now)]


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


def reports(settling: Settling, every: float, seconds: float) -> list[float]:
    """When a file that is opened, written and closed so often is reported."""
    reported, now = [], 0.0
    while now < seconds:
        settling.modified(F, now)
        reported += [now for key in finished(settling, F, now=now) if key == F]
        reported += [now for key in settling.due(now) if key == F]
        now = round(now + every, 6)
    return reported


def test_a_hot_name_is_reported_less_and_less_often() -> None:
    moments = reports(Settling(PACE), 0.002, 150.0)
    assert moments[:FREE] == [
        round(0.002 * number, 6) for number in range(FREE)
    ]  # at once, at first
    pauses = [round(later - earlier, 3) for earlier, later in pairwise(moments[FREE:])]
    assert all(later > 0.99 * earlier for earlier, later in pairwise(pauses))
    assert len(moments) < FREE + 30
    assert 29.9 < pauses[-1] < 30.1


def test_who_writes_only_what_was_taken_up_is_hardly_delayed() -> None:
    """As a script does that waits for each of its files to arrive."""
    settling = Settling(PACE)
    now = 0.0
    for _ in range(1000):
        began = now
        if not finished(settling, F, now=now):
            moment = settling.next()
            assert moment is not None
            assert settling.due(moment) == [F]
            now = moment
        assert now - began <= PACE.hot
        now += 0.005


def test_a_hot_name_is_never_forgotten() -> None:
    settling = Settling(PACE)
    moments = reports(settling, 0.01, 5.0)
    assert F in settling.waiting()
    moment = settling.next()
    assert moment is not None
    assert moments[-1] < moment <= 5.0 + PACE.cap
    assert settling.due(moment) == [F]
    assert settling.waiting() == []


def test_a_hot_name_that_was_left_alone_is_reported_at_once_again() -> None:
    settling = Settling(PACE)
    reports(settling, 0.01, 60.0)
    settling.due(100.0)
    assert finished(settling, F, now=200.0) == [F]
    assert finished(settling, F, now=200.1) == [F]


def test_a_hot_name_delays_nobody_else() -> None:
    settling = Settling(PACE)
    reports(settling, 0.01, 10.0)
    assert finished(settling, F, G, now=10.0) == [G]


def test_a_barrier_takes_hot_names_along() -> None:
    settling = Settling(PACE)
    reports(settling, 0.01, 10.0)
    assert F in settling.drain()
    assert settling.waiting() == []


def test_what_came_once_is_not_remembered() -> None:
    hot = Hot(0.5, 30.0)
    for number in range(100):
        hot.admit(1, {b"%d" % name: None for name in range(1000)}, 10.0 * number)
    assert (len(hot._seen[1]), hot._counts, hot._known) == (1000, {}, {})
    assert hot._known == {}
