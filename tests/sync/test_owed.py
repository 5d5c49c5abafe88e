"""What is owed: how long until it is looked at again, what goes first, what survives."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.following import Following
from support.walker import differences

from mirrorfs.core.plan import Verb
from mirrorfs.core.tree import Failure, Trouble
from mirrorfs.mirror.follow import LONGEST_PAUSE, PASSING_PAUSE, Follower, _pause


@given(trouble=st.none() | st.sampled_from(Trouble), attempts=st.integers(0, 2000))
def test_pauses_grow_up_to_what_the_trouble_deserves(
    trouble: Trouble | None, attempts: int
) -> None:
    failure = None if trouble is None else Failure("x", trouble, "x")
    pause = _pause(failure, attempts)
    passing = trouble in (None, Trouble.FULL, Trouble.BUSY, Trouble.UNSTABLE, Trouble.STALE)
    assert 1 <= pause <= (PASSING_PAUSE if passing else LONGEST_PAUSE)
    assert pause <= _pause(failure, attempts + 1)


@pytest.fixture
def following(tmp_path: Path) -> Following:
    (tmp_path / "source").mkdir()
    (tmp_path / "destination").mkdir()
    return Following(tmp_path / "source", tmp_path / "destination", tmp_path / "state")


@pytest.mark.root
def test_no_more_than_a_part_of_the_time_is_spent_on_looking_again(following: Following) -> None:
    """A retry that takes long (here: by the clock that the follower is given) waits longer."""
    now = 1000.0
    (following.source / "stuck").write_text("x")
    # The destination cannot take it: something that is not empty and protected is in its place.
    (following.destination / "stuck").mkdir()
    (following.destination / "stuck" / "inside").write_text("x")
    os.system(f"chattr +i '{following.destination}/stuck/inside'")
    try:
        with following:
            follower = following.follower
            follower._clock = lambda: now
            follower.owed["stuck"].due = now
            first = follower.retry()
            assert first is not None
            assert first[1].failures
            assert follower.owed["stuck"].due - now < 5
            mirror, plain = following.mirror, following.mirror.apply

            def slow(*given: object, **more: object) -> object:
                nonlocal now
                now += 20
                return plain(*given, **more)  # type: ignore[arg-type]

            mirror.apply = slow  # type: ignore[method-assign, assignment]
            follower.hurry()
            begun = now
            assert follower.retry() is not None
            assert follower.owed["stuck"].due - begun == 200
    finally:
        os.system(f"chattr -i '{following.destination}/stuck/inside'")


@pytest.mark.root
def test_what_is_owed_is_in_the_checkpoint_and_nothing_is_said_to_be_done(
    following: Following,
) -> None:
    for name in ("one", "two"):
        (following.source / name).write_text(name)
    (following.destination / "two").write_text("old")
    os.system(f"chattr +i '{following.destination}/two'")
    try:
        with following as first:
            assert set(first.follower.owed) == {"two"}
            assert "not permitted" in first.follower.owed["two"].reason
            checkpoint = first.mirror.checkpoint
            assert checkpoint is not None
            assert set(checkpoint.retry) == {"two"}
            assert first.cycles[0][1].errors == 1
    finally:
        os.system(f"chattr -i '{following.destination}/two'")
    again = Following(following.source, following.destination, following._state.home)  # type: ignore[arg-type]
    with again:
        again.assert_equal()
    assert differences(following.source, following.destination) == []


def before(asked: str, following: Following, path: str, happens: Callable[[], None]) -> None:
    """The next time this is asked of the source at ``path``, something happens just before."""
    source = following.mirror.source
    plain = getattr(source, asked)

    def late(path_: str, *more: object) -> object:
        if path_ == path:
            setattr(source, asked, plain)
            happens()
        return plain(path_, *more)

    setattr(source, asked, late)


@pytest.mark.parametrize("killed", [False, True])
def test_what_was_renamed_while_it_was_copied_is_looked_at_where_it_went(
    following: Following, *, killed: bool
) -> None:
    """The directory is renamed on the destination, without a look at all that is in it."""
    source = following.source
    (source / "new" / "below").mkdir(parents=True)
    (source / "new" / "below" / "old").write_text("old")
    with following:
        (source / "new" / "below" / "late").write_text("late")
        (source / "new" / "below" / "old").write_text("changed")
        before("read", following, "new", lambda: (source / "new").rename(source / "done"))
        following.barrier()
        seen = following.follower.seen
        assert following.follower.cycle() is not None
        assert following.follower.seen == seen, "no barrier is passed"
        assert not following.follower.is_settled
        assert following.follower.owed == {}, "nothing is wrong with it"
        following.follower.vouch()
        if killed:
            following.follower = Follower(following.mirror)
            following.mirror.checkpoint = following.mirror._file.load()
            following.cycles.append(following.follower.start())
        following.assert_equal()
        assert following.follower.is_settled
        assert following.cycles[-1][1].done[Verb.RENAME] == 1


def test_what_is_gone_for_good_is_forgotten_after_another_look(following: Following) -> None:
    now = 1000.0
    (following.source / "gone").write_text("x" * 500_000)
    with following:
        follower = following.follower
        follower._clock = lambda: now
        (following.source / "gone").write_text("y" * 500_000)
        before("open", following, "gone", (following.source / "gone").unlink)
        following.barrier()
        assert follower.cycle() is not None
        assert not follower.is_settled
        assert 0 < follower.pause() <= 1
        assert follower.retry() is None
        now += 1
        assert follower.retry() is not None
        assert follower.is_settled
        assert follower.seen is not None
        following.assert_equal()
