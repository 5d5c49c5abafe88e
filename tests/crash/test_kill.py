"""A process that dies at any call that changes something: what is there is whole, the next run
ends the work and takes away what was left.
"""

import os
from pathlib import Path

import pytest
from crash.scenes import Turns, check_ended, follow, spread, watched, words
from crash.states import States, become, leftovers, temporaries_of_state, torn
from support.inject import KILL, Call, Ended, Judge, changes, let, needs_injection, supervised
from support.portrait import portrait, unlike

from journal import verify
from mirrorfs.cli import main
from mirrorfs.state import State

pytestmark = [pytest.mark.root, needs_injection]


def at(number: int) -> Judge:
    """Dies at the so-manieth call that changes something."""
    left = number

    def judge(call: Call) -> int:
        nonlocal left
        left -= changes(call)
        return KILL if left == 0 else 0

    return judge


def killed(source: Path, room: Path, number: int) -> None:
    """Dies there, on the way from what the mirror is to what the source is."""
    before, after = portrait(room / "mirror"), portrait(source)
    ended = supervised(lambda: main(words(source, room)), [room], at(number))
    # Two threads transfer the large files, so that the last number may never be reached.
    assert ended.code in (-9, 0), ended.said
    assert torn(before, portrait(room / "mirror"), after) == [], ended.calls[-1]


def sweep_of_comparing(states: States, most: int) -> int:
    """Back and forth between the two states, each time killed at another call."""
    room = states.room
    (room / "mirror").mkdir()
    points: dict[Path, list[int]] = {}
    for source in (states.first, states.second, states.first):
        ended = supervised(lambda: main(words(source, room)), [room])  # noqa: B023
        assert (ended.code, ended.said) == (0, "")
        assert unlike(portrait(source), portrait(room / "mirror")) == []
        points[source] = spread(ended.calls, most)
    count = 0
    for numbers in zip(points[states.second], points[states.first], strict=False):
        for source, number in zip((states.second, states.first), numbers, strict=True):
            killed(source, room, number)
            check_ended(source, room)
            count += 1
    return count


def sweep_of_replaying(states: States, most: int) -> int:
    """The same with a source that is watched: what is replayed is the journal."""
    room = states.room
    source = room / "source"
    become(source, states.first)
    with watched(source, room):
        check_ended(source, room)
        points: dict[Path, list[int]] = {}
        for model in (states.second, states.first):
            become(source, model)
            ended = supervised(lambda: main(words(source, room, "-v")), [room])
            assert ended.code == 0
            assert "replaying" in ended.said
            assert unlike(portrait(source), portrait(room / "mirror")) == []
            points[model] = spread(ended.calls, most)
        count = 0
        for numbers in zip(points[states.second], points[states.first], strict=False):
            for model, number in zip((states.second, states.first), numbers, strict=True):
                become(source, model)
                killed(source, room, number)
                check_ended(source, room)
                count += 1
        return count


def sweep_of_following(states: States, most: int) -> int:
    """The watcher, the journal, the follower and its checkpoint in one process."""
    room = states.room
    source, mirror = room / "source", room / "mirror"
    become(source, states.first)
    journal = State(str(room / "state")).journal(str(source))

    def followed(judge: Judge = let) -> Ended:
        with Turns(source, (states.second, states.first)) as turns:
            return supervised(lambda: follow(source, room, turns), [room], judge)

    def again() -> None:
        """The next start, after the source has become what it was."""
        become(source, states.first)
        ended = supervised(lambda: follow(source, room, lambda: False), [room])
        assert ended.code == 0, ended.said
        seen = portrait(mirror)
        assert unlike(states.seen[states.first], seen) == []
        assert not leftovers(seen)
        assert temporaries_of_state(room / "state") == []
        assert verify(journal).sound
        assert not os.listdir(State(str(room / "state")).cookies(str(source)))

    mirror.mkdir()
    again()
    ended = followed()
    assert ended.code == 0, ended.said
    numbers = spread(ended.calls, most)
    for number in numbers:
        ended = followed(at(number))
        assert ended.code in (-9, 0), ended.said
        now, both = portrait(mirror), (states.seen[states.first], states.seen[states.second])
        there, back = torn(both[0], now, both[1]), torn(both[1], now, both[0])
        assert not (there and back), (ended.calls[-1], there, back)
        again()
    return len(numbers)


def test_a_sync_that_dies(states: States) -> None:
    assert sweep_of_comparing(states, 10) == 20


def test_a_replay_that_dies(states: States) -> None:
    assert sweep_of_replaying(states, 5) == 10


def test_a_run_that_dies(states: States) -> None:
    assert sweep_of_following(states, 10) == 10


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_torture_a_sync_that_dies_anywhere(states: States) -> None:
    assert sweep_of_comparing(states, 10_000) > 400


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_torture_a_replay_that_dies_anywhere(states: States) -> None:
    assert sweep_of_replaying(states, 10_000) > 400


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_torture_a_run_that_dies_anywhere(states: States) -> None:
    assert sweep_of_following(states, 10_000) > 400
