"""Many names of one directory at once: as one by one, or left to that."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mirrorfs.core.tree import Entry, Kind
from mirrorfs.trees.local import at_once, native
from mirrorfs.trees.local.entry import entry_of

PREFIX = ".mirrorfs-00000000-"
ODD = ["", ".", "..", "a/b", "nul\0", "x" * 300, "\udcff", PREFIX + "1"]


@pytest.fixture(params=["plain", "native"])
def way(request: Any) -> Any:
    if request.param == "plain":
        return SimpleNamespace(
            look_at=at_once.plain_look_at, rename=at_once.plain_rename, remove=at_once.plain_remove
        )
    if (module := native.load()) is None:
        pytest.skip("nothing is compiled")
    return module


@pytest.fixture
def here(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def seen(path: Path) -> Entry:
    return entry_of(os.lstat(path))


@pytest.mark.parametrize("xattrs", [False, True])
def test_files_and_directories_are_seen_and_all_else_is_left(
    way: Any, here: int, tmp_path: Path, xattrs: bool
) -> None:
    many = [f"file-{number}" for number in range(1500)]
    for name in [*many, "\udcff", PREFIX + "1", "odd", "ancient"]:
        (tmp_path / name).write_text(name, errors="surrogateescape")
    os.setxattr(tmp_path / "odd", "user.a", b"b")
    os.utime(tmp_path / "ancient", ns=(0, -1))
    (tmp_path / "directory").mkdir(mode=0o2755)
    (tmp_path / "link").symlink_to("odd")
    os.mkfifo(tmp_path / "fifo")
    names = [*many, *ODD, "gone", "odd", "ancient", "directory", "link", "fifo"]
    device = os.fstat(here).st_dev
    found, left = way.look_at(here, names, PREFIX, device, xattrs=xattrs)
    expected = [*many, "\udcff", "ancient", "directory", *([] if xattrs else ["odd"])]
    kept = () if xattrs else None
    assert found == {name: entry_of(os.lstat(tmp_path / name), "", kept) for name in expected}
    assert all(type(entry) is Entry for entry in found.values())
    rest = ["", ".", "..", "a/b", "nul\0", "x" * 300, PREFIX + "1", "link", "fifo"]
    assert sorted(left) == sorted([*rest, *(["odd"] if xattrs else [])])
    assert way.look_at(here, ["odd"], PREFIX, device + 1, xattrs=False) == ({}, ["odd"])


def test_only_what_was_seen_is_renamed_and_onto_no_other_name(
    way: Any, here: int, tmp_path: Path
) -> None:
    for name in ("a", "b", "c", "taken"):
        (tmp_path / name).write_text(name)
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to("a")
    names = ["a", "b", "c", "gone", "directory", "link", *ODD, "c"]
    others = ["new-a", "taken", "new-c", "n", "n", "n", *["n"] * len(ODD), "a/b"]
    saw = [seen(tmp_path / name) if name in "abc" and name else Entry(Kind.FILE) for name in names]
    saw[2] = saw[2]._replace(inode=saw[0].inode)
    saw[names.index("directory")] = seen(tmp_path / "directory")
    saw[names.index("link")] = seen(tmp_path / "a")
    before = seen(tmp_path / "a")
    done = way.rename(here, here, names, others, saw)
    assert done == [True, *[False] * (len(names) - 1)]
    assert seen(tmp_path / "new-a").inode == before.inode
    assert (tmp_path / "taken").read_text() == "taken"
    left = {"new-a", "b", "c", "taken", "directory", "link"}
    assert set(os.listdir(tmp_path)) == left
    below = os.open(tmp_path / "directory", os.O_RDONLY)
    try:
        (file,) = [seen(tmp_path / "b")]
        assert way.rename(here, below, ["b"], ["b"], [file]) == [True]
    finally:
        os.close(below)
    assert (tmp_path / "directory" / "b").read_text() == "b"


def test_only_the_version_that_was_seen_is_removed(way: Any, here: int, tmp_path: Path) -> None:
    for name in ("a", "longer", "later", "other", "strange"):
        (tmp_path / name).write_text(name)
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to("a")
    names = ["a", "longer", "later", "other", "strange", "gone", "directory", "link", *ODD]
    saw = {name: seen(tmp_path / name) for name in names[:5]}
    saw["longer"] = saw["longer"]._replace(size=1)
    saw["later"] = saw["later"]._replace(mtime_ns=saw["later"].mtime_ns + 1)
    saw["other"] = saw["other"]._replace(inode=saw["longer"].inode)
    saw["strange"] = saw["strange"]._replace(mtime_ns=1 << 70)
    saw["directory"], saw["link"] = seen(tmp_path / "directory"), saw["a"]
    each = [saw.get(name, Entry(Kind.FILE)) for name in names]
    assert way.remove(here, names, each) == [True, *[False] * (len(names) - 1)]
    assert set(os.listdir(tmp_path)) == set(names[1:5]) | {"directory", "link"}
