"""What a directory is told as: its bytes, made in both ways, and how the kernel is told."""

import os
import stat
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.process import until
from support.view import View

from mirrorfs.core.preview import Shown, Side
from mirrorfs.core.tree import Entry, Kind
from mirrorfs.view.places import Area, Place
from mirrorfs.view.rows import compiled, plain
from mirrorfs.view.rows.plain import DOTS, Lasting, free_number

NS = st.integers(-(10**18), 4 * 10**18)
ENTRIES = st.builds(
    Entry,
    kind=st.sampled_from(Kind),
    size=st.integers(0, 1 << 50),
    mtime_ns=NS,
    mode=st.integers(0, 0o7777),
    uid=st.integers(0, (1 << 32) - 1),
    gid=st.integers(0, (1 << 32) - 1),
    target=st.sampled_from(["", "somewhere", "\udcff/\u00e9"]),
    rdev=st.integers(0, 1 << 40),
    links=st.integers(1, 65000),
    ctime_ns=NS,
    atime_ns=NS,
)
NAMES = st.binary(min_size=1, max_size=255).map(
    lambda raw: os.fsdecode(raw.replace(b"/", b"+").replace(b"\0", b"0"))
)
SHOWN = st.dictionaries(NAMES, st.builds(Shown, ENTRIES, st.sampled_from(Side), NAMES), max_size=8)
PLACES = st.builds(
    Place,
    st.sampled_from([Area.AFTER, Area.CREATE, Area.DELETE]),
    st.sampled_from(["", "a", "a/b \udcff"]),
)


@settings(max_examples=50)
@given(place=PLACES, shown=SHOWN, taken=st.booleans())
def test_both_ways_make_the_same_bytes(place, shown, taken):
    lasting = Lasting(5, 15, 100_000_000)
    wanted = plain.pack(place, shown, {}, lasting)
    known = {}
    if taken:  # by another name that has the same hash
        other = Place(Area.UPDATE, "other")
        known = {
            inode: (other, what)
            for inode, (_, what) in zip(wanted.numbers[DOTS:], wanted.seen, strict=True)
        }
        wanted = plain.pack(place, shown, known, lasting)
        assert not known.keys() & set(wanted.numbers[DOTS:])
    assert compiled.pack(place, shown, known, lasting) == wanted


@given(shown=SHOWN)
def test_a_row_is_found_by_its_start_and_offsets_rise(shown):
    place = Place(Area.AFTER, "d")
    listed = plain.pack(place, shown, {}, Lasting(1, 2, 3))
    assert listed.offsets == sorted(set(listed.offsets))
    assert len(listed.seen) == len(shown) and len(listed.rows) == listed.starts[-1]
    for index, (below, what) in enumerate(listed.seen, DOTS):
        name = below.path.removeprefix("d/")
        row = listed.rows[listed.starts[index] : listed.starts[index + 1]]
        assert below == Place(Area.AFTER, f"d/{name}") and what is shown[name]
        inode, offset, length, _ = struct.unpack_from("=QQII", row, 128)
        assert (inode, offset) == (listed.numbers[index], listed.offsets[index])
        assert inode == free_number(below, what.entry, {})
        assert os.fsdecode(row[152 : 152 + length]) == name


@pytest.mark.fuse
@pytest.mark.root
@pytest.mark.slow
def test_thousands_of_names_are_told_with_the_numbers_they_have(
    trees: tuple[Path, Path], point: Path, tmp_path: Path
) -> None:
    """They go through many answers."""
    source, destination = trees
    for number in range(3000):
        (source / "kept" / f"{number} {chr(97 + number % 26) * (number % 200)}").touch()
    with View(source, destination, point, state=tmp_path / "state") as view:
        many = view.after / "kept"
        with os.scandir(many) as found:
            told = {item.name: item.inode() for item in found}
        assert sorted(told) == sorted(os.listdir(source / "kept"))
        for _ in range(2):
            for name, inode in told.items():
                seen = os.lstat(many / name)
                assert (name, seen.st_ino) == (name, inode)
                assert stat.S_IFMT(seen.st_mode) == stat.S_IFMT(
                    os.lstat(source / "kept" / name).st_mode
                )
        (source / "kept" / "later").touch()
        until(lambda: "later" in os.listdir(many), "it follows")
        assert sorted(os.listdir(many)) == sorted(os.listdir(source / "kept"))
