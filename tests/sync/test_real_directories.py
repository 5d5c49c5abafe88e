"""The laws on real directories: replay ends where a full comparison ends, in any order of the
records; what was applied leaves nothing to do; and what is none of the mirror's business stays."""

import contextlib
import itertools
import os
import random
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.history import History, histories
from support.mirroring import (
    ARCHIVE,
    WITHOUT_A,
    WITHOUT_A_D,
    WITHOUT_TMP,
    full,
    mirror,
    replay,
)
from support.real import RealTree

from mirrorfs.core.change import Moved
from mirrorfs.core.filter import EVERYTHING
from mirrorfs.core.options import Links, Options
from mirrorfs.core.preview import Preview, Shown, Side
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Kind, join
from mirrorfs.trees.local import LocalTree

options = st.sampled_from([ARCHIVE, Options(), Options(links=Links.KEEP, permissions=True)])
filters = st.sampled_from([EVERYTHING, WITHOUT_TMP, WITHOUT_A, WITHOUT_A_D])
ALL = Scope.everything()


@contextlib.contextmanager
def places():
    with tempfile.TemporaryDirectory() as top:
        yield [Path(top, name) for name in ("source", "ours", "theirs")]


@contextlib.contextmanager
def opened(source, destination, opts):
    with (
        LocalTree(source, opts) as reading,
        LocalTree(destination, opts, writable=True, fsync="never") as writing,
    ):
        yield reading, writing


@given(before=histories, history=histories, opts=options, filter=filters, seed=st.integers(0, 9),
       transfers=st.sampled_from([1, 4]))  # fmt: skip
def test_replay_in_any_order_equals_full_comparison(before, history, opts, filter, seed, transfers):
    with places() as (source, *destinations):
        past = History(RealTree(source)).play(before)
        for destination in destinations:
            RealTree(destination)
            with opened(source, destination, opts) as trees:
                assume(not full(*trees, opts, filter, transfers=transfers).failures)
        past.changes.clear()
        changes = past.play(history).changes
        chance = random.Random(seed)
        shuffled = changes + [change for change in changes if chance.random() < 0.3]
        chance.shuffle(shuffled)

        ours, theirs = destinations
        with opened(source, ours, opts) as trees:
            report = replay(*trees, shuffled, opts, filter)
        with opened(source, theirs, opts) as trees:
            failures = full(*trees, opts, filter, transfers=transfers).failures
        assert report.failures.keys() == failures.keys()
        assume(not failures)

        shapes = [RealTree(root).shape(modes=opts.permissions) for root in destinations]
        for shape in shapes:
            shape.pop("")  # not part of rclone's kind of sync
        assert shapes[0] == shapes[1]
        with opened(source, ours, opts) as trees:
            assert mirror(*trees, opts, filter).plan(ALL).actions == ()
        if filter is EVERYTHING and opts is ARCHIVE:
            assert RealTree(ours).shape(modes=True) == RealTree(source).shape(modes=True)


@given(shared=histories, theirs=histories, ours=histories, opts=options, filter=filters)
def test_two_unrelated_directories(shared, theirs, ours, opts, filter):
    with places() as (source, destination, _):
        for root, past in ((source, theirs), (destination, ours)):
            tree = RealTree(root)
            History(tree).play(shared)
            History(tree).play(past)
        untouched = RealTree(source).shape(modes=True)
        excluded = {
            path: entry
            for path, entry in RealTree(destination).entries().items()
            if not filter.includes(path, is_directory=entry.is_directory)
        }
        with opened(source, destination, opts) as trees:
            both = mirror(*trees, opts, filter, ignore_errors=True)
            failures = both.run(ALL).failures
            again = both.plan(ALL)
        assert again.actions == ()
        assert {failure.path for failure in again.failures} == failures.keys()
        assert RealTree(source).shape(modes=True) == untouched
        after = RealTree(destination).entries()
        assert {path: after.get(path) for path in excluded} == excluded


@given(before=histories, history=histories)
def test_the_preview_shows_what_will_be(before, history):
    with places() as (source, destination, _):
        past = History(RealTree(source)).play(before)
        RealTree(destination)
        with opened(source, destination, ARCHIVE) as trees:
            full(*trees, ARCHIVE)
        past.changes.clear()
        past.play(history)
        with opened(source, destination, ARCHIVE) as trees:
            preview = Preview(mirror(*trees, ARCHIVE).plan(ALL).actions, ARCHIVE)
            shown = dict(walk(preview, trees[1], source, destination))
            replay(*trees, past.changes, ARCHIVE)
        expected = RealTree(destination).shape(modes=True)
        expected.pop("")
        assert {path: look[:1] + look[2:] for path, look in shown.items()} == {
            path: look[:1] + look[2:] for path, look in expected.items()
        }


def walk(preview, reading, source, destination, directory=""):
    place = preview.where(directory)
    new = isinstance(place, Shown) and place.side is Side.NEITHER
    now = {} if new else reading.read(place.path).entries
    for name, shown in preview.after(directory, now).items():
        path, entry = join(directory, name), shown.entry
        root = source if shown.side is Side.SOURCE else destination
        data = (root / shown.path).read_bytes() if entry.kind is Kind.FILE else b""
        yield path, (entry.kind, entry.mode, entry.mtime_ns, entry.target, entry.rdev, data)
        if entry.is_directory:
            yield from walk(preview, reading, source, destination, path)


def make_socket(place):
    with socket.socket(socket.AF_UNIX) as made:
        here = os.open(place.parent, os.O_PATH)
        try:
            made.bind(f"/proc/self/fd/{here}/{place.name}")  # a long path would not fit
        finally:
            os.close(here)


def make_full(place):
    place.mkdir()
    (place / "inside").write_bytes(b"1")
    (place / "sub").mkdir()
    (place / "sub" / "link").symlink_to("x")


def make_linked(place):
    """A file with another name, outside the tree."""
    place.write_bytes(b"content of several names")
    os.link(place, place.parent.parent / f"{place.parent.name} {place.name}")


MAKE = {
    "nothing": lambda place: None,
    "file": lambda place: place.write_bytes(b"content"),
    "full": make_full,
    "empty": lambda place: place.mkdir(),
    "link": lambda place: place.symlink_to("target"),
    "fifo": os.mkfifo,
    "socket": make_socket,
    "named elsewhere": make_linked,
}


def test_every_kind_in_the_place_of_every_other(tmp_path):
    source, destination = tmp_path / "source", tmp_path / "destination"
    for root in (source, destination):
        root.mkdir()
    for theirs, ours in itertools.product(MAKE, MAKE):
        MAKE[theirs](source / f"{theirs} for {ours}")
        MAKE[ours](destination / f"{theirs} for {ours}")
    with opened(source, destination, ARCHIVE) as trees:
        assert not full(*trees, ARCHIVE).failures
        assert mirror(*trees, ARCHIVE).plan(ALL).actions == ()
    assert RealTree(destination).shape(modes=True) == RealTree(source).shape(modes=True)


SWAPS = {
    "two": {"a": "b", "b": "a"},
    "three": {"a": "b", "b": "c", "c": "a"},
    "a chain": {"a": "b", "b": "c", "c": "d"},
    "a file and a directory": {"a": "full", "full": "a"},
    "two directories": {"full": "other", "other": "full"},
    "into what was below": {"full/sub": "sub", "full": "sub/full"},
}


@pytest.mark.parametrize("swap", SWAPS.values(), ids=SWAPS)
@pytest.mark.parametrize("opts", [ARCHIVE, Options()], ids=["archive", "plain"])
def test_names_that_take_each_others_place(tmp_path, swap, opts):
    source, destination = tmp_path / "source", tmp_path / "destination"
    for root in (source, destination):
        root.mkdir()
    for name in ("a", "b", "c"):
        (source / name).write_bytes(name.encode() * 100)
    make_full(source / "full")
    (source / "other").mkdir()
    (source / "other" / "inside").write_bytes(b"2")
    with opened(source, destination, opts) as trees:
        full(*trees, opts)
    changes = []
    for name in swap:  # aside, so that each is free
        (source / name).rename(tmp_path / f"aside-{name.replace('/', '-')}")
    for name, to in swap.items():
        (tmp_path / f"aside-{name.replace('/', '-')}").rename(source / to)
        changes.append(Moved(name, to))
    with opened(source, destination, opts) as trees:
        assert not replay(*trees, changes, opts).failures
        assert mirror(*trees, opts).plan(ALL).actions == ()
    if opts is ARCHIVE:
        assert RealTree(destination).shape(modes=True) == RealTree(source).shape(modes=True)


@pytest.mark.parametrize("opts", [ARCHIVE, Options(permissions=True)], ids=["archive", "plain"])
def test_a_name_elsewhere_keeps_what_it_has(tmp_path, opts):
    """A file of the destination may have a name that is none of the mirror's business."""
    source, destination, elsewhere = (tmp_path / name for name in ("source", "destination", "else"))
    for root in (source, destination):
        root.mkdir()
        (root / "file").write_bytes(b"content")
        os.utime(root / "file", ns=(1, 1))
    os.link(destination / "file", elsewhere)
    (source / "file").chmod(0o4777)
    before = elsewhere.stat()
    with opened(source, destination, opts) as trees:
        assert not full(*trees, opts).failures
        assert mirror(*trees, opts).plan(ALL).actions == ()
    assert (destination / "file").stat().st_mode & 0o7777 == 0o4777
    after = elsewhere.stat()
    assert (after.st_mode, after.st_uid, after.st_mtime_ns) == (
        before.st_mode,
        before.st_uid,
        before.st_mtime_ns,
    )
    assert elsewhere.read_bytes() == b"content"


@pytest.mark.parametrize(
    "name", [b"\xff\xfe", "é".encode(), b"a b", b"\x01", b"-", b"~", b"x" * 255]
)
def test_names_that_are_bytes(name, tmp_path):
    source, destination = tmp_path / "source", tmp_path / "destination"
    for root in (source, destination):
        root.mkdir()
    here = os.path.join(os.fsencode(source), name)
    os.mkdir(here)
    with open(os.path.join(here, name), "wb") as file:
        file.write(name)
    with opened(source, destination, ARCHIVE) as trees:
        assert not full(*trees, ARCHIVE).failures
    with open(os.path.join(os.fsencode(destination), name, name), "rb") as file:
        assert file.read() == name
