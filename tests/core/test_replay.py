"""The law: for any history of the source, replay ends in the tree a full comparison ends in."""

import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.history import NAMES, History, histories, paths
from support.mirroring import ARCHIVE, filters, full, mirror, options, replay, shape

from mirrorfs.core.change import Dirty, Gap, Moved, decode, encode
from mirrorfs.core.compact import compact
from mirrorfs.core.filter import EVERYTHING
from mirrorfs.core.fold import fold
from mirrorfs.core.plan import Verb
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Trouble, is_within
from mirrorfs.trees.memory import MemoryTree


def prepare(before, opts, filter):
    """A source with a past, and two destinations that were equal to it."""
    source = MemoryTree(opts)
    History(source).play(before)
    ours, theirs = MemoryTree(opts), MemoryTree(opts)
    for destination in (ours, theirs):
        destination.write("a/kept.tmp", b"excluded by some filters", mtime_ns=5)
        assume(not full(source, destination, opts, filter).failures)
    return source, ours, theirs


@given(before=histories, history=histories, opts=options, filter=filters, seed=st.integers(0, 9))
def test_replay_equals_full_comparison(before, history, opts, filter, seed):
    source, ours, theirs = prepare(before, opts, filter)
    changes = History(source).play(history).changes

    report = replay(source, ours, changes, opts, filter)
    blocked = full(source, theirs, opts, filter).failures
    assert report.failures.keys() == blocked.keys()
    assume(not blocked)  # excluded content stood where a file must go: an error, either way

    assert shape(ours, opts) == shape(theirs, opts)
    assert mirror(source, ours, opts, filter).plan(Scope.everything()).actions == ()


@given(before=histories, history=histories, opts=options, filter=filters, seed=st.integers(0, 9))
def test_order_and_repetition_of_records_do_not_matter(before, history, opts, filter, seed):
    source, ours, theirs = prepare(before, opts, filter)
    changes = History(source).play(history).changes
    chance = random.Random(seed)
    shuffled = changes + [change for change in changes if chance.random() < 0.3]
    chance.shuffle(shuffled)

    replay(source, ours, shuffled, opts, filter)
    assume(not full(source, theirs, opts, filter).failures)

    assert shape(ours, opts) == shape(theirs, opts)


@given(before=histories, history=histories, opts=options, filter=filters, lost=paths)
def test_a_gap_stands_for_what_was_lost_below_it(before, history, opts, filter, lost):
    source, ours, theirs = prepare(before, opts, filter)
    kept = []
    for change in History(source).play(history).changes:
        ends = change if isinstance(change, Moved) else (change.path,)
        if not all(is_within(path, lost) for path in ends):
            kept.append(change)

    replay(source, ours, [*kept, Gap(lost, "overflow")], opts, filter)
    assume(not full(source, theirs, opts, filter).failures)

    assert shape(ours, opts) == shape(theirs, opts)


@given(before=histories, history=histories, opts=options, cut=st.integers(0, 30))
def test_replaying_again_after_a_crash_changes_nothing(before, history, opts, cut):
    """The checkpoint may lag behind what was applied, by any number of records."""
    source, ours, _ = prepare(before, opts, EVERYTHING)
    past = History(source)
    past.play(history[:cut])
    replay(source, ours, past.changes, opts, EVERYTHING)
    past.play(history[cut:])
    replay(source, ours, past.changes, opts, EVERYTHING)
    replay(source, ours, past.changes, opts, EVERYTHING)

    assert mirror(source, ours, opts, EVERYTHING).plan(Scope.everything()).actions == ()


@given(before=histories, history=histories, opts=options)
def test_compacted_records_cover_what_they_replace(before, history, opts):
    source, ours, theirs = prepare(before, opts, EVERYTHING)
    changes = History(source).play(history).changes
    fewer = [decode(record) for record in compact([encode(change) for change in changes])]
    assert len(fewer) <= len(changes)

    replay(source, ours, fewer, opts, EVERYTHING)
    full(source, theirs, opts, EVERYTHING)
    assert shape(ours, opts) == shape(theirs, opts)


@given(before=histories, history=histories, filter=filters)
def test_what_is_excluded_survives(before, history, filter):
    source, ours, _ = prepare(before, ARCHIVE, filter)
    History(source).play(history)
    excluded = {
        path
        for path, entry in ours.entries().items()
        if not filter.includes(path, is_directory=entry.is_directory)
    }
    full(source, ours, ARCHIVE, filter)
    assert excluded <= set(ours.entries())


def test_a_moved_directory_is_one_rename():
    source = MemoryTree(ARCHIVE)
    for number in range(50):
        source.write(f"big/sub/{number}", b"x")
    ours = MemoryTree(ARCHIVE)
    full(source, ours, ARCHIVE, EVERYTHING)
    past = History(source).play([("mkdir", "a"), ("move", "big", "a/b")])

    report = replay(source, ours, past.changes, ARCHIVE, EVERYTHING)

    assert report.done[Verb.RENAME] == 1
    assert report.done[Verb.CREATE] == 1  # the directory a
    assert report.done[Verb.DELETE] == report.bytes == 0


def test_a_rename_within_a_renamed_directory_does_not_cost_the_rename():
    source = MemoryTree(ARCHIVE)
    for number in range(50):
        source.write(f"big/{number}", b"x")
    ours = MemoryTree(ARCHIVE)
    full(source, ours, ARCHIVE, EVERYTHING)
    past = History(source).play(
        [("move", "big", "d"), ("write", "d/1.new", b"yy"), ("move", "d/1.new", "d/1")]
    )

    report = replay(source, ours, past.changes, ARCHIVE, EVERYTHING)

    assert report.done[Verb.RENAME] == 1
    assert report.bytes == 2


def test_a_gap_is_a_subtree_and_nothing_else():
    folded = fold([Gap("x/y", "overflow"), Dirty("z")])
    assert folded.scope.covers("x/y/anything/below")
    assert folded.scope.covers("z")
    assert not folded.scope.covers("x/other")
    assert not folded.scope.covers("z/below")


@pytest.mark.parametrize("name", NAMES)
def test_a_failing_file_does_not_stop_the_rest(name):
    source, ours = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE)
    for other in NAMES:
        source.write(other, b"content of " + other.encode())
    source.fail("open", name, Trouble.DENIED, None)
    ours.write("stale", b"old")

    report = full(source, ours, ARCHIVE, EVERYTHING)

    assert set(report.failures) == {name}
    assert "stale" in ours.entries(), "nothing is deleted after an error"
    assert report.unfinished() == {name, "stale"}
    source.heal()
    full(source, ours, ARCHIVE, EVERYTHING)
    assert shape(ours, ARCHIVE) == shape(source, ARCHIVE)


def test_what_failed_below_a_directory_is_not_forgotten_when_that_is_renamed():
    source, ours = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE)
    source.write("a/x", b"old")
    full(source, ours, ARCHIVE, EVERYTHING)
    past = History(source).play([("write", "a/x", b"newer")])
    source.fail("open", "a/x", Trouble.DENIED, None)
    owed = replay(source, ours, past.changes, ARCHIVE, EVERYTHING).unfinished()
    assert owed == {"a/x"}
    source.heal()
    later = History(source).play([("move", "a", "b")]).changes

    folded = fold(later, owed)
    mirror(source, ours, ARCHIVE, EVERYTHING).run(folded.scope, folded.hints)

    assert ours.data("b/x") == b"newer"
