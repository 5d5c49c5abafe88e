"""A plan's order and figures; what a report makes of outcomes."""

import random

import pytest

from mirrorfs.core.plan import Action, Outcome, Plan, Stage, Status, Totals, Verb, in_stages
from mirrorfs.core.report import Report
from mirrorfs.core.tree import Entry, Failure, Kind, Trouble
from mirrorfs.core.walk import Batch, Frame

FILE, DIRECTORY = Entry(Kind.FILE, 10), Entry(Kind.DIRECTORY)


def action(verb, stage, path, want=FILE, expect=None, origin=""):
    return Action(verb, stage, path, want, expect, "because", origin)


ACTIONS = [
    action(Verb.CREATE, Stage.SHELTER, "p", DIRECTORY),
    action(Verb.CREATE, Stage.SHELTER, "p/q", DIRECTORY),
    action(Verb.RENAME, Stage.RENAME, "p/q/r", FILE, FILE, "was"),
    action(Verb.DELETE, Stage.ROOM, "f/a/b", None, FILE),
    action(Verb.DELETE, Stage.ROOM, "f/a", None, DIRECTORY),
    action(Verb.CREATE, Stage.DIRECTORIES, "d", DIRECTORY),
    action(Verb.CREATE, Stage.DIRECTORIES, "d/e", DIRECTORY),
    action(Verb.UPDATE, Stage.CONTENT, "d/e/f", FILE, FILE),
    action(Verb.CREATE, Stage.LINKS, "d/e/g", FILE, None, "d/e/f"),
    action(Verb.ATTRIBUTES, Stage.ATTRIBUTES, "g", FILE, FILE),
    action(Verb.DELETE, Stage.DELETE, "z/y/x", None, FILE._replace(size=7)),
    action(Verb.DELETE, Stage.DELETE, "z/y", None, DIRECTORY),
    action(Verb.ATTRIBUTES, Stage.DIRECTORY_ATTRIBUTES, "", DIRECTORY, DIRECTORY),
]


def test_stages_in_their_order_whatever_came_first():
    chance = random.Random(3)
    for _ in range(50):
        mixed = ACTIONS.copy()
        chance.shuffle(mixed)
        assert [action for _, stage in in_stages(mixed) for action in stage] == ACTIONS
    assert [stage for stage, _ in Plan(tuple(ACTIONS)).stages()] == list(Stage)


def test_totals():
    assert Plan(tuple(ACTIONS)).totals() == Totals(
        create=5, update=1, delete=4, rename=1, attributes=2, bytes=10, freed=17
    )
    assert Plan(()).totals() == Totals()


def failure(path, trouble=Trouble.DENIED):
    return Failure(path, trouble, "why")


UPDATE, DELETE, RENAME = ACTIONS[7], ACTIONS[10], ACTIONS[2]


@pytest.mark.parametrize(
    ("outcome", "done", "failures", "unfinished"),
    [
        pytest.param(Outcome(UPDATE, Status.DONE, None, 10), {Verb.UPDATE: 1}, set(), set(),
                     id="done"),
        pytest.param(Outcome(DELETE, Status.DONE), {Verb.DELETE: 1}, set(), set(), id="removed"),
        pytest.param(Outcome(UPDATE, Status.FAILED, failure("d/e/f")), {}, {"d/e/f"}, {"d/e/f"},
                     id="failed"),
        pytest.param(Outcome(UPDATE, Status.DRIFT, failure("d/e/f", Trouble.DRIFT)), {}, {"d/e/f"},
                     {"d/e/f"}, id="drift is an error"),
        pytest.param(Outcome(DELETE, Status.SKIPPED, failure("", Trouble.LIMIT)), {}, set(),
                     {"z/y/x"}, id="withheld is none, and is looked at again"),
        pytest.param(Outcome(UPDATE, Status.SKIPPED, failure("d/e/f", Trouble.ABSENT)), {}, set(),
                     set(), id="gone from the source meanwhile: its record comes"),
        pytest.param(Outcome(RENAME, Status.FAILED, failure("p/q/r")), {}, {"p/q/r"},
                     {"p/q/r", "was"}, id="a rename has two names to look at again"),
        pytest.param(Outcome(RENAME, Status.SKIPPED, failure("", Trouble.LIMIT)), {}, set(),
                     {"p/q/r", "was"}, id="and when it was withheld"),
        pytest.param(Outcome(RENAME, Status.DONE), {Verb.RENAME: 1}, set(), set(), id="renamed"),
    ],
)  # fmt: skip
def test_what_a_report_makes_of_an_outcome(outcome, done, failures, unfinished):
    report = Report()
    report.hear([outcome])
    assert {verb: count for verb, count in report.done.items() if count} == done
    assert set(report.failures) == failures
    assert report.unfinished() == unfinished
    assert report.errors == len(failures)
    assert report.changed == sum(done.values())
    assert report.bytes == outcome.moved


def test_a_report_adds_up():
    report = Report()
    report.hear([Outcome(action, Status.DONE, None, 5) for action in ACTIONS])
    report.blame([failure("unread")])
    assert report.done == {Verb.CREATE: 5, Verb.UPDATE: 1, Verb.DELETE: 4, Verb.RENAME: 1,
                           Verb.ATTRIBUTES: 2}  # fmt: skip
    assert report.directories == {Verb.CREATE: 4, Verb.UPDATE: 0, Verb.DELETE: 2, Verb.RENAME: 0,
                                  Verb.ATTRIBUTES: 1}  # fmt: skip
    assert report.freed == 17
    assert report.bytes == 65
    assert report.unfinished() == {"unread"}


def test_a_directory_is_made_with_its_parents_once_and_only_when_needed():
    made = [action(Verb.CREATE, Stage.DIRECTORIES, path, DIRECTORY) for path in ("a", "a/b")]
    root = Frame("", None, None, DIRECTORY, DIRECTORY)
    a = Frame("a", None, root, DIRECTORY, create=[made[0]])
    b = Frame("a/b", None, a, DIRECTORY, create=[made[1]])
    batch = Batch("a/b")
    assert not root.touched
    b.make(batch)
    b.make(batch)
    a.make(batch)
    assert batch.ready == made
    assert root.touched and a.touched and b.touched


def test_a_directory_that_waits_for_room_is_made_later():
    made = action(Verb.CREATE, Stage.DIRECTORIES, "a", DIRECTORY)
    frame = Frame("a", None, Frame("", None, None), DIRECTORY, create=[made], waits=True)
    batch = Batch("a")
    frame.make(batch)
    assert (batch.ready, batch.later) == ([], [made])


@pytest.mark.parametrize(
    ("trouble", "failures", "notices"), [(Trouble.ABSENT, 0, 1), (Trouble.DENIED, 1, 0)]
)
def test_what_vanished_while_we_looked_is_no_error(trouble, failures, notices):
    batch = Batch("")
    batch.report(failure("x", trouble))
    assert (len(batch.failures), len(batch.notices)) == (failures, notices)
