"""Names that differ in spelling only: what is matched, what is told apart, and where it lies."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.history import History
from support.mirroring import mirror

from mirrorfs.core.fold import fold
from mirrorfs.core.options import Options
from mirrorfs.core.plan import Verb
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Kind, Trouble
from mirrorfs.trees.memory import MemoryTree

ALL = Scope.everything()
ONE, TWO = "\u00e9", "e\u0301"  # é, composed and not
NORMALISED = Options(normalise_names=True)
FOLDED = Options(normalise_names=True, fold_names=True)
FIXED = Options(normalise_names=True, fold_names=True, fix_case=True)


def tree(*names, data=b"x", mtime=5):
    made = MemoryTree()
    for name in names:
        above = name.rpartition("/")[0]
        if above and made.find(above) is None:
            made.mkdir(above)
        made.write(name, data, mtime_ns=mtime)
    return made


def files(made):
    found = made.entries().items()
    return {path: made.data(path) for path, entry in found if entry.kind is Kind.FILE}


def steps(source, destination, opts):
    plan = mirror(source, destination, opts).plan(ALL)
    return [(action.verb, action.path) for action in plan.actions]


def synced(source, destination, opts):
    report = mirror(source, destination, opts).run(ALL)
    assert not report.failures
    assert mirror(source, destination, opts).plan(ALL).actions == ()
    return report


def test_a_matched_name_keeps_the_destinations_spelling():
    source, destination = tree(f"{ONE}/{TWO}", data=b"new"), tree(f"{TWO}/{ONE}", data=b"old!")
    synced(source, destination, NORMALISED)
    assert files(destination) == {f"{TWO}/{ONE}": b"new"}


def test_equal_content_under_another_spelling_is_not_copied():
    source, destination = tree(f"{ONE}/f", mtime=6), tree(f"{TWO}/f")
    assert synced(source, destination, NORMALISED).bytes == 0
    assert destination.find(f"{TWO}/f").entry.mtime_ns == 6


def test_names_are_bytes_unless_asked():
    source, destination = tree(ONE), tree(TWO)
    synced(source, destination, Options())
    assert files(destination) == {ONE: b"x"}


@pytest.mark.parametrize("there", [(), (ONE,), (TWO,), (ONE, TWO)])
def test_two_spellings_in_the_source_are_two_names(there):
    source, destination = tree(ONE, TWO), tree(*there, data=b"old!")
    synced(source, destination, NORMALISED)
    assert files(destination) == files(source)


def test_one_of_two_spellings_goes_when_the_source_has_one():
    destination = tree(ONE, TWO)
    synced(tree(TWO), destination, NORMALISED)
    assert files(destination) == {TWO: b"x"}


def test_what_is_new_below_a_respelled_directory_goes_there():
    destination = tree(f"{TWO}/old")
    synced(tree(f"{ONE}/new", f"{ONE}/old"), destination, NORMALISED)
    assert set(files(destination)) == {f"{TWO}/new", f"{TWO}/old"}


def test_a_file_and_a_directory_do_not_match():
    destination = tree(TWO)
    synced(tree(f"{ONE}/f"), destination, NORMALISED)
    assert set(files(destination)) == {f"{ONE}/f"}


def test_what_cannot_be_read_may_be_that_very_name():
    source, destination = tree(ONE), tree(TWO)
    source.fail("entry", ONE, Trouble.DENIED, None)
    report = mirror(source, destination, NORMALISED).run(ALL)
    assert set(report.failures) == {ONE}
    assert set(files(destination)) == {TWO}


def test_case_counts_unless_asked():
    destination = tree("A/B")
    synced(tree("a/b"), destination, NORMALISED)
    assert set(files(destination)) == {"a/b"}


def test_case_may_be_ignored():
    destination = tree("A/B", data=b"old!")
    synced(tree("a/b"), destination, FOLDED)
    assert files(destination) == {"A/B": b"x"}


def test_case_may_be_fixed():
    source, destination = tree("a/b", "a/c"), tree("A/B", "A/c")
    report = synced(source, destination, FIXED)
    assert files(destination) == files(source)
    assert report.done[Verb.RENAME] == 2
    assert report.bytes == 0


def test_doubles_are_ignored_on_either_side():
    source, destination = tree("A", "a", data=b"new"), tree("A", "a")
    report = mirror(source, destination, FOLDED).run(ALL)
    assert files(destination) == {"A": b"new", "a": b"x"}
    assert {(notice.path, notice.message) for notice in report.notices} == {
        ("a", "Duplicate file found in source - ignoring"),
        ("a", "Duplicate file found in destination - ignoring"),
    }


def test_ascii_names_are_not_even_looked_at(monkeypatch):
    source, destination = tree("a", "b/c"), tree("b/d", "e")
    with monkeypatch.context() as patched:  # pytest normalises, too
        patched.setattr(unicodedata, "normalize", lambda form, name: pytest.fail(name))
        synced(source, destination, NORMALISED)


NAMES = [ONE, TWO, ONE.upper(), TWO.upper(), "e", "E"]
paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)
places = st.one_of(st.integers(0, 20), paths)
histories = st.lists(
    st.one_of(
        st.tuples(st.just("write"), places, st.binary(max_size=2)),
        st.tuples(st.just("mkdir"), places),
        st.tuples(st.just("move"), places, places),
        st.tuples(st.just("remove"), places),
    ),
    max_size=15,
)
spellings = st.sampled_from([NORMALISED, FOLDED, FIXED])


@given(theirs=histories, ours=histories, opts=spellings)
def test_planning_again_gives_nothing(theirs, ours, opts):
    source, destination = MemoryTree(), MemoryTree()
    destination._clock += 10**6
    History(source).play(theirs)
    History(destination).play(ours)
    synced(source, destination, opts)


@given(before=histories, ours=histories, after=histories, opts=spellings)
def test_replay_ends_where_comparing_everything_ends(before, ours, after, opts):
    source, destination = MemoryTree(), MemoryTree()
    destination._clock += 10**6
    History(destination).play(ours)
    History(source).play(before)
    synced(source, destination, opts)
    changes = History(source).play(after).changes
    folded = fold(changes)
    mirror(source, destination, opts).run(folded.scope, folded.hints)
    assert mirror(source, destination, opts).plan(ALL).actions == ()
