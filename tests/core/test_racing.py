"""The law, on a source that changes while it is looked at: whatever happens between two looks, the
records of it, and what is owed, lead to the tree a full comparison ends in."""

import random

from hypothesis import given
from hypothesis import strategies as st
from support.history import NAMES, History, histories, operations
from support.mirroring import ARCHIVE, full, mirror, shape

from mirrorfs.core.fold import fold
from mirrorfs.core.scope import Scope
from mirrorfs.trees.memory import MemoryTree

inside = st.tuples(st.integers(0, 30), st.sampled_from(NAMES))
# Most of it writes into directories, and moves those about.
write = st.tuples(st.just("write"), inside, st.binary(max_size=3))
mkdir = st.tuples(st.just("mkdir"), inside)
move = st.tuples(st.just("move"), st.integers(0, 3), inside)
long = st.lists(st.one_of(operations, write, write, mkdir, move, move), min_size=10, max_size=40)


class Live(MemoryTree):
    """Its user goes on while it is read: between two calls something may happen."""

    happens = staticmethod(lambda: None)

    def asked(self, call: str) -> None:
        super().asked(call)
        self.happens()


@given(before=histories, history=long, seed=st.integers(0, 99), pace=st.sampled_from([2, 5, 20]))
def test_what_happens_while_it_is_looked_at_is_not_lost(before, history, seed, pace):
    chance = random.Random(seed)
    source, ours, theirs = Live(ARCHIVE), MemoryTree(ARCHIVE), MemoryTree(ARCHIVE)
    History(source).play(before)
    full(source, ours, ARCHIVE)
    past, rest = History(source), list(history)

    def happen(times: int = 1) -> None:
        """What the history itself asks the tree is no look at it."""
        source.happens = lambda: None
        past.play(rest[:times])
        del rest[:times]
        source.happens = sometimes

    def sometimes() -> None:
        if not chance.randrange(pace):
            happen()

    pair = mirror(source, ours, ARCHIVE)
    read, owed = 0, {}
    while rest or owed or read < len(past.changes):
        happen(chance.randrange(3))
        records, read = past.changes[read:], len(past.changes)
        folded = fold(records, owed)
        report = pair.run(folded.scope, folded.hints)
        owed = {path: why for path, why in owed.items() if not folded.scope.covers(path)}
        owed |= report.owed()
        if owed and read == len(past.changes):
            owed = pair.run(Scope.of(subtrees=owed)).owed()

    source.happens = lambda: None
    full(source, theirs, ARCHIVE)
    assert shape(ours, ARCHIVE) == shape(theirs, ARCHIVE)
