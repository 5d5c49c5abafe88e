"""Events that are read together come to what they come to one by one: nothing less is looked at."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorfs.core.change import Dirty, Moved
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
NAMES = [b"a", b"b", b"c"]
Event = tuple[int, int, bytes, int]

directories = st.sampled_from([ROOT, A, B, BELOW])
names = st.sampled_from(NAMES)
kinds = st.sampled_from([0, ISDIR])
of_names = st.builds(
    lambda wd, mask, name: [(wd, mask, name, 0)],
    directories,
    st.sampled_from([ATTRIB, CLOSE_WRITE, CREATE, DELETE, MODIFY]),
    names,
)
of_directories = st.builds(
    lambda wd, mask, name: [(wd, mask | ISDIR, name, 0)],
    directories,
    st.sampled_from([ATTRIB, CREATE, DELETE]),
    names,
)
half = st.builds(
    lambda wd, mask, name, kind: [(wd, mask | kind, name, -1)],
    directories,
    st.sampled_from([MOVED_FROM, MOVED_TO]),
    names,
    kinds,
)
rename = st.builds(
    lambda wd, name, onto, other, kind: [
        (wd, MOVED_FROM | kind, name, -1),
        (onto, MOVED_TO | kind, other, -1),
    ],
    directories,
    names,
    directories,
    names,
    kinds,
)
ended = st.builds(lambda wd: [(wd, IGNORED, b"", 0)], st.sampled_from([A, B, BELOW]))
reads = st.lists(
    st.one_of(of_names, of_names, of_names, of_directories, half, rename, ended), max_size=25
)


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


def looked_at(reads: list[bytes], sifting: Sift) -> tuple[set[str], set[str]]:
    """(names that are or will be looked at, both ends of renames) of a tree with a, a/c and b."""
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
    for change in batch.take(watches):
        if isinstance(change, Dirty):
            named.add(change.path)
        elif isinstance(change, Moved):
            moved.update(change)
    return named, moved


@given(reads)
def test_what_is_read_together_is_looked_at_as_what_is_read_alone(acts: list[list[Event]]) -> None:
    told = events(acts)
    alone, moved_alone = looked_at(told, single)
    for sifting in (plain, sift):
        named, moved = looked_at([b"".join(told)], sifting)
        assert moved == moved_alone
        assert named | moved == alone | moved


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
    named, moved = looked_at([b"".join(told)], sift)
    assert moved == {"a", "b/z"}
    assert {"b/z/before", "b/z/after"} <= named
