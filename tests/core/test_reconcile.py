"""What one walk over two trees decides: kinds that meet, what shelters, what cannot be read."""

import pytest
from support.mirroring import ARCHIVE, PLAIN, full, mirror, shape, without

from mirrorfs.core.filter import EVERYTHING
from mirrorfs.core.options import Links
from mirrorfs.core.plan import Stage, Verb
from mirrorfs.core.record import replace
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Kind, TreeError, Trouble
from mirrorfs.errors import DirectoryMissing, PermanentError, TemporaryError
from mirrorfs.trees.memory import MemoryTree

COPY = replace(ARCHIVE, delete=False)
EVERYTHING_SCOPE, ONLY_X = Scope.everything, lambda: Scope.of(subtrees=["x"])

KINDS = {
    "nothing": lambda tree: None,
    "a file": lambda tree: tree.write("x", b"content", mtime_ns=7),
    "another file": lambda tree: tree.write("x", b"longer content", mtime_ns=8),
    "a full directory": lambda tree: (tree.write("x/y/z", b"1"), tree.symlink("x/l", "t")),
    "an empty directory": lambda tree: tree.mkdir("x"),
    "a symlink": lambda tree: tree.symlink("x", "target"),
    "a fifo": lambda tree: tree.special("x"),
    "a device": lambda tree: tree.special("x", Kind.CHARACTER_DEVICE, rdev=5),
}
EMPTY_OR_FULL = ("an empty directory", "a full directory")


def pair(theirs, ours, opts):
    source, destination = MemoryTree(opts), MemoryTree(opts)
    destination._clock += 10**6
    for tree, kind in ((source, theirs), (destination, ours)):
        tree.write("beside", b"", mtime_ns=3)
        KINDS[kind](tree)
    return source, destination


def at(tree, path):
    node = tree.find(path)
    return None if node is None else node.entry.kind


@pytest.mark.parametrize("scope", [EVERYTHING_SCOPE, ONLY_X], ids=["everything", "a subtree"])
@pytest.mark.parametrize("theirs", KINDS)
@pytest.mark.parametrize("ours", KINDS)
def test_every_kind_in_the_place_of_every_other(theirs, ours, scope):
    source, destination = pair(theirs, ours, ARCHIVE)
    report = mirror(source, destination, ARCHIVE).run(scope())
    assert not report.failures
    assert shape(destination, ARCHIVE) == shape(source, ARCHIVE)
    assert mirror(source, destination, ARCHIVE).plan(Scope.everything()).actions == ()


@pytest.mark.parametrize("theirs", KINDS)
@pytest.mark.parametrize("ours", KINDS)
def test_copy_removes_nothing_of_another_kind(theirs, ours):
    source, destination = pair(theirs, ours, COPY)
    before = shape(destination, COPY)
    report = full(source, destination, COPY)
    want, have = at(source, "x"), at(MemoryTree() if ours == "nothing" else destination, "x")
    if theirs == "nothing" or (have is not None and want is not None and before["x"][0] != want):
        blocked = theirs != "nothing"
        assert set(report.failures) == ({"x"} if blocked else set())
        assert {path: shape(destination, COPY).get(path) for path in before} == before
    else:
        assert not report.failures
        assert shape(source, COPY).items() <= shape(destination, COPY).items()


@pytest.mark.parametrize("theirs", KINDS)
@pytest.mark.parametrize("ours", KINDS)
def test_what_is_not_mirrored_does_not_exist(theirs, ours):
    """rclone's default: no links, no special files, no empty directories; on either side."""
    source, destination = pair(theirs, ours, PLAIN)
    was = at(destination, "x")
    report = full(source, destination, PLAIN)
    now = at(destination, "x")
    if ours == "a full directory" and theirs in ("a file", "another file"):
        assert set(report.failures) == {"x"}, "a link inside, which is not ours to remove"
        return
    assert not report.failures
    if theirs in ("a file", "another file"):
        assert now is Kind.FILE
        assert destination.data("x") == source.data("x")
    elif theirs == "a full directory":
        assert destination.data("x/y/z") == b"1"
    elif ours in ("a file", "another file"):
        assert now is None, "a link, a fifo, an empty directory take no file's place"
    elif ours == "a full directory":
        assert destination.find("x/y/z") is None
        assert at(destination, "x/l") is Kind.SYMLINK
    elif ours == "an empty directory":
        assert now is (Kind.DIRECTORY if theirs in EMPTY_OR_FULL else None)
    else:
        assert now is was


def trees(source="", destination=""):
    """Trees of files, from paths; one that ends in `/` is a directory."""
    made = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE)
    for tree, paths in zip(made, (source, destination), strict=True):
        for path in paths.split():
            tree.mkdir(path[:-1]) if path.endswith("/") else tree.write(path, b"", mtime_ns=1)
    return made


def planned(source, destination, opts=ARCHIVE, filter=EVERYTHING):
    plan = mirror(source, destination, opts, filter).plan(Scope.everything())
    done = {f"{action.verb.value} {action.path}" for action in plan.actions if
            action.verb is not Verb.ATTRIBUTES}  # fmt: skip
    return done, {failure.path for failure in plan.failures}


def row(name, source, destination, exclude, expected, failures=(), **changes):
    opts = replace(ARCHIVE, **changes)
    return pytest.param(source, destination, exclude, opts, expected, failures, id=name)


@pytest.mark.parametrize(
    ("source", "destination", "exclude", "opts", "expected", "failures"),
    [
        row("excluded in the source: not copied", "a.o b", "", "*.o", {"create b"}),
        row("which protects the destination's", "a.o", "a.o b", "*.o", {"delete b"}),
        row("excluded in the destination stays", "", "a.o b", "*.o", {"delete b"}),
        row("and its directories with it", "", "d/e/a.o d/e/b d/f/c", "*.o",
            {"delete d/e/b", "delete d/f/c", "delete d/f"}),
        row("--delete-excluded", "a.o", "a.o d/b.o", "*.o",
            {"delete a.o", "delete d/b.o", "delete d"}, delete_excluded=True),
        row("a directory that shelters is in the way of a file", "d", "d/a.o d/b", "*.o",
            {"delete d/b"}, {"d"}),
        row("unless --delete-excluded", "d", "d/a.o", "*.o",
            {"delete d/a.o", "delete d", "create d"}, delete_excluded=True),
        row("an excluded directory is not entered", "d/x", "d/y e", "/d/**", {"delete e"}),
        row("an excluded empty one is in the way", "d", "d/", "/d/**", set(), {"d"}),
        row("an excluded file is, of a directory", "a.o/x", "a.o", "*.o", set(), {"a.o"}),
        row("unless --delete-excluded, there too", "a.o/x", "a.o", "*.o",
            {"delete a.o", "create a.o", "create a.o/x"}, delete_excluded=True),
        row("empty directories on", "e/f/", "g/h/", "-", {"create e", "create e/f", "delete g/h",
            "delete g"}),
        row("empty directories off: none is made, all that are too many go", "e/f/", "g/h/", "-",
            {"delete g/h", "delete g"}, empty_directories=False),
        row("empty directories off: those with something in it are made", "e/f/x g/", "", "-",
            {"create e", "create e/f", "create e/f/x"}, empty_directories=False),
        row("empty directories off: those on both sides stay", "e/", "e/f", "-", {"delete e/f"},
            empty_directories=False),
        row("empty directories off: only excluded things inside", "e/a.o", "", "*.o", set(),
            empty_directories=False),
        row("nothing left to make room for", "e/a.o", "e", "*.o", {"delete e"},
            empty_directories=False),
        row("copy: what is too many stays", "a", "a b c/d", "-", set(), delete=False),
        row("copy: another kind stays, the rest goes on", "a b/x", "b", "-", {"create a"}, {"b"},
            delete=False),
    ],
)  # fmt: skip
def test_what_is_excluded_and_what_is_empty(source, destination, exclude, opts, expected, failures):
    filter = without(exclude)
    done, failed = planned(*trees(source, destination), opts, filter)
    assert done == expected
    assert failed == set(failures)


@pytest.mark.parametrize(
    ("side", "call", "path", "trouble", "expected", "failures"),
    [
        pytest.param("source", "read", "d", Trouble.DENIED,
                     {"create new", "create new/x", "delete z"}, {"d"},
                     id="a directory of the source: its children are unknown, not absent"),
        pytest.param("source", "read", "d", Trouble.ABSENT,
                     {"create new", "create new/x", "delete z"}, set(),
                     id="a directory of the source that just went: the next look decides"),
        pytest.param("source", "read", "new", Trouble.DENIED,
                     {"delete z", "create d/b", "delete d/c"}, {"new"},
                     id="a directory only the source has is not made"),
        pytest.param("source", "entry", "d/a", Trouble.INPUT_OUTPUT,
                     {"create new", "create new/x", "create d/b", "delete d/c", "delete z"},
                     {"d/a"},
                     id="a name of the source: the destination's stays"),
        pytest.param("source", "entry", "d/b", Trouble.ABSENT,
                     {"create new", "create new/x", "delete d/c", "delete z"}, set(),
                     id="a name that just went is not there"),
        pytest.param("destination", "read", "d", Trouble.DENIED,
                     {"create new", "create new/x", "delete z"}, {"d"},
                     id="a directory of the destination: nothing is done in it"),
        pytest.param("destination", "entry", "d/a", Trouble.INPUT_OUTPUT,
                     {"create new", "create new/x", "create d/b", "delete d/c", "delete z"},
                     {"d/a"},
                     id="a name of the destination"),
        pytest.param("destination", "entry", "d/c", Trouble.INPUT_OUTPUT,
                     {"create new", "create new/x", "create d/b", "delete z"}, {"d/c"},
                     id="a name only the destination has"),
    ],
)  # fmt: skip
def test_what_cannot_be_read(side, call, path, trouble, expected, failures):
    source, destination = trees("d/a d/b new/x", "d/a d/c z")
    (source if side == "source" else destination).fail(call, path, trouble, None)
    done, failed = planned(source, destination)
    assert done == expected
    assert failed == failures


@pytest.mark.parametrize(
    ("excluded", "trouble", "failures"),
    [
        (["/d/a", "/d/a/"], Trouble.DENIED, set()),  # whatever it is
        (["/d/a"], Trouble.DENIED, {"d/a"}),  # it may be a directory
        (["/d/a/"], Trouble.DENIED, {"d/a"}),  # it may be a file
        (["/d/a"], Trouble.UNSUPPORTED, set()),  # a link that leads nowhere
        (["/d/a/**"], Trouble.LOOP, set()),  # or around
        (["/d/b"], Trouble.UNSUPPORTED, {"d/a"}),
    ],
)
def test_what_is_excluded_need_not_be_looked_at(excluded, trouble, failures):
    source, destination = trees("d/a", "d/a z")
    source.fail("entry", "d/a", trouble, None)
    done, failed = planned(source, destination, filter=without(*excluded))
    assert (done, failed) == ({"delete z"}, failures)


@pytest.mark.parametrize("call", ["read", "entry"])
def test_a_doomed_directory_with_something_unreadable_stays(call):
    source, destination = trees("", "d/e/f d/g")
    destination.fail(call, "d/e", Trouble.DENIED, None)
    done, failed = planned(source, destination)
    assert done == {"delete d/g"}
    assert failed == {"d/e"}


def test_an_unreadable_directory_in_the_way_is_reported_as_that():
    source, destination = trees("d", "d/e")
    destination.fail("read", "d", Trouble.DENIED, None)
    plan = mirror(source, destination, ARCHIVE).plan(Scope.everything())
    assert [failure.trouble for failure in plan.failures] == [Trouble.DENIED]
    assert not [action for action in plan.actions if action.path == "d"]


def test_a_doomed_directory_that_just_went_makes_room_all_the_same():
    source, destination = trees("d", "d/e")
    destination.fail("read", "d", Trouble.ABSENT, None)
    done, failed = planned(source, destination)
    assert done == {"delete d", "create d"}
    assert failed == set()


@pytest.mark.parametrize("side", ["source", "destination"])
@pytest.mark.parametrize("call", ["read", "root"])
@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (Trouble.ABSENT, DirectoryMissing),
        (Trouble.DENIED, PermanentError),
        (Trouble.STALE, TemporaryError),
        (Trouble.INPUT_OUTPUT, TemporaryError),
    ],
)
def test_a_root_that_cannot_be_read_ends_the_run(side, call, trouble, error):
    """A root that looked like a tree without anything to do would let the checkpoint move."""
    source, destination = trees("a", "b")
    (source if side == "source" else destination).fail(call, "", trouble, None)
    with pytest.raises(error) as caught:
        full(source, destination, ARCHIVE)
    assert isinstance(caught.value.__cause__, TreeError)
    assert set(destination.entries()) == {"b"}


def test_the_order_of_the_stages():
    """Room first and deepest first, parents before children, removals after all that is made."""
    source, destination = trees("f a/b/c/d n/m/x", "f/g/h old/deep/er x")
    plan = mirror(source, destination, ARCHIVE).plan(Scope.everything())
    assert [action.stage for action in plan.actions] == sorted(a.stage for a in plan.actions)
    paths = {stage: [action.path for action in actions] for stage, actions in plan.stages()}
    assert paths[Stage.ROOM] == ["f/g/h", "f/g", "f"]
    assert paths[Stage.DIRECTORIES] == ["a", "n", "a/b", "n/m", "a/b/c"]
    assert paths[Stage.DELETE] == ["old/deep/er", "old/deep", "x", "old"]
    assert set(paths[Stage.DIRECTORY_ATTRIBUTES]) == {"", "a", "a/b", "a/b/c", "n", "n/m"}
    assert set(paths[Stage.CONTENT]) == {"f", "a/b/c/d", "n/m/x"}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda tree: tree.write("d/new", b""), id="a name comes"),
        pytest.param(lambda tree: tree.remove("d/old"), id="a name goes"),
        pytest.param(lambda tree: tree.write("d/old", b"more"), id="a file is replaced"),
        pytest.param(lambda tree: tree.mkdir("d/sub"), id="a directory comes"),
        pytest.param(lambda tree: tree.remove("d/full"), id="a directory goes"),
        pytest.param(lambda tree: (tree.remove("d/full"), tree.write("d/full", b"")), id="a swap"),
        pytest.param(lambda tree: (tree.remove("d/old"), tree.write("d/old/x", b"")), id="another"),
        pytest.param(lambda tree: tree.symlink("d/link", "x"), id="a link comes"),
    ],
)
@pytest.mark.parametrize("scope", ["everything", "the names"])
def test_times_of_directories_are_restored(change, scope):
    """The source's directory has the time it had, so no comparison shows that it must be set."""
    source, destination = trees("d/old d/full/x", "")
    for again in (False, True):
        if again:
            full(source, destination, ARCHIVE)
            change(source)
        for path in ("d", ""):
            source.touch(path, 5)
    names = [f"d/{name}" for name in ("new", "old", "sub", "full", "link")]
    mirror(source, destination, ARCHIVE).run(
        Scope.everything() if scope == "everything" else Scope.of(names)
    )
    assert shape(source, ARCHIVE) == shape(destination, ARCHIVE)
    assert destination.root().mtime_ns == 5


def test_times_of_directories_are_left_alone_where_they_are_not_kept():
    opts = replace(ARCHIVE, directory_times=False)
    source, destination = MemoryTree(opts), MemoryTree(opts)
    source.write("d/x", b"")
    assert Stage.DIRECTORY_ATTRIBUTES not in dict(
        mirror(source, destination, opts).plan(Scope.everything()).stages()
    )


def test_links_that_are_left_out_are_told_once():
    source, destination = trees("a", "")
    source.symlink("l", "a")
    source.special("p")
    opts = replace(ARCHIVE, links=Links.SKIP, specials=False)
    report = full(source, destination, opts)
    assert [notice.path for notice in report.notices] == ["l", "p"]
    assert not report.failures


def test_a_marker_that_comes_excludes_and_one_that_goes_reveals():
    """The records name the marker alone; the rest of the directory is none the wiser."""
    filter = without(markers=(".nomirror",))
    source, destination = trees("d/a d/e/b f", "d/kept")
    source.write("d/.nomirror", b"")
    assert planned(source, destination, ARCHIVE, filter) == ({"create f"}, set())
    source.remove("d/.nomirror")
    mirror(source, destination, ARCHIVE, filter).run(Scope.of(["d/.nomirror", "f"]))
    assert shape(source, ARCHIVE) == shape(destination, ARCHIVE)


def test_a_walk_goes_subtree_by_subtree_parents_first():
    """So it holds no more than the directories between the root and where it is."""
    from mirrorfs.core.reconcile import Reconciler
    from mirrorfs.core.rules import Rules

    source, destination = trees(" ".join(f"{a}/{b}/{c}" for a in "abcdef" for b in "xyz" for c in
                                         "123"), "")  # fmt: skip
    rules = Rules(ARCHIVE, EVERYTHING, lambda path, names: {})
    batches = [
        batch.path
        for batch in Reconciler(source, destination, rules).walk(Scope.everything())
        if batch.ready
    ]
    assert batches[:6] == ["a", "a/x", "a/y", "a/z", "b", "b/x"]
