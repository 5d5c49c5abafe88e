"""What changes amount to: a scope that covers them all, and the renames that stand alone."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scopes import contains, is_deep, leaves

from mirrorfs.core.change import Clean, Cookie, Coverage, Dirty, Epoch, Gap, Moved, Ready
from mirrorfs.core.fold import MAX_CARRIED, fold
from mirrorfs.core.tree import Identity

HERE = Identity("fs", "ext4", 2, 1)
M, D = Moved, Dirty
names = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map("/".join)
changes = st.lists(
    st.one_of(
        st.builds(Dirty, names, st.booleans()),
        st.builds(Moved, names, names).filter(lambda change: change.origin != change.path),
        st.builds(Gap, names, st.just("overflow")),
    ),
    max_size=8,
)


@pytest.mark.parametrize(
    ("records", "scope", "hints"),
    [
        pytest.param([], {"": False}, [], id="nothing"),
        pytest.param([D("a/b"), D("a/b")], {"a/b": False}, [], id="repetition"),
        pytest.param([D("a", True), D("a/b")], {"a": True}, [], id="inside a subtree"),
        pytest.param([Gap("a", "lost")], {"a": True}, [], id="a gap is a subtree"),
        pytest.param([Gap("", "lost")], {"": True}, [], id="a gap of the root is everything"),
        pytest.param([M("a", "b")], {"a": False, "b": False}, [("a", "b")], id="a rename"),
        pytest.param([D("a/x"), M("a", "b")], {"a/x": False, "b/x": False}, [("a", "b")],
                     id="dirty below the old name shows below the new one"),
        pytest.param([M("a", "b"), D("b/x")], {"a": False, "b/x": False}, [("a", "b")],
                     id="dirty below the new name"),
        pytest.param([D("a", True), M("a", "b")], {"a": True, "b": True}, [("a", "b")],
                     id="a dirty subtree is carried along"),
        pytest.param([M("a", "b"), M("b", "c")], {"a": False, "b": False, "c": False},
                     [("a", "c", "b")], id="a chain is one rename"),
        pytest.param([D("a/x"), M("a", "b"), M("b", "c")],
                     {"a/x": False, "b/x": False, "c/x": False}, [("a", "c", "b")],
                     id="dirty is carried along a chain"),
        pytest.param([M("a", "b"), M("b", "a")], {"a": True, "b": True}, [], id="there and back"),
        pytest.param([M("a", "t"), M("b", "a"), M("t", "b")], {"a": True, "b": True, "t": True}, [],
                     id="two names swapped through a third"),
        pytest.param([M("a", "c"), M("b", "c")], {"a": True, "b": True, "c": True}, [],
                     id="one name replaced by two in turn"),
        pytest.param([M("a", "b"), M("a", "c")], {"a": True, "b": True, "c": True}, [],
                     id="a name used twice"),
        pytest.param([M("a", "d"), M("d/x", "d/y")],
                     {"a": False, "d/x": True, "d/y": True}, [("a", "d")],
                     id="a rename inside a renamed directory: the outer one stands"),
        pytest.param([M("a", "b"), M("c", "d")],
                     {"a": False, "b": False, "c": False, "d": False}, [("a", "b"), ("c", "d")],
                     id="two renames that have nothing to do with each other"),
        pytest.param([Gap("x", "lost"), M("x/y", "z")], {"x": True, "z": True}, [("x/y", "z")],
                     id="renamed out of a lost subtree: what was lost lies below the new name"),
        pytest.param([M("x/y", "z/w"), M("z", "v"), D("x", True)],
                     {"v/w": True, "x": True, "z/w": True}, [("z", "v")],
                     id="and is carried on from there"),
        pytest.param([Ready()], {"": True}, [], id="before everything was watched"),
        pytest.param([Epoch("boot", HERE, "inotify", 1)], {"": True}, [], id="a new watcher"),
        pytest.param([Epoch("boot", HERE, "inotify", 1, True)], {"": False}, [],
                     id="a watcher that went on where the last one was"),
        pytest.param([Clean(), Cookie("x"), Coverage("a", "polled", "")], {"": False}, [],
                     id="what says nothing about content"),
    ],
)  # fmt: skip
def test_fold(records, scope, hints):
    folded = fold(records)
    assert leaves(folded.scope) == scope
    found = [(hint.origin, hint.path, *hint.between) for hint in folded.hints]
    assert sorted(found) == sorted(hints)
    assert folded.records == sum(isinstance(each, (Dirty, Moved, Gap)) for each in records)


@given(records=changes, seed=st.integers(0, 99))
def test_order_and_repetition_do_not_matter(records, seed):
    chance = random.Random(seed)
    others = records + chance.choices(records, k=3) if records else []
    chance.shuffle(others)
    once, again = fold(records), fold(others)
    assert leaves(once.scope) == leaves(again.scope)
    assert sorted(once.hints) == sorted(again.hints)


@given(records=changes, more=changes)
def test_more_changes_cover_more(records, more):
    assert contains(fold(records + more).scope, fold(records).scope)


@given(records=changes)
def test_every_change_is_covered(records):
    folded = fold(records)
    for change in records:
        match change:
            case Moved(origin, path):
                assert folded.scope.covers(origin) and folded.scope.covers(path)
            case Dirty(path, True) | Gap(path, _):
                assert is_deep(folded.scope, path)
            case Dirty(path, False):
                assert folded.scope.covers(path)


@given(records=changes)
def test_hints_stand_alone(records):
    hints = fold(records).hints
    names = [name for hint in hints for name in (hint.origin, hint.path)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([M("a", "a/b"), D("a/x")], id="into itself, as only a forged record says"),
        pytest.param([M("a", "b/c"), M("b", "a/c"), D("a/x")], id="into each other"),
        pytest.param(
            [M(f"d{n}", f"d{m}/x") for n in range(8) for m in range(8) if n != m] + [D("d0/y")],
            id="everything into everything",
        ),
    ],
)
def test_renames_without_end_are_everything(records):
    folded = fold(records)
    assert folded.scope.is_everything
    assert folded.hints == ()
    assert folded.reasons


def test_too_much_is_everything():
    side = 2 * int(MAX_CARRIED**0.5)
    fan = [M("a", f"b{number}") for number in range(side)]
    folded = fold([*fan, *(D(f"a/{number}") for number in range(side))])
    assert folded.scope.is_everything


def test_reasons_name_the_subtree_and_are_not_repeated():
    folded = fold([Gap("a", "overflow"), Gap("a", "overflow"), Gap("b", "not watched"), D("c")])
    assert folded.reasons == (("a", "overflow"), ("b", "not watched"))
    assert folded.scope.covers("c")


@pytest.mark.parametrize(
    ("owed", "covered"),
    [
        ("a/x", {"a/x/below", "b/x/below"}),
        ("c/x", set()),
    ],
    ids=["renamed with its directory", "elsewhere"],
)
def test_an_owed_path_is_looked_at_where_a_rename_carried_it(owed, covered):
    folded = fold([Moved("a", "b")], [owed])
    for path in covered:
        assert folded.scope.covers(path)
    assert folded.scope.covers(f"{owed}/below") == bool(covered)
