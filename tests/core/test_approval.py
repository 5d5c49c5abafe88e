"""Approval: exactly the approved plan, or none."""

from hypothesis import given
from hypothesis import strategies as st

from mirrorfs.core.approval import drift, identify, touches
from mirrorfs.core.plan import Action, Stage, Verb
from mirrorfs.core.tree import Entry, Kind

names = st.sampled_from(["a", "b", "a/c", "d", "\udcff", "é"])
entries = st.builds(
    Entry,
    kind=st.sampled_from([Kind.FILE, Kind.SYMLINK]),
    size=st.integers(0, 2),
    mtime_ns=st.integers(0, 2),
    inode=st.integers(0, 2),
    target=st.sampled_from(["", "t"]),
)
taken = st.builds(
    Action,
    verb=st.sampled_from([Verb.DELETE, Verb.UPDATE, Verb.RENAME]),
    stage=st.sampled_from(list(Stage)),
    path=names,
    want=st.none() | entries,
    expect=entries,
    reason=st.text(max_size=3),
    origin=st.sampled_from(["", "o"]),
)
harmless = st.builds(
    Action,
    verb=st.sampled_from([Verb.CREATE, Verb.ATTRIBUTES]),
    stage=st.sampled_from(list(Stage)),
    path=names,
    want=entries,
    expect=st.none() | entries,
    reason=st.text(max_size=3),
)
plans = st.lists(taken, max_size=5, unique_by=lambda action: (action.verb, action.path))


def differ(approved, present):
    return drift(set(touches(approved)), touches(present))


@given(plans, st.lists(harmless, max_size=4), st.lists(harmless, max_size=4), st.randoms())
def test_the_approved_plan_is_the_same_plan_whatever_is_new_meanwhile(plan, new, newer, random):
    again = [*plan, *newer]
    random.shuffle(again)
    assert differ([*plan, *new], again) is None
    assert identify(touches([*plan, *new])) == identify(touches(set(again)))


@given(plans, plans)
def test_anything_else_that_is_removed_or_replaced_is_drift(approved, present):
    same = set(touches(approved)) == set(touches(present))
    assert (differ(approved, present) is None) is same
    ours, theirs = identify(set(touches(approved))), identify(set(touches(present)))
    assert (ours == theirs) is same


@given(plans, taken, st.sampled_from(["size", "mtime_ns", "inode"]))
def test_one_thing_more_or_one_less_or_another_version(plan, action, field):
    action = action._replace(path="only/here")
    assert "1 more: only/here" in str(differ(plan, [*plan, action]))
    assert "1 fewer: only/here" in str(differ([*plan, action], plan))
    seen = action.expect
    other = action._replace(expect=seen._replace(**{field: getattr(seen, field) + 1}))
    assert "1 changed: only/here" in str(differ([*plan, action], [*plan, other]))


def test_what_comes_in_place_of_a_file_and_a_directorys_time_do_not_count():
    have, directory = Entry(Kind.FILE, 1, 1), Entry(Kind.DIRECTORY, mtime_ns=1, inode=7)
    update = Action(Verb.UPDATE, Stage.CONTENT, "a", Entry(Kind.FILE, 2, 2), have, "")
    newer = update._replace(want=Entry(Kind.FILE, 3, 3), reason="another")
    assert differ([update], [newer]) is None
    gone = Action(Verb.DELETE, Stage.DELETE, "d", None, directory, "")
    later = gone._replace(expect=directory._replace(mtime_ns=2))
    assert differ([gone], [later]) is None
    another = gone._replace(expect=directory._replace(inode=8))
    assert differ([gone], [another]) is not None


def test_many_differences_are_counted_and_some_are_named():
    gone = Entry(Kind.FILE, 1)
    plan = [Action(Verb.DELETE, Stage.DELETE, f"{n}", None, gone, "") for n in range(5)]
    assert str(differ([], plan)) == "5 more: 0, 1, 2, …"
