"""Guards: which plans are held, by their figures alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorfs.core.guard import CAREFUL, Before, Danger, Kept, Limits, refuse
from mirrorfs.core.plan import Action, Plan, Stage, Verb
from mirrorfs.core.tree import Entry, Kind

FREE = Limits()


def plan(files=0, directories=0, size=1, kept=1000, source=1000, others=0):
    """A plan that deletes so much of a destination that held ``kept`` entries."""
    gone = [Entry(Kind.FILE, size)] * files + [Entry(Kind.DIRECTORY)] * directories
    actions = [
        Action(Verb.DELETE, Stage.DELETE, str(n), None, entry, "") for n, entry in enumerate(gone)
    ]
    made = Entry(Kind.FILE, 1)
    actions += [
        Action(Verb.CREATE, Stage.CONTENT, f"new{n}", made, None, "") for n in range(others)
    ]
    return Plan(tuple(actions), (), (), source, kept)


@pytest.mark.parametrize(
    ("planned", "limits", "flags", "danger"),
    [
        pytest.param(plan(), CAREFUL, {}, None, id="nothing to do"),
        pytest.param(plan(others=5000), CAREFUL, {"first": True}, None, id="only new files"),
        pytest.param(plan(1000), FREE, {}, None, id="no limits: everything may go"),
        pytest.param(plan(10), Limits(max_delete=10), {}, None, id="exactly --max-delete"),
        pytest.param(plan(11), Limits(max_delete=10), {}, Danger.MAX_DELETE, id="one too many"),
        pytest.param(plan(1), Limits(max_delete=0), {}, Danger.MAX_DELETE, id="--max-delete 0"),
        pytest.param(plan(0, 50), Limits(max_delete=0), {}, None, id="directories are not counted"),
        pytest.param(plan(3, size=10), Limits(max_delete_size=30), {}, None, id="exactly the size"),
        pytest.param(plan(3, size=10), Limits(max_delete_size=29), {}, Danger.MAX_DELETE,
                     id="a byte too many"),
        pytest.param(plan(1), Limits(adopted=False), {"first": True}, Danger.FOREIGN_DESTINATION,
                     id="a first sync onto things of others"),
        pytest.param(plan(1), Limits(adopted=False), {}, None, id="not the first sync"),
        pytest.param(plan(1), Limits(adopted=True), {"first": True}, None, id="the user knows"),
        pytest.param(plan(1), CAREFUL, {"changed": True}, Danger.FILTER_CHANGED,
                     id="another filter removes something"),
        pytest.param(plan(others=9), CAREFUL, {"changed": True}, None,
                     id="another filter removes nothing"),
        pytest.param(plan(1), Limits(), {"changed": True}, None, id="a person changed it"),
        pytest.param(plan(1), CAREFUL, {"home": True}, Danger.HOME_DIRECTORY, id="a home"),
        pytest.param(plan(1), Limits(home=False), {"home": True}, Danger.HOME_DIRECTORY,
                     id="a home, by a person"),
        pytest.param(plan(others=9), CAREFUL, {"home": True}, None, id="only new in a home"),
        pytest.param(plan(60), CAREFUL, {"gone": 1000}, Danger.MASS_DELETION, id="in small pieces"),
        pytest.param(plan(1, source=0), CAREFUL, {"whole": True}, Danger.SOURCE_EMPTIED,
                     id="the source is empty"),
        pytest.param(plan(1, source=0), CAREFUL, {}, None, id="only a part of it was read"),
        pytest.param(plan(1, source=0), Limits(), {"whole": True}, None, id="it may be empty"),
        pytest.param(plan(0, source=0), CAREFUL, {"whole": True}, None, id="both are empty"),
        pytest.param(plan(501), CAREFUL, {}, Danger.MASS_DELETION, id="more than half"),
        pytest.param(plan(500), CAREFUL, {}, None, id="half"),
        pytest.param(plan(100, kept=150), CAREFUL, {}, None, id="much of little: at the floor"),
        pytest.param(plan(101, kept=150), CAREFUL, {}, Danger.MASS_DELETION, id="above the floor"),
        pytest.param(plan(60, 60, kept=150), CAREFUL, {}, Danger.MASS_DELETION,
                     id="directories count for the share"),
    ],
)  # fmt: skip
def test_which_plans_are_held(planned, limits, flags, danger):
    whole = flags.get("whole", False)
    before = Before(**{name: value for name, value in flags.items() if name != "whole"})
    refusal = refuse(planned, limits, before, whole=whole)
    assert (refusal.danger if refusal else None) == danger
    if refusal:
        assert refusal.totals == planned.totals()
        assert any(character.isdigit() for character in refusal.message), "with the figures"


def kept(refusal):
    return Kept(refusal.danger, refusal.totals.delete, refusal.entries, refusal.gone)


@given(
    deleted=st.integers(1, 300),
    stays=st.integers(0, 300),
    source=st.sampled_from([0, 5]),
    gone=st.integers(0, 300),
    come=st.lists(st.tuples(st.integers(0, 500), st.booleans()), min_size=1, max_size=4),
)
def test_what_is_held_is_not_diluted_by_what_is_new(deleted, stays, source, gone, come):
    """Nor by time, nor by a restart, which knows nothing of what was gone a moment before."""
    held = deleted + stays
    before = Before(entries=held, gone=gone)
    refusal = refuse(plan(deleted, source=source, kept=held), CAREFUL, before, whole=True)
    for new, restarted in come if refusal else []:
        held, source = held + new, source + new
        now = Before(entries=held, gone=0 if restarted else gone, kept=kept(refusal))
        refusal = refuse(plan(deleted, source=source, kept=held), CAREFUL, now, whole=True)
        assert refusal is not None
        assert refusal.danger in (Danger.SOURCE_EMPTIED, Danger.MASS_DELETION)


@pytest.mark.parametrize(
    ("first", "then", "refused"),
    [
        pytest.param(plan(600), plan(500, kept=5000), False, id="it came back in part: work"),
        pytest.param(plan(600), plan(501, kept=5000), True, id="and that is still a disaster"),
        pytest.param(plan(600), plan(0, kept=5000), False, id="it came back"),
        pytest.param(plan(9, source=0), plan(9, source=1), True, id="nothing of it came back"),
        pytest.param(plan(9, source=0), plan(8, source=1), False, id="some of a few came back"),
    ],
)
def test_a_source_that_recovers_is_not_held(first, then, refused):
    refusal = refuse(first, CAREFUL, whole=True)
    again = refuse(then, CAREFUL, Before(kept=kept(refusal)), whole=True)
    assert (again is not None) is refused
    assert refuse(then, FREE, Before(kept=kept(refusal)), whole=True) is None, "a person decided"
