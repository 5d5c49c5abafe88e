"""Decoding what read(2) returns, and the properties of the descriptor that the rest relies on."""

import os
import struct
from pathlib import Path

import pytest

from mirrorfs.watch.inotify import ATTRIB, CREATE, DIRECTORY, ISDIR, OVERFLOW, Inotify, decode


def raw(wd: int, mask: int, cookie: int, name: bytes, length: int) -> bytes:
    return struct.pack("iIII", wd, mask, cookie, length) + name.ljust(length, b"\0")


def test_events_of_one_read_are_told_apart() -> None:
    data = raw(1, CREATE, 0, b"name", 16) + raw(-1, OVERFLOW, 0, b"", 0)
    data += raw(2, ATTRIB | ISDIR, 7, b"\xff" * 255, 256)
    assert decode(data) == [
        (1, CREATE, 0, b"name"),
        (-1, OVERFLOW, 0, b""),
        (2, ATTRIB | ISDIR, 7, b"\xff" * 255),
    ]


def test_nothing_read_is_no_event() -> None:
    assert decode(b"") == []


def test_a_directory_has_one_watch_whatever_its_path(tmp_path: Path) -> None:
    inotify = Inotify()
    (tmp_path / "a").mkdir()
    fd = os.open(tmp_path / "a", os.O_RDONLY)
    first = inotify.watch(fd)
    (tmp_path / "a").rename(tmp_path / "b")
    other = os.open(tmp_path / "b", os.O_RDONLY)
    assert inotify.watch(other, DIRECTORY) == first
    (tmp_path / "a").mkdir()
    third = os.open(tmp_path / "a", os.O_RDONLY)
    assert inotify.watch(third) != first
    for each in (fd, other, third):
        os.close(each)
    inotify.close()


def test_a_file_cannot_be_watched(tmp_path: Path) -> None:
    inotify = Inotify()
    (tmp_path / "f").touch()
    fd = os.open(tmp_path / "f", os.O_RDONLY)
    with pytest.raises(NotADirectoryError):
        inotify.watch(fd)
    os.close(fd)
    inotify.close()


def test_children_do_not_inherit_the_descriptor_and_an_empty_queue_does_not_block() -> None:
    inotify = Inotify()
    assert not os.get_inheritable(inotify.fd)
    assert inotify.read() == b""
    inotify.close()
