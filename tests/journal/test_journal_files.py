"""Cursor files, and files that are not ours."""

import itertools
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journal import (
    CursorDamaged,
    CursorFile,
    JournalGone,
    JournalUnsafe,
    JournalUnwritable,
    Reader,
    RecordInvalid,
    Writer,
    verify,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary().map(os.fsdecode),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_i5_cursors_round_trip(tmp_path_factory: Any, mapping: dict[str, Any]) -> None:
    cursor = CursorFile(tmp_path_factory.getbasetemp() / "cursor")
    cursor.store(mapping)
    assert cursor.load() == mapping


def test_i5_a_cursor_that_never_was_or_was_forgotten(tmp_path: Path) -> None:
    cursor = CursorFile(tmp_path / "cursor")
    assert cursor.load() is None
    assert CursorFile(tmp_path / "no" / "cursor").load() is None
    cursor.remove()
    cursor.store({"sequence": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["cursor"]
    cursor.remove()
    assert cursor.load() is None
    with pytest.raises(JournalUnwritable):
        CursorFile(tmp_path / "no" / "cursor").store({})


def test_i5_every_damage_to_a_cursor_is_seen(tmp_path: Path) -> None:
    cursor = CursorFile(tmp_path / "cursor")
    cursor.store({"epoch": "e" * 32, "sequence": 12, "retry": ["a/b", "c"]})
    whole = Path(cursor.path).read_bytes()
    damaged = itertools.chain(
        (whole[:at] for at in range(len(whole))),
        (whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :]
         for at in range(len(whole)) for bit in (1, 32, 128)),
        (whole + b"x", whole + b"\n", whole + whole, bytes(len(whole)), b"\n" + whole),
    )  # fmt: skip
    for data in damaged:
        Path(cursor.path).write_bytes(data)
        with pytest.raises(CursorDamaged):
            cursor.load()
    cursor.store({"sequence": 13})
    assert cursor.load() == {"sequence": 13}


@pytest.mark.parametrize("body", [b"[1]", b"3", b"{", b"[" * 100_000, b'{"a":\xff}'])
def test_i9_a_cursor_with_a_right_checksum_and_wrong_content(tmp_path: Path, body: bytes) -> None:
    from zlib import crc32

    path = tmp_path / "cursor"
    path.write_bytes(b"journal-cursor 1 %08x %d\n" % (crc32(body), len(body)) + body + b"\n")
    with pytest.raises(CursorDamaged):
        CursorFile(path).load()


@pytest.mark.parametrize("mapping", [{1: 2}, {"a": b"bytes"}, {"a": float("nan")}, {"a": {1, 2}}])
def test_what_a_cursor_cannot_hold_leaves_it_as_it_was(tmp_path: Path, mapping: Any) -> None:
    cursor = CursorFile(tmp_path / "cursor")
    cursor.store({"sequence": 1})
    with pytest.raises(RecordInvalid):
        cursor.store(mapping)
    assert cursor.load() == {"sequence": 1}


def everyone_refuses(directory: Path) -> None:
    with pytest.raises(JournalUnsafe):
        Writer(directory)
    with pytest.raises(JournalUnsafe):
        list(Reader(directory).read())


@pytest.mark.parametrize("kind", ["link", "pipe", "directory", "writable"])
def test_a_segment_that_is_not_a_file_of_ours_is_refused(
    filled: tuple[Path, Any], kind: str, damage: Any, tmp_path: Path
) -> None:
    directory, _ = filled
    path = damage(directory).segment()
    moved = tmp_path / "moved"
    if kind == "writable":
        path.chmod(0o666)
    else:
        path.rename(moved)
        match kind:
            case "link":
                path.symlink_to(moved)
            case "pipe":
                os.mkfifo(path, 0o600)
            case _:
                path.mkdir()
    everyone_refuses(directory)
    assert not verify(directory).sound


@pytest.mark.root
@pytest.mark.parametrize("which", ["segment", "directory", "lock"])
def test_what_another_user_owns_is_refused(
    filled: tuple[Path, Any], which: str, damage: Any
) -> None:
    directory, _ = filled
    if os.geteuid():
        pytest.skip("only root can give files away")
    paths = {"segment": damage(directory).segment(), "lock": directory / "lock"}
    os.chown(paths.get(which, directory), 12345, -1)
    with pytest.raises(JournalUnsafe, match="belongs to user 12345"):
        Writer(directory)
    if which != "lock":
        everyone_refuses(directory)


def test_a_directory_that_is_a_link_or_open_to_others_is_refused(
    filled: tuple[Path, Any], tmp_path: Path
) -> None:
    directory, _ = filled
    link = tmp_path / "link"
    link.symlink_to(directory)
    everyone_refuses(link)
    directory.chmod(0o777)
    everyone_refuses(directory)


def test_a_linked_lock_or_cursor_is_not_followed(tmp_path: Path, directory: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("kept")
    directory.mkdir(mode=0o700)
    for name in ("lock", "cursor"):
        (directory / name).symlink_to(target)
    with pytest.raises(JournalUnsafe):
        Writer(directory)
    with pytest.raises(JournalUnsafe):
        CursorFile(directory / "cursor").load()
    CursorFile(directory / "cursor").store({"sequence": 1})
    assert target.read_text() == "kept"
    assert CursorFile(directory / "cursor").load() == {"sequence": 1}


def test_what_is_made_is_private(directory: Path) -> None:
    old = os.umask(0)
    try:
        with Writer(directory) as writer:
            writer.append([1])
        CursorFile(directory / "cursor").store({})
    finally:
        os.umask(old)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}


def _replaced(directory: Path) -> None:
    directory.rename(directory.with_name("away"))
    shutil.copytree(directory.with_name("away"), directory)


@pytest.mark.parametrize(
    "goes",
    [
        shutil.rmtree,
        lambda directory: shutil.rmtree(directory.parent),
        lambda directory: directory.rename(directory.with_name("away")),
        lambda directory: (directory / "lock").unlink(),
        lambda directory: next(directory.glob("*.segment")).unlink(),
        _replaced,
    ],
    ids=["removed", "removed above", "moved", "its lock", "its segment", "replaced"],
)
def test_who_writes_hears_that_nobody_could_read_it(tmp_path: Path, goes: Any) -> None:
    directory = tmp_path / "above" / "journal"
    directory.parent.mkdir()
    with Writer(directory) as writer:
        writer.append([1])
        goes(directory)
        before = writer.position
        for _ in range(2):
            with pytest.raises(JournalGone, match="was removed, or moved"):
                writer.append([2])
        assert writer.position == before


def test_a_copied_directory_is_a_journal_of_its_own(directory: Path, tmp_path: Path) -> None:
    with Writer(directory) as writer:
        position = writer.append([1])
        shutil.copytree(directory, tmp_path / "copy")
        with Writer(tmp_path / "copy", continue_epoch=False) as other:
            assert other.append([2]).epoch != writer.append([2]).epoch == position.epoch
