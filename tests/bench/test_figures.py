"""Nothing is printed that the samples do not show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.answer import RATIO, Answer, load
from benchmarks.figures import Spread, Verdict, judge, percentile, ratio, spread, told
from benchmarks.questions.idle import others
from benchmarks.report import bars, table

positive = st.floats(0.001, 1000.0)


def test_a_ratio_wider_than_its_distance_from_1_is_refused():
    assert told(Spread(0.5, 0.6, 0.7, 5))  # 1.4 wide, 1.67 away
    assert not told(Spread(0.5, 0.8, 0.9, 5))  # 1.8 wide, 1.25 away
    assert not told(Spread(0.9, 1.0, 1.0, 5))
    assert told(Spread(0.5, 0.5, 0.5, 3))


def test_of_few_samples_nothing_is_told():
    assert not told(ratio([1.0, 1.0], [9.0, 9.0]))
    assert told(ratio([1.0] * 3, [9.0] * 3))
    assert judge(spread([1.0, 1.0]), 9.0) is Verdict.NOT_SHOWN


@given(st.lists(st.tuples(positive, positive), min_size=1, max_size=9))
def test_a_ratio_and_its_inverse_are_judged_alike(pairs):
    ours, theirs = [list(side) for side in zip(*pairs, strict=True)]
    one, other = ratio(ours, theirs), ratio(theirs, ours)
    assert one.low <= one.middle <= one.high
    assert one.middle == pytest.approx(1 / other.middle)
    # The quartiles of inverses are inverses where they are samples, and between two of them not.
    if len(pairs) % 4 == 1 and one.low < one.middle < one.high:
        assert told(one) == told(other)


def test_the_pairs_matter_and_not_the_order_of_all():
    slow_twice = ratio([1.0, 2.0, 1.0], [2.0, 4.0, 2.0])
    assert (slow_twice.low, slow_twice.middle, slow_twice.high) == (0.5, 0.5, 0.5)
    assert not told(ratio([1.0, 2.0, 1.0], [4.0, 2.0, 2.0]))


@pytest.mark.parametrize("sides", [([], []), ([1.0], [0.0]), ([1.0], [1.0, 2.0]), ([-1.0], [1.0])])
def test_what_is_no_pair_of_positive_figures_is_no_ratio(sides):
    with pytest.raises(ValueError, match=r"pairs|shorter|longer"):
        ratio(*sides)


def test_a_bar_within_the_spread_is_neither_met_nor_missed():
    found = Spread(1.0, 2.0, 3.0, 5)
    assert [judge(found, bar) for bar in (None, 3.0, 2.0, 0.5)] == [
        Verdict.NONE,
        Verdict.MET,
        Verdict.NOT_SHOWN,
        Verdict.NOT_MET,
    ]
    assert [judge(found, bar, at_least=True) for bar in (1.0, 2.0, 4.0)] == [
        Verdict.MET,
        Verdict.NOT_SHOWN,
        Verdict.NOT_MET,
    ]


def test_one_run_beside_a_storm_does_not_decide():
    assert spread([1.0, 1.0, 1.0, 1.0, 90.0]).high == 1.0


def test_a_percentile_is_a_sample():
    assert percentile([float(number) for number in range(1, 101)], 0.99) == 99.0
    assert percentile([3.0], 0.99) == 3.0


def test_a_table_does_not_print_what_is_refused():
    answer = Answer(1, "title", "10 files")
    answer.compare(("we", "they"), "wall", "tmpfs", ([0.7, 0.8765, 1.2], [1.0] * 3), 0.7)
    answer.compare(("we", "they"), "CPU", "tmpfs", ([0.1234] * 3, [1.0] * 3), 0.5)
    answer.compare(("we", "they"), "nothing", "tmpfs", ([0.0] * 3, [1.0] * 3), 0.5)
    for text in (table(answer), bars(answer)):
        assert "0.88" not in text and "not told from 1" in text
        assert "0.12" in text
    assert "too short to be measured" in table(answer)
    assert [figure.unit for figure in answer.figures] == [RATIO, RATIO]
    assert load(answer.plain()) == answer


def test_a_timer_and_what_it_does_is_told_from_another_wake_up():
    lines = [
        "7 100.0 restart_syscall(<... resuming interrupted read ...> <unfinished ...>",
        "7 101.0 <... epoll_wait resumed>[], 8, 1000) = 0",
        '7 101.1 openat(AT_FDCWD, "/", O_RDONLY) = 3',
        "7 103.0 futex(0x7f, FUTEX_WAIT_PRIVATE, 0) = -1 ETIMEDOUT (Connection timed out)",
        "7 105.0 <... epoll_wait resumed>[{EPOLLIN}], 8, 1000) = 1",
        "7 105.1 read(5, 8) = 8",
        "7 109.0 epoll_wait(3,  <detached ...>",
    ]
    assert others(lines) == ["<... epoll_wait resumed>[{EPOLLIN}], 8, 1000) = 1"]


def test_a_wait_that_is_told_as_one_ends_when_its_time_is_over():
    lines = [
        "7 100.000 poll([{fd=3}], 1, 30000) = 0 (Timeout) <30.000>",
        '7 130.001 openat(AT_FDCWD, "/source", O_RDONLY) = 9 <0.000>',
        '7 140.000 read(5, "x", 1) = 1 <0.000>',
    ]
    assert others(lines) == ['read(5, "x", 1) = 1']
