"""Names of one file are looked at together, though a watcher tells of the one name used."""

import random

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from support.history import History, linked_histories
from support.mirroring import ARCHIVE, filters, full, mirror, options, replay, shape, without

from mirrorfs.core import links
from mirrorfs.core.change import Dirty, Moved
from mirrorfs.core.filter import EVERYTHING
from mirrorfs.core.links import LinkedNames
from mirrorfs.core.plan import Stage, Verb
from mirrorfs.core.record import replace
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Kind, Trouble
from mirrorfs.trees.memory import MemoryTree


def linked(tree):
    """The names of the files that have several, as the tree itself has them."""
    groups = {}
    for path, entry in tree.entries().items():
        if entry.kind is not Kind.DIRECTORY and entry.links > 1:
            groups.setdefault((entry.device, entry.inode), set()).add(path)
    return groups


def together(tree, among):
    """Which of these names are one file, where there is more than one."""
    groups = {}
    for path, entry in tree.entries().items():
        if entry.kind is not Kind.DIRECTORY and path in among:
            groups.setdefault(entry.inode, set()).add(path)
    return sorted(sorted(paths) for paths in groups.values() if len(paths) > 1)


def share_alike(source, ours, opts):
    """Whether what is mirrored is one file where it is one in the source."""
    names = {path for path, entry in source.entries().items() if entry.kind is not Kind.DIRECTORY}
    names &= {path for path, entry in ours.entries().items() if entry.kind is not Kind.DIRECTORY}
    expected = together(source, names) if opts.hard_links else []
    return together(ours, names) == expected


@given(before=linked_histories, history=linked_histories, opts=options, filter=filters,
       seed=st.integers(0, 9), cuts=st.lists(st.integers(0, 25), max_size=2))  # fmt: skip
def test_replay_equals_full_comparison(before, history, opts, filter, seed, cuts):
    source = MemoryTree(opts)
    past = History(source).play(before)
    ours, theirs, names = MemoryTree(opts), MemoryTree(opts), LinkedNames()
    for destination in (ours, theirs):
        assume(not full(source, destination, opts, filter, names=names).failures)
    assert names.complete
    past.changes.clear()
    chance = random.Random(seed)
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), 25], strict=True):
        changes = past.play(history[start:end]).changes
        chance.shuffle(changes)
        replay(source, ours, changes, opts, filter, names)
        changes.clear()
        assert names.complete
        assume(not full(source, theirs, opts, filter).failures)
        assert shape(ours, opts) == shape(theirs, opts)
        assert share_alike(source, ours, opts)
        assert share_alike(source, theirs, opts)
    assert mirror(source, ours, opts, filter).plan(Scope.everything()).actions == ()


@given(before=linked_histories, history=linked_histories, known=st.booleans())
def test_what_is_known_is_what_there_is(before, history, known):
    """With every directory in the mirror no name is missing, and no other is believed for long."""
    source, ours, names = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE), LinkedNames()
    past = History(source).play(before)
    if known:
        full(source, ours, ARCHIVE, names=names)
        assert dict(names.groups()) == linked(source)
    past.changes.clear()
    report = replay(source, ours, past.play(history).changes, ARCHIVE, EVERYTHING, names)
    if known or report.whole:
        groups = dict(names.groups())
        assert all(paths <= groups[inode] for inode, paths in linked(source).items())
    assert shape(ours, ARCHIVE) == shape(source, ARCHIVE) or not known


def pair(*groups):
    """A source with groups of names, an equal destination, and what is known."""
    source, ours, names = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE), LinkedNames()
    for first, *others in groups:
        source.write(first, first.encode())
        for other in others:
            source.hardlink(first, other)
    full(source, ours, ARCHIVE, names=names)
    return source, ours, names


@pytest.mark.parametrize("change", ["write", "chmod", "touch"])
def test_a_change_through_one_name_is_one_of_them_all(change):
    source, ours, names = pair(["p", "d/q", "d/e/r"], ["other", "d/another"])
    match change:
        case "write":
            source.write("d/q", b"changed")
        case "chmod":
            source.chmod("d/q", 0o600)
        case "touch":
            source.touch("d/q", 5)
    source.calls.clear()
    report = replay(source, ours, [Dirty("d/q")], ARCHIVE, EVERYTHING, names)
    assert shape(ours, ARCHIVE) == shape(source, ARCHIVE)
    assert not report.whole
    assert source.calls["read"] <= 2 + 3, "the way to d/q, and the way to the others"


def test_names_that_are_not_known_are_looked_for_everywhere():
    source, ours, _ = pair(["p", "d/q"], ["x"])
    source.write("p", b"changed")
    report = replay(source, ours, [Dirty("p")], ARCHIVE, EVERYTHING, LinkedNames())
    assert report.whole
    assert [notice.path for notice in report.notices] == ["p"]
    assert "not known" in report.notices[0].message
    assert report.done[Verb.UPDATE] == 2
    assert ours.data("d/q") == b"changed"
    planned = mirror(source, ours, ARCHIVE, names=LinkedNames()).plan(Scope.of(["p"]))
    assert planned.actions == ()
    assert [notice.path for notice in planned.notices] == ["p"]


def test_the_first_name_of_a_file_that_gets_a_second_is_looked_for_everywhere():
    source, ours, names = pair(["a"], ["d/x", "y"])
    source.hardlink("a", "d/b")
    source.write("d/b", b"changed")
    report = replay(source, ours, [Dirty("d/b")], ARCHIVE, EVERYTHING, names)
    assert report.whole
    assert ours.data("a") == b"changed"
    source.write("d/b", b"again")
    assert not replay(source, ours, [Dirty("d/b")], ARCHIVE, EVERYTHING, names).whole
    assert ours.data("a") == b"again"


def test_names_outside_the_source_are_looked_for_once():
    source, ours, names = pair(["a", "outside/a"])
    filter = without("/outside/**")
    full(source, ours, ARCHIVE, filter, names=names)
    source.write("a", b"changed")
    assert not replay(source, ours, [Dirty("a")], ARCHIVE, filter, names).whole


def test_as_many_names_as_the_file_has_are_enough():
    source, ours, _ = pair(["p", "d/q"], ["x"])
    source.write("p", b"changed")
    names = LinkedNames()
    report = replay(source, ours, [Dirty("p"), Dirty("d/q")], ARCHIVE, EVERYTHING, names)
    assert not report.whole
    source.write("d/q", b"again")
    assert not replay(source, ours, [Dirty("d/q")], ARCHIVE, EVERYTHING, names).whole
    assert ours.data("p") == b"again"
    assert not names.complete


def test_a_file_with_one_name_needs_no_other():
    source, ours, _ = pair(["p", "d/q"], ["x"])
    source.remove("d/q")
    source.write("p", b"changed")
    report = replay(source, ours, [Dirty("p"), Dirty("d/q")], ARCHIVE, EVERYTHING, LinkedNames())
    assert not report.whole


def test_names_move_along_with_a_directory():
    source, ours, names = pair(["p", "d/e/q"])
    source.move("d", "moved")
    report = replay(source, ours, [Moved("d", "moved")], ARCHIVE, EVERYTHING, names)
    assert report.done[Verb.RENAME] == 1
    assert [*linked(source).values()] == [paths for _, paths in names.groups()]
    source.write("p", b"changed")
    assert not replay(source, ours, [Dirty("p")], ARCHIVE, EVERYTHING, names).whole
    assert ours.data("moved/e/q") == b"changed"


def test_a_name_whose_directory_went_unseen_is_forgotten():
    source, ours, names = pair(["p", "d/e/q", "r"])
    for tree in (source, ours):
        tree.remove("d")
    source.write("p", b"changed")
    assert replay(source, ours, [Dirty("p")], ARCHIVE, EVERYTHING, names).done[Verb.DELETE] == 0
    assert [paths for _, paths in names.groups()] == [{"p", "r"}]
    assert ours.data("r") == b"changed"


def test_a_directory_on_the_way_is_set_once():
    source, ours, names = pair(["d/p", "d/q"])
    source.write("d/p", b"changed")
    source.chmod("d", 0o700)
    planned = mirror(source, ours, ARCHIVE, names=names).plan(Scope.of(["d/p"]))
    assert sorted((action.verb, action.path) for action in planned.actions) == [
        (Verb.ATTRIBUTES, "d"),
        (Verb.UPDATE, "d/p"),
        (Verb.UPDATE, "d/q"),
    ]


@given(shared=linked_histories, theirs=linked_histories, ours=linked_histories, filter=filters)
@example(  # a file that has one name too many cannot lead the names that stay
    shared=[("write", 0, b""), ("link", 0, (0, "b")), ("link", 0, (0, "a-b"))],
    theirs=[("remove", 0)],
    ours=[("write", 0, b"")],
    filter=EVERYTHING,
)
def test_two_unrelated_trees(shared, theirs, ours, filter):
    opts = ARCHIVE
    source, destination = MemoryTree(opts), MemoryTree(opts)
    destination._clock += 10**6  # no time of the one is a time of the other by chance
    for tree, past in ((source, theirs), (destination, ours)):
        History(tree).play(shared)
        History(tree).play(past)
    report = full(source, destination, opts, filter, ignore_errors=True)
    assert mirror(source, destination, opts, filter).plan(Scope.everything()).actions == ()
    if filter is EVERYTHING:
        assert not report.failures
        assert shape(destination, opts) == shape(source, opts)
        assert share_alike(source, destination, opts)


def test_a_directory_that_cannot_be_read_is_looked_at_again():
    source, ours, names = pair(["p", "d/q"])
    source.write("p", b"changed")
    source.fail("read", "d", Trouble.DENIED)
    report = replay(source, ours, [Dirty("p")], ARCHIVE, EVERYTHING, names)
    assert report.unfinished() == {"d"}
    mirror(source, ours, ARCHIVE, names=names).run(Scope.of(subtrees=["d"]))
    assert shape(ours, ARCHIVE) == shape(source, ARCHIVE)


def test_what_a_filter_lets_through_only_now_is_found():
    """Both names were too large; what made them small was done through one."""
    from mirrorfs.core.filter import Filter, FilterOptions

    small = Filter.build(FilterOptions(max_size=3))
    source, ours, names = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE), LinkedNames()
    source.write("p", b"large")
    source.hardlink("p", "q")
    full(source, ours, ARCHIVE, small, names=names)
    source.write("p", b"s")
    replay(source, ours, [Dirty("p")], ARCHIVE, small, names)
    assert ours.data("q") == b"s"


def test_too_many_names_are_not_kept_and_nothing_is_lost(monkeypatch):
    monkeypatch.setattr(links, "LIMIT", 4)
    source, ours, names = pair(["a", "d/b"], ["c", "d/e"], ["f", "d/g"])
    assert not names.complete
    assert sum(len(paths) for _, paths in names.groups()) == 4
    for path in ("a", "f"):
        source.write(path, b"changed")
        replay(source, ours, [Dirty(path)], ARCHIVE, EVERYTHING, names)
        assert shape(ours, ARCHIVE) == shape(source, ARCHIVE)
    for path in ("f", "d/g"):
        source.remove(path)
    full(source, ours, ARCHIVE, names=names)
    assert names.complete


def actions(source, ours, names=None, scope=None, **settings):
    plan = mirror(source, ours, ARCHIVE, names=names, **settings).plan(scope or Scope.everything())
    return [
        (action.stage.name, action.verb.value, action.path, action.origin)
        for action in plan.actions
        if action.stage is not Stage.DIRECTORY_ATTRIBUTES
    ]


def test_the_first_name_is_written_and_the_others_are_linked():
    source, ours, _ = pair(["b", "a/x", "c"])
    assert together(ours, ours.entries()) == [["a/x", "b", "c"]]
    source.write("a/x", b"changed")
    assert actions(source, ours) == [
        ("CONTENT", "update", "b", ""),
        ("LINKS", "update", "c", "b"),
        ("LINKS", "update", "a/x", "b"),
    ]
    report = full(source, ours, ARCHIVE)
    assert report.bytes == len(b"changed")
    assert together(ours, ours.entries()) == [["a/x", "b", "c"]]


def test_a_name_that_is_right_leads():
    source, ours, names = pair(["b", "x"])
    source.hardlink("b", "a")
    assert actions(source, ours, names, Scope.of(["a"])) == [("LINKS", "create", "a", "b")]


def test_equal_files_become_one():
    source, ours = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE)
    for tree in (source, ours):
        tree.write("a", b"1", mtime_ns=5)
        tree.write("b", b"1", mtime_ns=5)
    source.remove("b")
    source.hardlink("a", "b")
    assert actions(source, ours) == [("LINKS", "update", "b", "a")]


def test_one_file_becomes_two():
    source, ours, names = pair(["a", "b"])
    source.remove("b")
    source.write("b", b"a", mtime_ns=source.get("a").entry.mtime_ns)
    assert actions(source, ours) == [("CONTENT", "update", "b", "")]
    replay(source, ours, [Dirty("b")], ARCHIVE, EVERYTHING, names)
    assert together(ours, ours.entries()) == []
    assert actions(source, ours) == []


def test_names_outside_the_mirror_are_nobodys_business():
    """A snapshot of the destination, made of hard links, is no reason to copy it again."""
    source, ours, _ = pair(["a"], ["b", "c"])
    for name in ("a", "b", "c"):
        ours.hardlink(name, f"snapshot/{name}")
    filter = without("/snapshot/**")
    report = full(source, ours, ARCHIVE, filter)
    assert (report.bytes, report.done[Verb.UPDATE], report.done[Verb.DELETE]) == (0, 0, 0)
    assert together(ours, {"a", "b", "c"}) == [["b", "c"]]


def test_without_the_option_names_are_files():
    opts = replace(ARCHIVE, hard_links=False)
    source, ours = MemoryTree(opts), MemoryTree(opts)
    source.write("a", b"1")
    source.hardlink("a", "b")
    full(source, ours, opts)
    assert together(ours, ours.entries()) == []


@pytest.mark.parametrize("trouble", [Trouble.DENIED, Trouble.ABSENT, Trouble.FULL])
def test_nothing_is_linked_to_what_was_not_written(trouble):
    source, ours, _ = pair(["a", "b", "c"])
    source.write("a", b"changed")
    ours.fail("transfer", "a", trouble)
    report = full(source, ours, ARCHIVE)
    assert report.unfinished() == {"a"}
    assert ours.data("a") == b"a"
    assert ours.data("b") == ours.data("c") == b"changed"
    full(source, ours, ARCHIVE)
    assert together(ours, ours.entries()) == [["a", "b", "c"]]
    assert actions(source, ours) == []


def test_a_name_the_user_leaves_out_is_not_linked_to():
    source, ours, _ = pair(["a", "b"])
    source.write("a", b"changed")

    def choose(planned):
        return [action for action in planned if action.path != "a"]

    mirror(source, ours, ARCHIVE).run(Scope.everything(), choose=choose)
    assert (ours.data("a"), ours.data("b")) == (b"a", b"changed")


def test_a_link_takes_the_place_of_a_directory():
    source, ours, _ = pair(["a", "b"])
    ours.remove("b")
    ours.write("b/inside", b"in the way")
    full(source, ours, ARCHIVE)
    assert together(ours, ours.entries()) == [["a", "b"]]
