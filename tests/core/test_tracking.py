"""--track-renames: the same tree as without it, for fewer bytes, and never a wrong content."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.mirroring import ARCHIVE, PLAIN, mirror, shape

from mirrorfs.core.plan import Verb
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Kind
from mirrorfs.trees.memory import MemoryTree

ALL = Scope.everything()
HASH = frozenset({"hash"})
STRATEGIES = [HASH, *map(frozenset, [(), ("modtime",), ("leaf",), ("modtime", "leaf")])]

names = st.sampled_from(["f", "g", "d/f", "d/g", "e/f", "d/e/f", "e"])
trees = st.dictionaries(
    names, st.tuples(st.sampled_from([b"", b"1", b"2", b"33"]), st.sampled_from([5, 6, 7]))
)


def tree(files, opts=PLAIN):
    made = MemoryTree(opts)
    for name, (data, mtime) in sorted(files.items()):
        parents = name.split("/")[:-1]
        for count in range(1, len(parents) + 1):
            if made.find("/".join(parents[:count])) is None:
                made.mkdir("/".join(parents[:count]))
        made.write(name, data, mtime_ns=mtime)
    return made


def is_a_tree(files):
    return not any(one.startswith(other + "/") for one in files for other in files)


def verbs(source, destination, strategy=HASH, opts=PLAIN):
    plan = mirror(source, destination, opts, track_renames=strategy).plan(ALL)
    return [(action.verb, action.origin, action.path) for action in plan.actions]


@given(ours=trees, theirs=trees, opts=st.sampled_from([PLAIN, ARCHIVE]),
       strategy=st.sampled_from(STRATEGIES))  # fmt: skip
def test_ends_in_the_tree_that_copying_ends_in(ours, theirs, opts, strategy):
    assume(is_a_tree(ours) and is_a_tree(theirs))
    source = tree(theirs, opts)
    copied, renamed = tree(ours, opts), tree(ours, opts)
    before = {renamed.find(name).entry.inode: data for name, (data, _) in ours.items()}
    mirror(source, copied, opts).run(ALL)
    tracking = mirror(source, renamed, opts, track_renames=strategy)
    moves = [action for action in tracking.plan(ALL).actions if action.verb is Verb.RENAME]

    report = tracking.run(ALL)

    assert not report.failures
    assert report.done[Verb.RENAME] == len(moves)
    assert shape(renamed, opts) == shape(copied, opts)
    assert tracking.plan(ALL).actions == ()
    for move in moves:
        assert before[move.expect.inode] == source.data(move.path)
        if "leaf" in strategy:
            assert move.path.split("/")[-1] == move.origin.split("/")[-1]
        if "modtime" in strategy:
            assert move.want.mtime_ns == move.expect.mtime_ns


def test_every_file_that_moved_is_renamed_into_directories_made_before():
    source = tree({f"new/{name}": (name.encode(), 5) for name in "abc"})
    destination = tree({f"old/{name}": (name.encode(), 5) for name in "abc"})
    found = verbs(source, destination)
    assert found[0] == (Verb.CREATE, "", "new")
    assert {step for step in found if step[0] is Verb.RENAME} == {
        (Verb.RENAME, f"old/{name}", f"new/{name}") for name in "abc"
    }
    assert (Verb.DELETE, "", "old") in found
    report = mirror(source, destination, PLAIN, track_renames=HASH).run(ALL)
    assert report.bytes == 0
    assert [path for path, entry in destination.entries().items() if entry.kind is Kind.FILE] == [
        "new/a",
        "new/b",
        "new/c",
    ]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_equal_size_time_and_name_are_not_enough(strategy):
    source, destination = tree({"d/f": (b"one", 5)}), tree({"e/f": (b"two", 5)})
    assert Verb.RENAME not in {verb for verb, *_ in verbs(source, destination, strategy)}


def test_the_likeliest_pair_is_compared_first():
    files = {f"old/{number}": (b"same", number) for number in range(100)}
    moved = {f"new/{number}": (b"same", number) for number in range(100)}
    found = verbs(tree(moved), tree(files))
    pairs = {(origin, path) for verb, origin, path in found if verb is Verb.RENAME}
    assert pairs == {(f"old/{number}", f"new/{number}") for number in range(100)}


def test_many_files_of_one_size_do_not_cost_their_square():
    source = tree({f"new{number}": (b"n%03d" % number, number) for number in range(200)})
    destination = tree({f"old{number}": (b"o%03d" % number, 999) for number in range(200)})
    opened = []
    look = destination.open
    destination.open = lambda path: (opened.append(path), look(path))[1]
    verbs(source, destination)
    assert len(opened) <= 200 * 16


def test_the_old_time_is_set_right_at_once():
    source, destination = tree({"new": (b"x", 7)}), tree({"old": (b"x", 5)})
    assert [verb for verb, *_ in verbs(source, destination)] == [Verb.RENAME, Verb.ATTRIBUTES]


def test_nothing_is_renamed_to_where_room_must_be_made_first():
    source = tree({"d/f": (b"x", 5)})
    destination = tree({"d": (b"y", 5), "old": (b"x", 5)})
    assert Verb.RENAME not in {verb for verb, *_ in verbs(source, destination)}
    mirror(source, destination, PLAIN, track_renames=HASH).run(ALL)
    assert destination.data("d/f") == b"x"


def test_copy_renames_nothing():
    opts = PLAIN.__class__(delete=False)
    source, destination = tree({"new": (b"x", 5)}), tree({"old": (b"x", 5)})
    found = verbs(source, destination, opts=opts)
    assert found == [(Verb.CREATE, "", "new")]
