"""Cheap copies: blocks are shared where the file system can, and a hole stays a hole.

Shared blocks are proven by asking the file system where they lie (FIEMAP).
"""

import errno
import fcntl
import os
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest
from faithful.conftest import Pair
from support.forked import call
from support.mounting import drive
from support.portrait import filled, portrait, unlike

pytestmark = pytest.mark.root

FIEMAP = 0xC020660B
SYNC, SHARED, UNWRITTEN, EXTENTS = 1, 0x2000, 0x800, 200
MIB = 1 << 20
REFLINKS = pytest.mark.parametrize("kind", ["btrfs", "xfs"])


def extents(path: Path) -> list[tuple[int, int, int, bool]]:
    """(offset, place on the disk, length, whether another file shares it) of what was written."""
    request = bytearray(32 + 56 * EXTENTS)
    struct.pack_into("=QQIIII", request, 0, 0, 2**64 - 1, SYNC, 0, EXTENTS, 0)
    with open(path, "rb") as file:
        fcntl.ioctl(file, FIEMAP, request)
    (count,) = struct.unpack_from("=I", request, 20)
    found = []
    for number in range(count):
        place = 32 + 56 * number
        logical, physical, length = struct.unpack_from("=QQQ", request, place)
        (flags,) = struct.unpack_from("=I", request, place + 40)
        if not flags & UNWRITTEN:
            found.append((logical, physical, length, bool(flags & SHARED)))
    return found


def run(pair: Pair, *words: str) -> str:
    done = call([*words, str(pair.source), str(pair.mirror)], pair.home)
    assert done.code == 0, done.said
    return done.said


def shared(pair: Pair, name: str) -> bool:
    """Whether the mirror's file lies in the very blocks of the source's, all of them."""
    mine, theirs = extents(pair.source / name), extents(pair.mirror / name)
    assert mine
    return mine == theirs and all(common for *_, common in mine)


@REFLINKS
def test_blocks_are_shared_where_that_is_possible(pair_on, kind: str) -> None:
    pair = pair_on(kind)
    made = {
        "whole blocks": (MIB, ()),
        "an unaligned tail": (3 * MIB + 12_345, ()),
        "one byte more": (MIB + 1, ()),
        "holes": (20 * MIB, (0, 5 * MIB, 19 * MIB + 7)),
        "a tail that is a hole": (40 * MIB + 3, (MIB,)),
    }
    for name, (size, places) in made.items():
        with open(pair.source / name, "wb") as file:
            if not places:
                file.write(os.urandom(size))
            for place in places:
                file.seek(place)
                file.write(os.urandom(300_000))
            file.truncate(size)
    run(pair, "sync", "-a")
    assert unlike(portrait(pair.source), portrait(pair.mirror)) == []
    assert filled(portrait(pair.source), portrait(pair.mirror)) == []
    assert {name: shared(pair, name) for name in made} == dict.fromkeys(made, True)
    # And a new version shares the blocks that the old one had in common.
    with open(pair.source / "whole blocks", "r+b") as file:
        file.write(b"another beginning")
    for flags in ((), ("--inplace",)):
        os.utime(pair.source / "whole blocks", ns=(1, 10**18 + len(flags)))
        run(pair, "sync", "-a", *flags)
        assert shared(pair, "whole blocks")
        os.truncate(pair.source / "whole blocks", MIB - 4096)
    with open(pair.mirror / "an unaligned tail", "r+b") as file:
        file.write(b"only the mirror's")
    assert (pair.source / "an unaligned tail").read_bytes()[:17] != b"only the mirror's"


@REFLINKS
def test_blocks_are_shared_across_mounts_of_a_file_system(pair_on, kind: str) -> None:
    pair = pair_on(kind)
    (pair.source / "file").write_bytes(os.urandom(MIB))
    point = pair.beside("mounted")
    subprocess.run(["mount", "--bind", pair.mirror, point], check=True)
    try:
        run(Pair(kind, pair.source, point, pair.home), "sync", "-a")
        assert shared(pair, "file")
    finally:
        subprocess.run(["umount", point], check=True)


def test_what_cannot_be_shared_is_copied(pair_on) -> None:
    """btrfs refuses one file that is not copied on write, and goes on sharing others."""
    pair = pair_on("btrfs")
    plain = pair.source / "a plain"
    plain.touch()
    subprocess.run(["chattr", "+C", plain], check=True)
    for path in (plain, pair.source / "b shared"):
        path.write_bytes(os.urandom(MIB))
    run(pair, "sync", "-a", "--transfers", "1")
    assert unlike(portrait(pair.source), portrait(pair.mirror)) == []
    assert not shared(pair, "a plain")
    assert shared(pair, "b shared")


@REFLINKS
def test_a_limit_on_bandwidth_holds_for_shared_blocks_too(pair_on, kind: str) -> None:
    """It counts what a file is worth, not what the disk does: that is the same wherever it goes."""
    pair = pair_on(kind)
    (pair.source / "file").write_bytes(os.urandom(2 * MIB))
    began = time.monotonic()
    run(pair, "sync", "-a", "--bwlimit", "2M")
    assert time.monotonic() - began > 0.7
    assert shared(pair, "file")


@REFLINKS
def test_a_file_that_changes_is_never_published_torn(pair_on, kind: str) -> None:
    """Each version is one letter throughout; a clone is taken while they are written."""
    pair = pair_on(kind)
    file, size = pair.source / "file", 2 * MIB
    file.write_bytes(b"a" * size)
    ended = threading.Event()

    def write() -> None:
        with open(file, "r+b", buffering=0) as opened:
            for number in range(10_000_000):
                opened.seek(0)
                opened.write(bytes([97 + number % 26]) * size)
                if ended.is_set():
                    return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = set()
        for _ in range(5):
            call(["sync", "-a", "--retries", "1", str(pair.source), str(pair.mirror)], pair.home)
            copy = pair.mirror / "file"
            if copy.exists():
                seen.add(frozenset(copy.read_bytes()))
    finally:
        ended.set()
        writer.join()
    assert all(len(letters) == 1 for letters in seen)
    run(pair, "sync", "-a")
    assert (pair.mirror / "file").read_bytes() == file.read_bytes()


def test_a_file_that_grows_is_copied_as_long_as_it_was(pair_on, monkeypatch) -> None:
    """A clone takes all there is by then."""
    from mirrorfs.trees.local import copy

    pair = pair_on("btrfs")
    file = pair.source / "log"
    file.write_bytes(b"x" * MIB)

    def grow(target: int, request: int, argument: int) -> int:
        if request == copy.FICLONE:
            with open(file, "ab") as opened:
                opened.write(b"grown meanwhile")
        return fcntl.ioctl(target, request, argument)

    class Growing:
        ioctl = staticmethod(grow)

    monkeypatch.setattr(copy, "fcntl", Growing)
    run(pair, "sync", "-a", "--local-no-check-updated", "--transfers", "1")
    assert (pair.mirror / "log").read_bytes() == b"x" * MIB


def test_a_very_large_file_of_holes(pair) -> None:
    """A tebibyte with three blocks of data takes no time and no space, wherever it goes."""
    file, size = pair.source / "large", 1 << 40
    with open(file, "wb") as opened:
        for place in (0, size // 2, size - 4096):
            opened.seek(place)
            opened.write(b"d" * 4096)
    inside = Pair(pair.kind, pair.source, pair.mirror, pair.home)
    run(inside, "sync", "-a")
    assert unlike(portrait(pair.source), portrait(pair.mirror)) == []
    assert (pair.mirror / "large").stat().st_blocks * 512 <= MIB
    with open(file, "r+b") as opened:
        opened.truncate(size // 2)
    run(inside, "sync", "-a", "--inplace")
    assert unlike(portrait(pair.source), portrait(pair.mirror)) == []
    assert (pair.mirror / "large").stat().st_blocks * 512 <= MIB


@pytest.mark.parametrize("kinds", [("ext4", "xfs"), ("btrfs", "ext4"), ("tmpfs", "btrfs")])
def test_holes_stay_holes_from_one_file_system_to_another(pair_on, kinds) -> None:
    here, there = (pair_on(kind) for kind in kinds)
    with open(here.source / "file", "wb") as opened:
        for place in (65536, 8 * MIB, 20 * MIB):
            opened.seek(place)
            opened.write(os.urandom(100_000))
        opened.truncate(64 * MIB)
    across = Pair("", here.source, there.mirror, here.home)
    run(across, "sync", "-a")
    assert unlike(portrait(here.source), portrait(there.mirror)) == []
    assert (there.mirror / "file").stat().st_blocks * 512 <= MIB
    assert filled(portrait(here.source), portrait(there.mirror)) == []


def test_two_file_systems_of_a_kind_share_nothing(pair_on, tmp_path: Path) -> None:
    pair = pair_on("btrfs")
    (pair.source / "file").write_bytes(os.urandom(MIB))
    with drive("btrfs", tmp_path) as other:
        with pytest.raises(OSError, match=os.strerror(errno.EXDEV)):
            os.link(pair.source / "file", other / "link")
        run(Pair("", pair.source, other, pair.home), "sync", "-a")
        assert portrait(other)[b"file"].content == portrait(pair.source)[b"file"].content
