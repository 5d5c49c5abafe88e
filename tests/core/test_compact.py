"""Fewer records that cover no less."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.history import History, histories
from support.scopes import contains, is_deep

from mirrorfs.core.change import Clean, Cookie, Dirty, Gap, Moved, Ready, decode, encode
from mirrorfs.core.compact import CROWD, compact
from mirrorfs.core.fold import fold
from mirrorfs.trees.memory import MemoryTree


def folded(records):
    return fold(change for record in records if (change := decode(record)))


def test_ten_thousand_ranges_of_a_journal_are_covered():
    chance = random.Random(7)
    names = [f"{a}/{b}{c}" for a in "abc" for b in "xy" for c in ("", "/u", "/v")] + list("abc")
    make = [
        lambda: Dirty(chance.choice(names), chance.random() < 0.1),
        lambda: Dirty(chance.choice(names)),
        lambda: Dirty(chance.choice(names)),
        lambda: Moved(*chance.sample(names, 2)),
        lambda: Gap(chance.choice(names), "overflow"),
    ]
    records = [
        encode(chance.choices(make, weights=[20, 20, 20, 4, 1])[0]()) for _ in range(2000)
    ]  # fmt: skip
    fewer = 0
    for _ in range(10_000):
        start = chance.randrange(len(records))
        some = records[start : start + chance.randint(0, 12)]
        compacted = compact(some)
        assert len(compacted) <= len(some)
        fewer += len(some) - len(compacted)
        assert contains(folded(compacted).scope, folded(some).scope), some
    assert fewer > 1000, "it is worth its name"


@given(history=histories, cut=st.integers(0, 30))
def test_compacting_in_parts_covers_too(history, cut):
    records = [encode(change) for change in History(MemoryTree()).play(history).changes]
    parts = compact([*compact(records[:cut]), *records[cut:]])
    assert contains(folded(parts).scope, folded(records).scope)
    assert contains(folded(compact(parts)).scope, folded(parts).scope)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param([Dirty("a"), Dirty("a")], [Dirty("a")], id="a repeat"),
        pytest.param([Dirty("a", True), Dirty("a/b/c")], [Dirty("a", True)], id="in a subtree"),
        pytest.param([Dirty("a", True), Dirty("a")], [Dirty("a", True)], id="its top"),
        pytest.param([Cookie("x"), Clean(), Dirty("a")], [Dirty("a")], id="of no content"),
        pytest.param([Moved("a", "b"), Dirty("c")], [Moved("a", "b"), Dirty("c")], id="renames"),
        pytest.param([Ready(), Gap("a", "x")], [Ready(), Gap("a", "x")], id="gaps stay"),
        pytest.param([Dirty(f"a/{n}") for n in range(CROWD + 1)], [Dirty("a", True)], id="crowd"),
        pytest.param([Dirty(f"a/{n}") for n in range(CROWD)],
                     [Dirty(f"a/{n}") for n in range(CROWD)],
                     id="not yet a crowd"),
    ],
)  # fmt: skip
def test_what_goes_and_what_stays(records, expected):
    assert [decode(record) for record in compact([encode(c) for c in records])] == expected


def test_a_record_that_is_refused_becomes_a_gap_and_a_newer_one_too():
    assert is_deep(folded(compact([["rubbish"]])).scope, "")
    assert is_deep(folded(compact([[0x7F]])).scope, "")
    assert compact([[0x3F, "harmless"]]) == []
