"""What is in doubt after a failed flush covers all that was written, wherever renames took it."""

from hypothesis import given
from hypothesis import strategies as st

from mirrorfs.core import doubt
from mirrorfs.core.doubt import Written, bounded, covers, remaining
from mirrorfs.core.plan import Action, Outcome, Stage, Status, Verb
from mirrorfs.core.tree import Entry, Kind, is_within, moved

FILE = Entry(Kind.FILE, size=1)
paths = st.lists(st.sampled_from("ab"), min_size=1, max_size=4).map("/".join)


def wrote(path: str, status: Status = Status.DONE) -> Outcome:
    return Outcome(Action(Verb.CREATE, Stage.CONTENT, path, FILE, None, ""), status)


def renamed(origin: str, path: str) -> Outcome:
    return Outcome(Action(Verb.RENAME, Stage.RENAME, path, FILE, FILE, "", origin), Status.DONE)


@given(st.lists(paths | st.tuples(paths, paths), max_size=12), st.integers(0, 20))
def test_nothing_that_was_written_is_forgotten(steps, most):
    written, model, before = Written(), set(), doubt.MOST
    doubt.MOST = most
    try:
        for step in steps:
            if isinstance(step, str):
                written.hear([wrote(step)])
                model.add(step)
            else:
                written.hear([renamed(*step)])
                model |= {moved(path, *step) for path in model if is_within(path, step[0])}
    finally:
        doubt.MOST = before
    doubts = written.take()
    assert all(covers(doubts, path) for path in model)
    assert written.take() == set()


def test_what_was_not_done_is_not_in_doubt():
    written = Written()
    written.hear([wrote("a", Status.FAILED), wrote("b"), renamed("c", "d")])
    assert written.take() == {"b"}


@given(st.sets(paths), st.integers(0, 30))
def test_too_many_paths_are_known_by_their_directories(doubts, most):
    kept = bounded(doubts, most)
    assert sum(map(len, kept)) <= most
    assert all(covers(kept, path) for path in doubts)


@given(st.sets(paths), st.sets(paths))
def test_what_is_owed_stays_in_doubt(doubts, owed):
    """Below an owed directory nothing was looked at."""
    left = remaining(doubts, owed)
    for path in doubts | owed:
        if covers(doubts, path) and covers(owed, path):
            assert covers(left, path)
        if covers(left, path):
            assert covers(doubts, path)
