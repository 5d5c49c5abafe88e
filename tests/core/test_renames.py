"""Hints about renames: which are believed, and that nothing but speed is lost by the others."""

import pytest
from support.mirroring import ARCHIVE, PLAIN, full, mirror, replay, shape, without

from mirrorfs.core.change import Dirty, Moved
from mirrorfs.core.filter import EVERYTHING
from mirrorfs.core.fold import fold
from mirrorfs.core.options import Options
from mirrorfs.core.plan import Verb
from mirrorfs.core.record import replace
from mirrorfs.core.renames import Relocated
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Entry, Kind, TreeError, Trouble
from mirrorfs.trees.memory import MemoryTree

M = Moved
COPY = replace(ARCHIVE, delete=False)
HOLLOW = replace(ARCHIVE, empty_directories=False)


def mirrored(opts=ARCHIVE, filter=EVERYTHING):
    source, destination = MemoryTree(opts), MemoryTree(opts)
    for path in ("old/1", "old/2.o", "old/sub/3", "file", "other/4", "b/5"):
        source.write(path, path.encode())
    full(source, destination, opts, filter)
    return source, destination


def nothing(source, destination):
    pass


def old_again(source, destination):
    source.write("old/new", b"")


def old_unreadable(source, destination):
    source.write("old/new", b"")
    source.fail("entry", "old", Trouble.DENIED, None)


def new_unreadable(source, destination):
    destination.write("new/there", b"")
    destination.fail("entry", "new", Trouble.DENIED, None)


def taken(source, destination):
    destination.write("new/there", b"")


def gone(source, destination):
    destination.remove("old")


def another_kind(source, destination):
    destination.remove("old")
    destination.write("old", b"")


def excluded_inside(source, destination):
    destination.write("old/keep.o", b"")


def link_inside(source, destination):
    destination.symlink("old/link", "x")


def unreadable_inside(source, destination):
    destination.fail("read", "old/sub", Trouble.DENIED, None)


@pytest.mark.parametrize(
    ("prepare", "opts", "filter", "believed"),
    [
        pytest.param(nothing, ARCHIVE, EVERYTHING, True, id="both trees show it"),
        pytest.param(old_again, ARCHIVE, EVERYTHING, False, id="the source has the old name again"),
        pytest.param(old_unreadable, ARCHIVE, EVERYTHING, False,
                     id="the source may have the old name still"),
        pytest.param(new_unreadable, ARCHIVE, EVERYTHING, False,
                     id="the destination may have the new name"),
        pytest.param(taken, ARCHIVE, EVERYTHING, False, id="the destination has the new name"),
        pytest.param(gone, ARCHIVE, EVERYTHING, False, id="the destination lost the old name"),
        pytest.param(another_kind, ARCHIVE, EVERYTHING, False, id="it is something else there"),
        pytest.param(nothing, COPY, EVERYTHING, False, id="copy removes no names"),
        pytest.param(nothing, HOLLOW, EVERYTHING, False, id="empty directories would come along"),
        pytest.param(nothing, ARCHIVE, without("/zzz"), True, id="a filter about other places"),
        pytest.param(nothing, ARCHIVE, without("*.x"), True, id="a filter that meets no name"),
        pytest.param(excluded_inside, ARCHIVE, without("keep.o"), False, id="excluded content"),
        pytest.param(nothing, ARCHIVE, without("/new/sub/**"), False, id="excluded there"),
        pytest.param(nothing, ARCHIVE, without("/old/2.o"), False,
                     id="excluded at the old place: it is missing there"),
        pytest.param(nothing, ARCHIVE, without("/old/2.o", "/new/2.o"), True,
                     id="excluded at both, and not there"),
        pytest.param(nothing, ARCHIVE, without("/new/**"), False, id="moved out of the mirror"),
        pytest.param(nothing, ARCHIVE, without("/old/**"), False, id="moved into the mirror"),
        pytest.param(nothing, ARCHIVE, without(markers=("1",)), False, id="markers"),
        pytest.param(unreadable_inside, ARCHIVE, without("*.x"), False, id="not all can be seen"),
        pytest.param(link_inside, replace(ARCHIVE, links=PLAIN.links), EVERYTHING, False,
                     id="a link that is none of ours"),
    ],
)  # fmt: skip
def test_which_directories_are_renamed_whole(prepare, opts, filter, believed):
    source, destination = mirrored(opts, filter)
    _, theirs = mirrored(opts, filter)
    source.move("old", "new")
    for tree in (destination, theirs):
        prepare(source, tree)
    report = replay(source, destination, [M("old", "new"), Dirty("old/new")], opts, filter)
    assert (report.done[Verb.RENAME] == 1) == believed
    if not report.failures:
        full(source, theirs, opts, filter)
        assert shape(destination, opts) == shape(theirs, opts)


@pytest.mark.parametrize(
    ("change", "opts", "believed"),
    [
        pytest.param(lambda source: None, ARCHIVE, True, id="the same file"),
        pytest.param(lambda source: None, PLAIN, True, id="with rclone's defaults too"),
        pytest.param(lambda source: source.write("new", b"x"), ARCHIVE, False, id="written since"),
        pytest.param(lambda source: source.touch("new"), ARCHIVE, False, id="touched since"),
        pytest.param(lambda source: source.chmod("new", 0), ARCHIVE, False, id="chmod since"),
        pytest.param(lambda source: (source.remove("new"), source.mkdir("new")), ARCHIVE, False,
                     id="another kind since"),
        pytest.param(lambda source: source.remove("new"), ARCHIVE, False, id="gone since"),
        pytest.param(lambda source: None, Options(checksum=True), False,
                     id="only the content could tell"),
    ],
)  # fmt: skip
def test_a_file_is_renamed_only_if_it_is_equal(change, opts, believed):
    source, destination = mirrored(opts)
    source.move("file", "new")
    change(source)
    report = replay(source, destination, [M("file", "new")], opts)
    assert (report.done[Verb.RENAME] == 1) == believed
    assert mirror(source, destination, opts).plan(Scope.everything()).actions == ()


def test_new_parents_are_made_first_and_get_their_times():
    source, destination = mirrored()
    source.move("old", "p/q/new")
    source.touch("p/q", 5)
    report = replay(source, destination, [Dirty("p", True), M("old", "p/q/new")], ARCHIVE)
    assert report.done[Verb.RENAME] == 1
    assert report.done[Verb.CREATE] == 2
    assert report.bytes == 0
    assert shape(source, ARCHIVE) == shape(destination, ARCHIVE)


def test_times_of_the_directories_it_leaves_and_enters_are_restored():
    """They have in the source the time they had, so no comparison shows that they must be set."""
    source, destination = mirrored()
    parents = ("", "a", "a/b", "c")
    source.mkdir("c")
    source.move("old", "a/b/old")
    for again in (False, True):
        if again:
            full(source, destination, ARCHIVE)
            source.move("a/b/old", "c/d/e/new")
        for path in (*parents, "c/d", "c/d/e")[: None if again else 4]:
            source.touch(path, 5)
    records = [M("a/b/old", "c/d/e/new"), Dirty("c/d", True)]
    plan = mirror(source, destination, ARCHIVE).plan(*fold(records)[:2])
    set_again = {action.path for action in plan.actions if action.verb is Verb.ATTRIBUTES}
    assert set_again == {"a/b", "c", "c/d", "c/d/e"}
    assert replay(source, destination, records, ARCHIVE).done[Verb.RENAME] == 1
    assert shape(source, ARCHIVE) == shape(destination, ARCHIVE)


def test_a_file_in_the_place_of_a_parent_is_no_place_for_a_rename():
    source, destination = mirrored()
    source.remove("file")
    source.move("old", "file/new")
    report = replay(source, destination, [Dirty("file", True), M("old", "file/new")], ARCHIVE)
    assert report.done[Verb.RENAME] == 0
    assert shape(source, ARCHIVE) == shape(destination, ARCHIVE)


def test_renames_in_a_chain_and_changes_at_every_name():
    source, destination = mirrored()
    records = []
    for was, now in (("old", "t1"), ("t1", "t2"), ("t2", "b/new")):
        source.write(f"{was}/1", was.encode())
        records.append(Dirty(f"{was}/1"))
        source.move(was, now)
        records.append(M(was, now))
    report = replay(source, destination, records, ARCHIVE)
    assert report.done[Verb.RENAME] == 1
    assert report.done[Verb.UPDATE] == 1
    assert shape(source, ARCHIVE) == shape(destination, ARCHIVE)


@pytest.mark.parametrize("names", [("old", "other"), ("old", "other", "b")], ids=["two", "three"])
def test_names_that_changed_places_cost_content_and_end_right(names):
    source, destination = mirrored()
    records = []
    for was, now in [(names[0], "t"), *zip(names[1:], names, strict=False), ("t", names[-1])]:
        source.move(was, now)
        records.append(M(was, now))
    replay(source, destination, records, ARCHIVE)
    assert shape(source, ARCHIVE) == shape(destination, ARCHIVE)


def test_a_rename_that_fails_leaves_both_names_to_look_at_again():
    source, destination = mirrored()
    source.move("old", "new")
    source.write("new/1", b"changed")
    destination.fail("rename", "new", Trouble.DENIED)
    records = [M("old", "new"), Dirty("new/1")]
    report = replay(source, destination, records, ARCHIVE)
    assert {"old", "new"} <= report.unfinished()
    mirror(source, destination, ARCHIVE).run(Scope.of(subtrees=report.unfinished()))
    assert shape(source, ARCHIVE) == shape(destination, ARCHIVE)


def test_a_thousand_renames_between_two_directories_read_each_of_them_once():
    """Nor is what was seen to be equal looked at again."""
    source, destination = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE)
    for number in range(1000):
        source.write(f"a/{number}", b"x")
    source.mkdir("b")
    full(source, destination, ARCHIVE)
    records = []
    for number in range(1000):
        source.move(f"a/{number}", f"b/{number}")
        records.append(M(f"a/{number}", f"b/{number}"))
    source.write("b/500", b"y and more")
    for tree in (source, destination):
        tree.calls.clear()
    report = replay(source, destination, records, ARCHIVE)
    assert report.done[Verb.RENAME] == 999
    assert (report.bytes, report.entries) == (10, 3)  # both directories and that file
    assert shape(source, ARCHIVE) == shape(destination, ARCHIVE)
    for tree in (source, destination):
        assert tree.calls["read"] < 10


@pytest.mark.parametrize("unfinished", [False, True])
def test_a_renamed_file_that_has_other_names_is_looked_at_with_them(unfinished):
    source, destination = mirrored()
    source.hardlink("file", "second")
    full(source, destination, ARCHIVE)
    source.move("file", "new")
    source.chmod("second", 0o604)
    records = [M("file", "new")] if unfinished else [M("file", "new"), Dirty("second")]
    replay(source, destination, records, ARCHIVE)
    assert shape(source, ARCHIVE) == shape(destination, ARCHIVE)


def relocated():
    """`old` became `p/new`, `file` became `renamed`; `p` was made for it."""
    _, destination = mirrored()
    view = Relocated(destination)
    view.make("p", Entry(Kind.DIRECTORY, inode=77))
    view.rename("old", "p/new", destination.find("old").entry)
    view.rename("file", "renamed", destination.find("file").entry)
    return view, destination


@pytest.mark.parametrize(
    ("path", "names", "shown"),
    [
        pytest.param("", None, {"b", "other", "p", "renamed"}, id="the root"),
        pytest.param("", ["old", "p", "file", "renamed", "b"], {"p", "renamed", "b"}, id="names"),
        pytest.param("p", None, {"new"}, id="a directory that is yet to be made"),
        pytest.param("p/new", None, {"1", "2.o", "sub"}, id="a renamed directory"),
        pytest.param("p/new", ["1", "missing"], {"1"}, id="names in it"),
        pytest.param("p/new/sub", None, {"3"}, id="below it"),
        pytest.param("other", None, {"4"}, id="an untouched one"),
    ],
)
def test_the_view_after_the_renames(path, names, shown):
    view, destination = relocated()
    assert view.read(path, names).entries.keys() == shown
    assert view.root() == destination.root()


def test_the_view_knows_where_content_lies():
    view, _ = relocated()
    where = {path: view.actual(path) for path in ("p/new/sub/3", "p/new", "p", "renamed", "other/4",
             "p/newer")}  # fmt: skip
    assert where == {
        "p/new/sub/3": "old/sub/3",
        "p/new": "old",
        "p": "p",
        "renamed": "file",
        "other/4": "other/4",
        "p/newer": "p/newer",
    }
    with pytest.raises(TreeError):
        view.read("q")


def test_a_hint_that_is_not_believed_widens_the_scope_to_both_ends():
    source, destination = mirrored()
    source.move("old", "new")
    destination.write("new/there", b"")
    folded = fold([M("old", "new")])
    mirror(source, destination, ARCHIVE).plan(folded.scope, folded.hints)
    assert folded.scope.covers("old/any/thing")
    assert folded.scope.covers("new/any/thing")
