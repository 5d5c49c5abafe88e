"""Limits on bandwidth, with a clock that only waiting moves."""

import threading
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorfs.apply.flow import Flow
from mirrorfs.apply.pace import BLOCK, SLICE, Pace
from mirrorfs.apply.quota import Cutoff, Quota
from mirrorfs.core.values import parse_bwlimit
from mirrorfs.trees.base import PIECE

MIB = 1 << 20


class Time:
    """``on_sleep`` happens once, at the first wait."""

    def __init__(self):
        self.now = 1000.0
        self.moment = (1, 1200)
        self.on_sleep = None

    def clock(self):
        return self.now

    def sleep(self, seconds):
        assert 0 < seconds <= SLICE
        self.now += seconds
        if self.on_sleep is not None:
            act, self.on_sleep = self.on_sleep, None
            act()


def paced(time, whole="off", each="off", said=lambda line: None):
    return Pace(
        parse_bwlimit(whole),
        parse_bwlimit(each),
        clock=time.clock,
        moment=lambda: time.moment,
        sleep=time.sleep,
        said=said,
    )


def go_on():
    pass


def seconds(time, act):
    begun = time.now
    act()
    return time.now - begun


@pytest.mark.parametrize("count", [MIB, 10 * MIB, 100 * MIB], ids=["a second", "ten", "a reflink"])
def test_what_is_moved_takes_its_time(count):
    time = Time()
    pace = paced(time, "1M")
    assert seconds(time, lambda: pace.moved(count, go_on)) == pytest.approx(count / MIB, rel=0.1)


@given(
    st.lists(st.tuples(st.integers(1, 4 * MIB), st.floats(0, 3)), min_size=1, max_size=30),
    st.integers(1 * MIB, 10 * MIB),
)
def test_in_no_second_flows_more_than_a_tenth_too_much(pieces, rate):
    time = Time()
    pace = paced(time, f"{rate}B")
    flown = [(time.now, 0)]
    for count, idle in pieces:
        time.now += idle
        begun = flown[-1][1]
        pace.moved(count, go_on)
        flown.append((time.now, begun + count))
    # A piece counts as moved when it was waited for, so its own time belongs to the window.
    for index, (begin, before) in enumerate(flown):
        for end, after in flown[index + 1 :]:
            assert after - before <= rate * max(1.0, end - begin) * 1.1 + 1


def test_no_delay_makes_it_slower():
    time = Time()
    pace = paced(time, "1M")

    def copy():
        for _ in range(100):
            time.now += 0.05  # the disk's own time
            pace.moved(MIB // 10, go_on)

    assert seconds(time, copy) == pytest.approx(10, rel=0.1)


@pytest.mark.parametrize(
    ("value", "rate"),
    [("2M:1M", 2 * MIB), ("1M:2M", 2 * MIB), ("1M:off", inf), ("off", inf), ("0", inf)],
)
def test_of_two_rates_the_larger_counts(value, rate):
    assert paced(Time(), value).rate() == rate


def test_the_timetable_holds_from_its_hour_on():
    time = Time()
    said = []
    pace = paced(time, "08:00,1M 13:00,10M", said=said.append)

    def later():
        time.moment = (1, 1300)

    time.on_sleep = later
    took = seconds(time, lambda: pace.moved(20 * MIB, go_on))
    assert took == pytest.approx(1 + 19 / 10, rel=0.15)  # looked at once a second
    assert said == ["Bandwidth limit set to 10Mi Byte/s"]
    assert str(pace) == "10Mi Byte/s, off each file"


def test_a_toggle_lifts_the_limit_at_once_and_puts_it_back():
    time = Time()
    said = []
    pace = paced(time, "1k", said=said.append)
    time.on_sleep = pace.toggle
    assert seconds(time, lambda: pace.moved(100 * MIB, go_on)) < 2 * SLICE
    assert pace.piece() == PIECE
    pace.toggle()
    assert seconds(time, lambda: pace.moved(10240, go_on)) == pytest.approx(10, rel=0.1)
    assert said == ["Bandwidth limit disabled by user", "Bandwidth limit set to 1Ki Byte/s"]


def test_each_file_has_its_own_limit():
    time = Time()
    pace = paced(time, each="1M")
    pace.begins()
    assert seconds(time, lambda: pace.moved(MIB, go_on)) == pytest.approx(1, rel=0.1)

    def other():
        pace.begins()
        pace.moved(1, go_on)

    assert seconds(time, other) < 0.01, "another file pays for itself only"
    thread = threading.Thread(target=other)
    assert seconds(time, lambda: (thread.start(), thread.join())) < 0.01


def test_both_limits_hold():
    time = Time()
    pace = paced(time, "10M", "1M")
    pace.begins()
    assert seconds(time, lambda: pace.moved(5 * MIB, go_on)) == pytest.approx(5, rel=0.1)
    pace = paced(time, "1M", "10M")
    pace.begins()
    assert seconds(time, lambda: pace.moved(5 * MIB, go_on)) == pytest.approx(5, rel=0.1)


@pytest.mark.parametrize(
    ("whole", "each", "size"),
    [
        ("off", "off", PIECE),
        ("100G", "off", PIECE),
        ("10M", "off", MIB // BLOCK * BLOCK),
        ("10M", "1M", MIB // 10 // BLOCK * BLOCK),
        ("1B", "off", BLOCK),
    ],
)
def test_pieces_are_small_enough_to_flow_evenly(whole, each, size):
    assert paced(Time(), whole, each).piece() == size


def test_a_wait_ends_when_the_run_ends():
    class Stop(Exception):
        pass

    time = Time()
    stopped = False

    def stop():
        nonlocal stopped
        stopped = True

    def check():
        if stopped:
            raise Stop

    time.on_sleep = stop
    flow = Flow(check, pace=paced(time, "1k"))
    begun = time.now
    with pytest.raises(Stop):
        flow.moved(100 * MIB)
    assert time.now - begun < 2 * SLICE


@pytest.mark.parametrize("cutoff", [*Cutoff])
def test_a_wait_ends_at_the_deadline_if_it_is_hard(cutoff):
    time = Time()
    quota = Quota(seconds=2, cutoff=cutoff, clock=time.clock)
    quota.begin()
    flow = Flow(go_on, pace=paced(time, "1M"), quota=quota)
    begun = time.now
    if cutoff is Cutoff.HARD:
        with pytest.raises(Exception, match="--max-duration"):
            flow.moved(10 * MIB)
        assert time.now - begun == pytest.approx(2, abs=0.2)
    else:
        flow.moved(10 * MIB)
        assert time.now - begun == pytest.approx(10, rel=0.1)
