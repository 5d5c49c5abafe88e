"""Carrying out a plan: the order, what an error withholds, what drift and interruption leave."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.history import History, histories
from support.mirroring import ARCHIVE, full, mirror, shape

from mirrorfs.apply.apply import ALONE_BYTES, BATCH_ACTIONS, BATCH_BYTES, Applier, slices
from mirrorfs.core.change import Moved
from mirrorfs.core.fold import fold
from mirrorfs.core.guard import Limits
from mirrorfs.core.plan import Action, Stage, Status, Verb
from mirrorfs.core.record import replace
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Entry, Kind, Trouble, split
from mirrorfs.errors import DirectoryMissing
from mirrorfs.trees.memory import MemoryTree


def pair():
    """A plan with every stage in it: (source, destination, scope, hints)."""
    source, destination = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE)
    for path in ("moves/1", "moves/2", "flips/x", "goes/deep/3", "changes", "chmod", "plain"):
        source.write(path, path.encode())
    source.write("one", b"1")
    full(source, destination, ARCHIVE)
    source.move("moves", "p/q/moved")
    source.remove("flips")
    source.write("flips", b"a file now")
    source.remove("plain")
    source.write("plain/inside", b"in a directory now")
    source.remove("goes")
    source.write("changes", b"changed")
    source.chmod("chmod", 0o600)
    source.write("new/dir/file", b"new")
    source.hardlink("one", "two")
    folded = fold([Moved("moves", "p/q/moved")])
    scope = folded.scope
    for path in ("flips", "plain", "goes", "new", "changes", "chmod", "one", "two"):
        scope.add(path, recursive=True)
    return source, destination, scope, folded.hints


def applier(source, destination, heard, **more):
    def listener(outcomes):
        heard.extend(outcomes)

    return Applier(source, destination, transfers=1, listener=listener, **more)


def test_every_stage_in_its_order():
    source, destination, scope, hints = pair()
    plan = mirror(source, destination, ARCHIVE).plan(scope, hints)
    assert [stage for stage, _ in plan.stages()] == list(Stage)
    heard = []
    with applier(source, destination, heard) as applying:
        applying.run(plan.actions)
    assert [outcome.action for outcome in heard] == list(plan.actions)
    assert {outcome.status for outcome in heard} == {Status.DONE}
    assert applying.errors == 0
    assert shape(source, ARCHIVE) == shape(destination, ARCHIVE)
    with applier(source, destination, heard) as applying:
        applying.run(plan.actions)
    assert shape(source, ARCHIVE) == shape(destination, ARCHIVE), "again changes nothing"


FAILING = {
    Stage.SHELTER: ("create_directories", "p"),
    Stage.RENAME: ("rename", "p/q/moved"),
    Stage.ROOM: ("delete", "flips/x"),
    Stage.DIRECTORIES: ("create_directories", "new"),
    Stage.CONTENT: ("transfer", "changes"),
    Stage.LINKS: ("link", "two"),
    Stage.ATTRIBUTES: ("set_attributes", "chmod"),
    Stage.DELETE: ("delete", "goes/deep/3"),
    Stage.DIRECTORY_ATTRIBUTES: ("set_attributes", "p"),
}


@pytest.mark.parametrize("stage", Stage, ids=lambda stage: stage.name)
@pytest.mark.parametrize("trouble", Trouble, ids=lambda trouble: trouble.name)
def test_every_verb_failing_once_converges(stage, trouble):
    """Nothing is said to be done that is not; what is not done is looked at again, and that is
    enough."""
    source, destination, scope, hints = pair()
    call, path = FAILING[stage]
    destination.fail(call, path, trouble)
    heard = []
    report = mirror(source, destination, ARCHIVE, heard=heard.extend).run(scope, hints)

    assert report.failures[path].trouble is trouble
    assert path in report.unfinished()
    for action, status, *_ in heard:
        if status is Status.DONE:
            assert is_done(action, source, destination), action
    failed = next(at for at, outcome in enumerate(heard) if outcome.status is Status.FAILED)
    for action, status, *_ in heard[failed + 1 :]:
        if action.verb is Verb.DELETE and heard[failed].action.stage is not action.stage:
            assert status is Status.SKIPPED, "no removal after an error"
    mirror(source, destination, ARCHIVE).run(Scope.of(subtrees=report.unfinished()))
    assert shape(source, ARCHIVE) == shape(destination, ARCHIVE)


def is_done(action, source, destination):
    """Whether the destination shows what an outcome says."""
    node = destination.find(action.path)
    if action.verb is Verb.DELETE:
        return node is None or node.entry.kind is not action.expect.kind
    if node is None or node.entry.kind is not action.want.kind:
        return False
    if action.verb is Verb.RENAME:
        return destination.find(action.origin) is None
    return node.entry.kind is not Kind.FILE or node.data == source.data(action.path)


@pytest.mark.parametrize("ignore", [False, True], ids=["by default", "--ignore-errors"])
@pytest.mark.parametrize("where", ["reading", "writing"])
def test_removals_after_an_error(ignore, where):
    source, destination = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE)
    for path in ("a", "bad/x", "gone/x"):
        destination.write(path, b"old")
    source.write("bad/x", b"newer")
    if where == "reading":
        source.fail("read", "bad", Trouble.DENIED)
    else:
        destination.fail("transfer", "bad/x", Trouble.FULL)
    report = full(source, destination, ARCHIVE, ignore_errors=ignore)
    assert ("a" in destination.entries()) is not ignore
    assert report.unfinished() >= ({"bad"} if where == "reading" else {"bad/x"})
    if not ignore:
        assert {"a", "gone", "gone/x"} <= report.withheld
        assert report.done[Verb.DELETE] == 0


DRIFTS = [
    ("changes", lambda tree: tree.write("changes", b"by somebody else")),
    ("changes", lambda tree: tree.touch("changes")),
    ("changes", lambda tree: (tree.remove("changes"), tree.symlink("changes", "x"))),
    ("goes/deep/3", lambda tree: tree.write("goes/deep/3", b"by somebody else")),
    ("goes/deep", lambda tree: tree.write("goes/deep/4", b"by somebody else")),
    ("flips/x", lambda tree: tree.write("flips/x", b"by somebody else")),
    ("chmod", lambda tree: tree.write("chmod", b"by somebody else")),
    ("new/dir/file", lambda tree: tree.write("new/dir/file", b"by somebody else")),
    ("new", lambda tree: tree.write("new", b"by somebody else")),
    ("p/q/moved", lambda tree: tree.write("p/q/moved", b"by somebody else")),
    ("p/q/moved", lambda tree: (tree.remove("moves"), tree.write("moves/9", b"by somebody else"))),
    ("flips", lambda tree: tree.write("flips/more", b"by somebody else")),
]


@pytest.mark.parametrize(
    ("path", "meddle"), DRIFTS, ids=[f"{n} {d[0]}" for n, d in enumerate(DRIFTS)]
)
def test_drift_is_reported_and_not_clobbered(path, meddle):
    """Somebody writes the destination between the plan and its being carried out."""
    source, destination, scope, hints = pair()
    plan = mirror(source, destination, ARCHIVE).plan(scope, hints)
    meddle(destination)
    foreign = {
        path: (entry.kind, destination.data(path))
        for path, entry in destination.entries().items()
        if entry.kind is Kind.SYMLINK or destination.data(path) == b"by somebody else"
    }
    heard = []
    with applier(source, destination, heard, ignore_errors=True) as applying:
        applying.run(plan.actions)
    assert (path, Status.DRIFT) in {(outcome.action.path, outcome.status) for outcome in heard}
    assert applying.errors
    for where, (kind, data) in foreign.items():
        node = destination.find(where)
        assert node is not None
        assert (node.entry.kind, node.data) == (kind, data)
    full(source, destination, ARCHIVE)
    full(source, destination, ARCHIVE)
    assert shape(source, ARCHIVE) == shape(destination, ARCHIVE)


class Stop(BaseException):
    """As a signal ends a run."""


@given(before=histories, history=histories, after=st.integers(1, 12))
def test_an_interruption_leaves_whole_files_and_the_next_run_ends_it(before, history, after):
    source, destination = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE)
    past = History(source).play(before)
    full(source, destination, ARCHIVE)
    old = contents(destination)
    past.changes.clear()
    folded = fold(past.play(history).changes)
    new = contents(source)
    heard = 0

    def interrupt(outcomes):
        nonlocal heard
        heard += 1
        if heard == after:
            raise Stop

    run = mirror(source, destination, ARCHIVE, heard=interrupt)
    try:
        run.run(folded.scope, folded.hints)
    except Stop:
        assert set(contents(destination).values()) <= set(old.values()) | set(new.values())
    folded = fold(past.changes)
    mirror(source, destination, ARCHIVE).run(folded.scope, folded.hints)
    assert shape(source, ARCHIVE) == shape(destination, ARCHIVE)


def contents(tree):
    return {
        path: tree.data(path) for path, entry in tree.entries().items() if entry.kind is Kind.FILE
    }


@pytest.mark.parametrize(
    ("tree", "call"),
    [
        ("source", "read"),
        ("source", "open"),
        ("destination", "read"),
        ("destination", "rename"),
        ("destination", "transfer"),
        ("destination", "set_attributes"),
        ("destination", "delete"),
    ],
)
def test_a_root_that_goes_away_meanwhile_ends_the_run(tree, call):
    source, destination, scope, hints = pair()
    lost = source if tree == "source" else destination
    asked = lost.asked

    def vanishing(name):
        if name == call:
            lost.vanish()
        asked(name)

    lost.asked = vanishing
    with pytest.raises(DirectoryMissing):
        mirror(source, destination, ARCHIVE).run(scope, hints)
    assert {"goes/deep/3", "chmod"} <= set(destination.entries()), "nothing is taken for empty"


def creation(path, size=1):
    return Action(Verb.CREATE, Stage.CONTENT, path, Entry(Kind.FILE, size), None, "new")


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "a/", "a/b/"]), st.integers(0, BATCH_BYTES * 2)),
        max_size=400,
    )
)
def test_slices_are_of_one_directory_and_bounded(files):
    actions = [creation(f"{where}{n}", size) for n, (where, size) in enumerate(files)]
    batches = list(slices(actions))
    assert [action for batch in batches for action in batch] == actions
    for batch in batches:
        assert len({split(action.path)[0] for action in batch}) == 1
        assert 1 <= len(batch) <= BATCH_ACTIONS
        assert sum(action.want.size for action in batch[:-1]) < BATCH_BYTES
        assert len(batch) == 1 or all(action.want.size < ALONE_BYTES for action in batch)
    for one, other in itertools.pairwise(batches):
        same = split(one[0].path)[0] == split(other[0].path)[0]
        complete = len(one) == BATCH_ACTIONS or sum(a.want.size for a in one) >= BATCH_BYTES
        complete |= max(one[0].want.size, other[0].want.size) >= ALONE_BYTES
        assert complete or not same, "no batch ends before it must"


@pytest.mark.parametrize("choose", [None, lambda actions: actions], ids=["streaming", "choosing"])
def test_a_refused_plan_removes_nothing_and_says_so(choose):
    source, destination = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE)
    destination.write("old", b"")
    source.write("new", b"")
    run = mirror(source, destination, ARCHIVE, limits=Limits(max_delete=0))
    report = run.run(Scope.everything(), choose=choose)
    assert report.refusal is not None
    assert "old" in report.unfinished()
    # Copies of new files may go on, but not those the user was to be asked about.
    assert set(destination.entries()) == ({"old", "new"} if choose is None else {"old"})
    assert ("new" in report.unfinished()) == (choose is not None)


@pytest.mark.parametrize("check_first", [False, True])
def test_new_files_are_there_before_anything_is_weighed_unless_asked(check_first):
    """The stream: transfers start while reading goes on."""
    source, destination = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE)
    for directory in "abc":
        source.write(f"{directory}/x", b"")
    order = []
    for tree, call in ((source, "read"), (destination, "transfer")):

        def asked(name, tree=tree, call=call, asked=tree.asked):
            if name == call:
                order.append(call)
            asked(name)

        tree.asked = asked
    full(source, destination, ARCHIVE, check_first=check_first)
    last_read = len(order) - 1 - order[::-1].index("read")
    assert (order.index("transfer") > last_read) is check_first


def test_what_the_user_leaves_out_is_looked_at_again():
    source, destination = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE)
    source.write("a", b"")
    source.write("b", b"")
    report = mirror(source, destination, ARCHIVE).run(
        Scope.everything(), choose=lambda actions: [a for a in actions if a.path != "b"]
    )
    assert set(destination.entries()) == {"a"}
    assert report.unfinished() == {"b"}
    assert not report.failures


@pytest.mark.parametrize(("goes", "skipped"), [("a", "a"), ("d", "d/x")])
def test_a_source_that_shrinks_while_it_is_copied(goes, skipped):
    """A file, and a directory, that go between the plan and the copy are no errors."""
    source, destination = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE)
    for path in ("a", "d/x", "z"):
        source.write(path, b"1")
    plan = mirror(source, destination, ARCHIVE).plan(Scope.everything())
    source.remove(goes)
    heard = []
    with applier(source, destination, heard) as applying:
        applying.run(plan.actions)
    assert applying.errors == 0
    assert {outcome.action.path for outcome in heard if outcome.status is Status.SKIPPED} == {
        skipped
    }
    assert skipped not in destination.entries()
    assert destination.data("z") == b"1"


def test_what_must_make_room_and_does_not_go_keeps_its_place():
    """Removals are withheld after an error; then nothing is tried on the same places, and the
    reason is told."""
    source, destination = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE)
    destination.write("bad", b"old")
    destination.write("dir/x/y", b"old")
    destination.write("file", b"old")
    source.write("bad", b"newer")
    source.write("dir", b"a file now")
    source.write("file/deep/inside", b"in a directory now")
    destination.fail("transfer", "bad", Trouble.FULL)
    source.fail("read", "unreadable", Trouble.DENIED)
    source.mkdir("unreadable")
    heard = []
    report = full(source, destination, ARCHIVE, heard=heard.extend)
    assert set(report.failures) == {"bad", "unreadable"}
    assert report.unfinished() == {"bad", "unreadable", "dir", "dir/x", "dir/x/y", "file"}
    assert not [outcome for outcome in heard if outcome.status is Status.DRIFT]
    waiting = {
        outcome.action.path: outcome.failure.message
        for outcome in heard
        if outcome.status is Status.SKIPPED and outcome.action.verb is Verb.CREATE
    }
    assert set(waiting) == {"dir", "file", "file/deep", "file/deep/inside"}
    assert waiting["file/deep/inside"] == (
        "waits for file: not deleting files as there were IO errors"
    )
    source.heal()
    destination.heal()
    mirror(source, destination, ARCHIVE).run(Scope.of(subtrees=report.unfinished()))
    assert shape(source, ARCHIVE) == shape(destination, ARCHIVE)


def test_what_lies_below_a_directory_that_is_not_made_waits_for_it():
    """One failure, not one for each file below; and looking at the directory again is enough."""
    source, destination = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE)
    for number in range(50):
        source.write(f"new/deep/{number}", b"x")
    source.write("other", b"x")
    destination.fail("create_directories", "new", Trouble.FULL)
    heard = []
    report = full(source, destination, ARCHIVE, heard=heard.extend)
    assert set(report.failures) == {"new"}
    assert report.unfinished() == {"new"}
    assert "other" in destination.entries()
    reasons = {outcome.failure.message for outcome in heard if outcome.status is Status.SKIPPED}
    assert reasons == {"waits for new: create_directories was told to fail"}
    mirror(source, destination, ARCHIVE).run(Scope.of(subtrees=report.unfinished()))
    assert shape(source, ARCHIVE) == shape(destination, ARCHIVE)


@pytest.mark.parametrize("trouble", [Trouble.STALE, Trouble.INPUT_OUTPUT, Trouble.READ_ONLY])
def test_a_destination_that_is_gone_ends_the_run(trouble):
    """Not ten thousand failures, one after the other."""
    source, destination = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE)
    for number in range(1000):
        source.write(f"{number}", b"x")
        destination.fail("transfer", f"{number}", trouble)
    assert len(full(source, destination, ARCHIVE).failures) == 1000, "only these files"
    for number in range(1000):
        destination.fail("transfer", f"{number}", trouble)
    transfer = destination.transfer

    def vanish(actions, source):
        outcomes = transfer(actions, source)
        destination.vanish()
        return outcomes

    destination.transfer = vanish
    heard = []
    with pytest.raises(DirectoryMissing):
        full(source, destination, ARCHIVE, heard=heard.extend)
    assert len(heard) == BATCH_ACTIONS
    assert {outcome.status for outcome in heard} == {Status.FAILED}


def test_content_below_a_renamed_directory_is_compared_where_it_lies():
    """Nothing is copied that came along already."""
    options = replace(ARCHIVE, checksum=True)
    source, destination = MemoryTree(options), MemoryTree(options)
    source.write("old/same", b"same")
    source.write("old/other", b"1234")
    full(source, destination, options)
    destination.write("old/other", b"abcd")
    source.move("old", "new")
    folded = fold([Moved("old", "new")])
    scope = folded.scope
    for path in ("new/same", "new/other"):
        scope.add(path, recursive=False)
    report = mirror(source, destination, options).run(scope, folded.hints)
    assert report.done[Verb.RENAME] == 1
    assert (report.done[Verb.UPDATE], report.done[Verb.CREATE]) == (1, 0)
    assert destination.data("new/other") == b"1234"
    assert shape(source, options) == shape(destination, options)
