"""The law: what the preview shows before a run is what the destination holds after it."""

import tracemalloc

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.history import History, histories
from support.mirroring import ARCHIVE, PLAIN, filters, full, mirror, options

from mirrorfs.core.change import Moved
from mirrorfs.core.filter import EVERYTHING
from mirrorfs.core.fold import fold
from mirrorfs.core.plan import Action, Stage, Verb
from mirrorfs.core.preview import Preview, Shown, Side, Untouched
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Entry, Kind, join
from mirrorfs.trees.memory import MemoryTree

FILE, DIRECTORY = Kind.FILE, Kind.DIRECTORY


def walk(preview, destination, directory=""):
    """Everything the preview shows, as a file system view would ask for it."""
    place = preview.where(directory)
    if isinstance(place, Shown) and place.side is Side.NEITHER:
        now = {}
    else:
        now = destination.read(place.path).entries
    for name, shown in preview.after(directory, now).items():
        path = join(directory, name)
        yield path, shown
        if shown.entry.is_directory:
            yield from walk(preview, destination, path)


def seen(entry, content, opts, *, timed):
    """What both sides must agree on; times only where the options keep them."""
    mode = entry.mode if opts.permissions and entry.kind is not Kind.SYMLINK else 0
    return (entry.kind, entry.size, entry.mtime_ns if timed else 0, mode, entry.target, content)


def timed(path, source, opts, filter):
    """Whether the mirror sets the time of what is at this path."""
    node = source.find(path)
    if node is None or node.entry.kind is not DIRECTORY:
        return opts.times
    return opts.directory_times and filter.descends(path)


def expected(preview, source, destination, opts, filter):
    shapes = {}
    for path, shown in walk(preview, destination):
        tree = source if shown.side is Side.SOURCE else destination
        content = tree.data(shown.path) if shown.entry.kind is FILE else b""
        shapes[path] = (shown.entry, content)
    return shapes


@given(
    before=histories,
    history=histories,
    ours=st.just([]) | histories,
    opts=options,
    filter=st.just(EVERYTHING) | filters,
)
def test_what_is_shown_before_is_what_is_there_after(before, history, ours, opts, filter):
    source, destination = MemoryTree(opts), MemoryTree(opts)
    past = History(source).play(before)
    assume(not full(source, destination, opts, filter).failures)
    History(destination).play(ours)
    past.changes.clear()
    folded = fold(past.play(history).changes)

    for scope, hints in ((folded.scope, folded.hints), (Scope.everything(), ())):
        plan = mirror(source, destination, opts, filter).plan(scope, hints)
        assume(not plan.failures)
        preview = Preview(plan.actions, opts)
        shown = expected(preview, source, destination, opts, filter)
        places = {path: preview.where(path) for path in shown}

        assert not mirror(source, destination, opts, filter).run(scope, hints).failures

        after = destination.entries()
        assert shown.keys() == after.keys()
        for path, entry in after.items():
            content = destination.data(path) if entry.kind is FILE else b""
            is_timed = timed(path, source, opts, filter) and path in source.entries()
            assert seen(*shown[path], opts, timed=is_timed) == seen(
                entry, content, opts, timed=is_timed
            ), path
            place = places[path]
            assert place is not None, path
            if isinstance(place, Shown):
                assert place.entry.kind is entry.kind


@given(before=histories, history=histories, opts=options)
def test_each_action_shows_once_in_the_tree_of_its_verb(before, history, opts):
    source, destination = MemoryTree(opts), MemoryTree(opts)
    full(History(source).play(before).tree, destination, opts, EVERYTHING)
    folded = fold(History(source).play(history).changes)
    plan = mirror(source, destination, opts, EVERYTHING).plan(folded.scope, folded.hints)
    preview = Preview(plan.actions, opts)

    def tree(verb, directory=""):
        for name, action in preview.pending(verb, directory).items():
            below = list(tree(verb, join(directory, name)))
            assert action or below, "a directory is implied only by what is below it"
            yield from [action] if action else []
            yield from below

    for verb in Verb:
        wanted = [action for action in plan.actions if action.verb is verb and action.path]
        assert sorted(tree(verb)) == sorted(wanted)
        for action in wanted:
            assert action in preview.reasons(action.path)
            assert verb is not Verb.RENAME or action in preview.reasons(action.origin)


def renamed():
    """A directory renamed, changes below it, and a file that became a directory."""
    source, destination = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE)
    for name in ("stays", "changes", "goes", "sub/leaves", "sub/deep"):
        source.write(f"old/{name}", name.encode())
    source.write("flips", b"a file")
    full(source, destination, ARCHIVE, EVERYTHING)
    source.move("old", "new")
    source.write("new/changes", b"changed")
    source.remove("new/goes")
    source.move("flips", "spare")
    source.write("flips/inside", b"in a directory now")
    scope = fold([Moved("old", "new")]).scope
    for path in ("new/changes", "new/goes", "flips", "spare"):
        scope.add(path)
    plan = mirror(source, destination, ARCHIVE, EVERYTHING).plan(
        scope, fold([Moved("old", "new")]).hints
    )
    assert [action.path for action in plan.actions if action.verb is Verb.RENAME] == ["new"]
    return Preview(plan.actions, ARCHIVE)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        pytest.param("new", (Side.DESTINATION, "old"), id="a renamed directory"),
        pytest.param("new/stays", "old/stays", id="what is below it too"),
        pytest.param("new/sub/deep", "old/sub/deep", id="at any depth"),
        pytest.param("new/changes", (Side.SOURCE, "new/changes"), id="changed content is new"),
        pytest.param("new/goes", None, id="deleted below the new name"),
        pytest.param("old", None, id="nothing is left at the old name"),
        pytest.param("old/stays", None, id="nor below it"),
        pytest.param("flips", (Side.NEITHER, "flips"), id="a directory in the place of a file"),
        pytest.param("flips/inside", (Side.SOURCE, "flips/inside"), id="its content"),
        pytest.param("flips/else", None, id="a new directory holds nothing else"),
        pytest.param("unknown/path", "unknown/path", id="what the plan does not know"),
    ],
)  # fmt: skip
def test_where(path, place):
    found = renamed().where(path)
    if isinstance(found, Untouched):
        assert found.path == place
    elif found is not None:
        assert (found.side, found.path) == place
    else:
        assert place is None


def test_after_a_rename_nothing_shows_at_the_old_name():
    now = dict.fromkeys(["old", "flips", "kept"], Entry(FILE, 1))
    shown = renamed().after("", now)
    assert {name: look.path for name, look in shown.items()} == {
        "new": "old",
        "flips": "flips",
        "spare": "spare",
        "kept": "kept",
    }
    assert shown["new"].entry.is_directory


def test_reasons_are_the_own_actions_and_the_renames_that_carry_a_path():
    preview = renamed()
    verbs = {path: [a.verb for a in preview.reasons(path)] for path in ("new/changes", "new/stays",
             "old/stays", "elsewhere")}  # fmt: skip
    assert verbs == {
        "new/changes": [Verb.UPDATE, Verb.RENAME],
        "new/stays": [Verb.RENAME],
        "old/stays": [Verb.RENAME],
        "elsewhere": [],
    }


def test_names_that_sort_around_the_separator():
    """`a-b` and `a\\x01` sort before and after `a/` as strings; in a tree they are not below it."""
    names = ["a", "a/x", "a/x/y", "a-b", "a\x01", "a\x01/z", "a b/c", "ab"]
    made = Entry(FILE, 1)
    actions = [Action(Verb.CREATE, Stage.CONTENT, name, made, None, "new") for name in names]
    preview = Preview(actions[::-1], PLAIN)
    assert set(preview.pending(Verb.CREATE, "")) == {"a", "a-b", "a\x01", "a b", "ab"}
    assert set(preview.pending(Verb.CREATE, "a")) == {"x"}
    assert set(preview.pending(Verb.CREATE, "a/x")) == {"y"}
    assert set(preview.pending(Verb.CREATE, "a\x01")) == {"z"}
    assert preview.pending(Verb.CREATE, "a b")["c"] is actions[6]
    assert preview.pending(Verb.CREATE, "")["a b"] is None


def test_listing_a_directory_looks_at_no_more_than_it_must(monkeypatch):
    """One name of the root holds everything: the root is listed without going through it."""
    from mirrorfs.core import preview as module

    looked = 0
    key = module._key

    def counted(action):
        nonlocal looked
        looked += 1
        return key(action)

    made = Entry(FILE, 1)
    actions = [
        Action(Verb.CREATE, Stage.CONTENT, f"big/{number % 100}/{number}", made, None, "new")
        for number in range(20_000)
    ]
    preview = Preview(actions, PLAIN)
    monkeypatch.setattr(module, "_key", counted)
    assert list(preview.pending(Verb.CREATE, "")) == ["big"]
    assert looked < 100
    assert len(preview.pending(Verb.CREATE, "big")) == 100
    assert looked < 3000


def test_a_preview_costs_a_few_bytes_an_action_and_a_listing_nothing_of_the_rest():
    """Counted, not timed: a plan of a million actions is only that of fifty thousand, longer."""
    count = 50_000
    entry = Entry(FILE, 1)
    actions = [
        Action(Verb.CREATE, Stage.CONTENT, f"{number // 100}/{number}", entry, None, "new")
        for number in range(count)
    ]
    tracemalloc.start()
    try:
        preview = Preview(actions, PLAIN)
        assert tracemalloc.get_traced_memory()[0] < 40 * count
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        assert len(preview.after("7", {})) == 100
        assert tracemalloc.get_traced_memory()[1] - before < 200_000
    finally:
        tracemalloc.stop()
