"""Conformance: what a tree shows."""

import pytest

from mirrorfs.core.tree import Failure, Kind, TreeError, Trouble
from mirrorfs.trees.base import Tree

HOSTILE = [
    "\udcff\udcfe",
    "new\nline",
    "\x1b[31mred",
    " ",
    "-rf",
    "*",
    "\\",
    "é",
    "e\u0301",
    "n" * 255,
    "." * 3,
    ".mirrorfs-ffffffff-00000000.tmp",
    ".mirrorfs-00000000-0000000.tmp",
    ".mirrorfs-00000000-00000000.tmp.txt",
]


def test_an_entry_shows_its_kind_size_and_times(world):
    world.there.write("file", b"12345", mtime_ns=1_600_000_000_123_456_789)
    world.there.mkdir("directory")
    world.there.symlink("link", "any\udcffwhere")
    world.there.special("fifo")
    entries = world.source.read("").entries
    assert {name: entry.kind for name, entry in entries.items()} == {
        "file": Kind.FILE,
        "directory": Kind.DIRECTORY,
        "link": Kind.SYMLINK,
        "fifo": Kind.FIFO,
    }
    assert entries["file"].size == 5
    assert entries["file"].mtime_ns == 1_600_000_000_123_456_789
    assert entries["file"].xattrs == ()
    assert entries["link"].target == "any\udcffwhere"
    assert [entries[name].size for name in ("directory", "link", "fifo")] == [0, 0, 0]
    assert len({entry.inode for entry in entries.values()} - {0}) == 4


def test_the_root_is_a_directory(world):
    assert world.source.root().kind is Kind.DIRECTORY


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_survives_reading_and_transfer(world, name):
    world.there.write(f"{name}/{name}", b"x")
    assert list(world.source.read("").entries) == [name]
    assert list(world.source.read("", [name]).entries) == [name]
    assert world.create(name).status == "done"
    assert world.create(f"{name}/{name}").status == "done"
    assert world.here.data(f"{name}/{name}") == b"x"


def test_names_are_looked_at_without_the_others(world):
    world.there.write("a", b"1")
    world.there.write("b", b"2")
    listing = world.source.read("", ["b", "gone"])
    assert list(listing.entries) == ["b"]
    assert not listing.failures
    assert listing.entries["b"] == world.source.read("").entries["b"]


@pytest.mark.parametrize("path", ["gone", "directory/gone"])
def test_an_absent_directory_is_absent(world, path):
    world.there.mkdir("directory")
    assert trouble(world.source, path) is Trouble.ABSENT
    assert trouble(world.source, path, ["name"]) is Trouble.ABSENT


@pytest.mark.parametrize("path", ["file", "link", "link/below", "file/below"])
def test_what_is_no_directory_is_not_read_through(world, path):
    world.there.write("file")
    world.there.mkdir("elsewhere/below")
    world.there.symlink("link", "elsewhere")
    assert trouble(world.source, path) is Trouble.LOOP


def test_a_directory_that_was_replaced_is_read_anew(world):
    world.there.write("d/old")
    assert list(world.source.read("d").entries) == ["old"]
    world.there.remove("d")
    assert trouble(world.source, "d", ["old"]) is Trouble.ABSENT
    world.there.write("d/new")
    assert list(world.source.read("d", ["old", "new"]).entries) == ["new"]
    assert list(world.source.read("d").entries) == ["new"]


def test_content_is_read_to_its_end(world):
    world.there.write("d/file", b"abc")
    with world.source.open("d/file") as content:
        before = content.stat()
        assert before == world.at("d/file", world.source)
        assert content.read(2) == b"ab"
        assert content.read(2) == b"c"
        assert content.read(2) == b""
        assert not content.changed_since(before)
        world.there.write("d/file", b"abcd")
        assert content.changed_since(before)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("gone", Trouble.ABSENT),
        ("gone/file", Trouble.ABSENT),
        ("link", Trouble.LOOP),
        ("link/file", Trouble.LOOP),
        ("fifo", Trouble.UNSTABLE),
        ("directory", Trouble.UNSTABLE),
    ],
)
def test_only_a_regular_file_is_opened(world, path, expected):
    world.there.write("directory/file")
    world.there.symlink("link", "directory")
    world.there.special("fifo")
    with pytest.raises(TreeError) as caught:
        world.source.open(path)
    assert caught.value.trouble is expected


def test_same_content_tells_equal_from_different(world):
    big = b"x" * (3 << 20)
    for name, there, here in [
        ("d/equal", b"same", b"same"),
        ("d/empty", b"", b""),
        ("d/differs", b"same", b"sane"),
        ("d/longer", b"same", b"samee"),
        ("d/big", big, big),
        ("d/big-differs", big, big[:-1] + b"y"),
        ("d/exact", big[: 1 << 20], big[: 1 << 20]),
    ]:
        world.there.write(name, there)
        world.here.write(name, here)
    world.there.write("d/only-there")
    names = [*world.source.read("d").entries]
    answers = world.source.same_content("d", names, world.destination)
    absent = answers.pop("only-there")
    assert isinstance(absent, Failure)
    assert absent.trouble is Trouble.ABSENT
    assert {name for name, same in answers.items() if same is True} == {
        "equal",
        "empty",
        "big",
        "exact",
    }
    assert all(same in (True, False) for same in answers.values())


def test_an_identity_stays(world):
    first = world.source.identity()
    world.there.write("file")
    world.source.begin()
    assert world.source.identity() == first


def trouble(tree: Tree, path: str, names: list[str] | None = None) -> Trouble:
    with pytest.raises(TreeError) as caught:
        tree.read(path, names)
    assert caught.value.failure.path == path or path.startswith(caught.value.failure.path)
    return caught.value.trouble
