"""Events that are read together come to what they come to one by one: nothing less is looked at."""

import random
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mirrorfs.core.change import Dirty, Moved
from mirrorfs.core.fold import fold
from mirrorfs.core.scope import Scope
from mirrorfs.watch import Pace, translate
from mirrorfs.watch.batch import Batch
from mirrorfs.watch.inotify import (
    ATTRIB,
    CLOSE_WRITE,
    CREATE,
    DELETE,
    IGNORED,
    ISDIR,
    MODIFY,
    MOVED_FROM,
    MOVED_TO,
    decode,
)
from mirrorfs.watch.settle import Settling
from mirrorfs.watch.sift import Names, Sift, Sifted, plain, sift
from mirrorfs.watch.translate import Translator
from mirrorfs.watch.watches import Node, Watches

ROOT, A, B, BELOW = 1, 2, 3, 4
PLAIN = [ATTRIB, CLOSE_WRITE, CREATE, DELETE, MODIFY]
Event = tuple[int, int, bytes, int]


def history(seed: int) -> list[list[Event]]:
    """Mostly of names in a few directories, which are renamed, made and removed themselves; a
    cookie that is not 0 stands for that of the rename."""
    rng = random.Random(seed)

    def one() -> list[Event]:
        wd, onto = rng.choice([ROOT, A, B, BELOW]), rng.choice([ROOT, A, B, BELOW])
        kind = rng.choice([0, ISDIR])
        name, other = (rng.choice([b"a", b"b", b"c"] if kind else [b"f", b"g"]) for _ in range(2))
        match rng.randrange(40):
            case 0:
                return [(rng.choice([A, B, BELOW]), IGNORED, b"", 0)]
            case 1:
                return [(wd, rng.choice([MOVED_FROM, MOVED_TO]) | kind, name, -1)]
            case 2 | 3 | 4:
                return [(wd, MOVED_FROM | kind, name, -1), (onto, MOVED_TO | kind, other, -1)]
            case 5:
                return [(wd, rng.choice([ATTRIB, CREATE, DELETE]) | kind, name, 0)]
            case _:
                return [(wd, rng.choice(PLAIN), rng.choice([b"a", b"f", b"g"]), 0)]

    return [one() for _ in range(rng.randrange(1, 40))]


def events(acts: list[list[Event]]) -> list[bytes]:
    told = []
    for cookie, act in enumerate(acts, 1):
        for wd, mask, name, renames in act:
            padded = name.ljust(16, b"\0") if name else b""
            told.append(
                struct.pack("iIII", wd, mask, cookie if renames else 0, len(padded)) + padded
            )
    return told


def single(data: bytes, cookies: int) -> Sifted:
    """What one event alone comes to."""
    [(wd, mask, cookie, name)] = decode(data)
    told: Names = {wd: {name: None}}
    if mask in (CLOSE_WRITE, DELETE):
        return 1, told, {}, {}, []
    if mask == ATTRIB:
        return 1, {}, told, {}, []
    if mask in (CREATE, MODIFY):
        return 1, {}, {}, {wd: {name: mask == MODIFY}}, []
    return 1, {}, {}, {}, [(wd, mask, cookie, name)]


def looked_at(reads: list[bytes], sifting: Sift) -> tuple[set[str], set[str], Scope]:
    """(names that are or will be looked at, both ends of renames, what a replay looks at) of a tree
    with a, a/c and b."""
    watches, batch, settling = Watches(ROOT), Batch(), Settling(Pace())
    above = {A: (watches.root, "a"), B: (watches.root, "b")}
    for wd, (parent, name) in above.items():
        watches.place(Node(wd), parent, name)
    watches.place(Node(BELOW), watches.nodes[A], "c")
    translator = Translator(watches, batch, settling, Pace(), None, None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(translate, "sift", sifting)
        for data in reads:
            translator.feed(data, 1.0)
    for late in translator.halves.expired(1e9):
        translator.alone(late)
    batch.looks(settling.drain())
    batch.catch_up()
    named: set[str] = set()
    for node, below in translator.adopt.items():
        path = watches.path(node)
        if path is not None:
            named.update(f"{path}/{name}".lstrip("/") for name in below)
    moved: set[str] = set()
    changes = batch.take(watches)
    for change in changes:
        if isinstance(change, Dirty):
            named.add(change.path)
        elif isinstance(change, Moved):
            moved.update(change)
    return named, moved, fold(changes).scope


@given(st.integers(0, 2**32))
@example(3174521)  # what was written to and renamed over lies in a directory that is renamed, too
def test_what_is_read_together_is_looked_at_as_what_is_read_alone(seed: int) -> None:
    told = events(history(seed))
    alone, moved_alone, _ = looked_at(told, single)
    for sifting in (plain, sift):
        named, moved, scope = looked_at([b"".join(told)], sifting)
        assert moved == moved_alone
        assert named <= alone | moved
        # What was renamed is looked at wherever it ends.
        assert [path for path in alone - named - moved if not scope.covers(path)] == []


def test_no_name_goes_astray_with_a_directory_that_is_renamed() -> None:
    """A file made in it before, and one after, in one read."""
    told = events(
        [
            [(A, CREATE, b"before", 0)],
            [(A, CLOSE_WRITE, b"before", 0)],
            [(ROOT, MOVED_FROM | ISDIR, b"a", -1), (B, MOVED_TO | ISDIR, b"z", -1)],
            [(A, CREATE, b"after", 0)],
            [(A, CLOSE_WRITE, b"after", 0)],
        ]
    )
    named, moved, _ = looked_at([b"".join(told)], sift)
    assert moved == {"a", "b/z"}
    assert {"b/z/before", "b/z/after"} <= named
