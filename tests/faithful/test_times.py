"""When a file was read last: our own reading leaves no trace, and -U mirrors it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from faithful.conftest import Pair
from support.forked import NOBODY, call

LONG_AGO = 10**18


def run(pair: Pair, *words: str, user: int | None = None) -> str:
    done = call([*words, str(pair.source), str(pair.mirror)], pair.home, user=user)
    assert done.code == 0, done.said
    return done.said


@pytest.fixture
def strict(pair_on) -> Iterator[Pair]:
    """Where each read sets the access time."""
    pair = pair_on("tmpfs")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "strictatime", "x", pair.source], check=True)
    yield pair
    subprocess.run(["umount", "-l", pair.source], check=True)


def make(root: Path) -> list[Path]:
    (root / "directory").mkdir()
    made = [root / "directory" / "small", root / "large", root / "directory", root]
    made[0].write_bytes(b"content")
    made[1].write_bytes(b"content" * 100_000)
    for path in made:
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
    return made


@pytest.mark.root
def test_reading_leaves_no_trace_in_the_source(strict: Pair) -> None:
    made = make(strict.source)
    run(strict, "sync", "-a")
    run(strict, "sync", "-a", "--checksum")
    run(strict, "check")
    assert [path.stat().st_atime_ns for path in made] == [LONG_AGO] * len(made)
    made[0].read_bytes()
    assert made[0].stat().st_atime_ns != LONG_AGO


@pytest.mark.root
def test_what_belongs_to_others_is_read_all_the_same(strict: Pair) -> None:
    """Only its owner may ask for that."""
    make(strict.source)
    strict.source.chmod(0o755)
    os.chown(strict.mirror, NOBODY, NOBODY)
    run(strict, "copy", user=NOBODY)
    assert (strict.mirror / "directory" / "small").read_bytes() == b"content"


def test_access_times_are_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    pair = Pair("", tmp_path / "source", tmp_path / "mirror", tmp_path)
    pair.source.mkdir()
    file, copy = pair.source / "file", pair.mirror / "file"
    file.write_bytes(b"content")
    os.utime(file, ns=(LONG_AGO, LONG_AGO))
    run(pair, "sync", "-a")
    os.utime(file, ns=(LONG_AGO + 5, LONG_AGO))
    inode = copy.stat().st_ino
    assert "nothing to do" in run(pair, "plan", "-a")
    assert "the access time differs" in run(pair, "plan", "-aU")
    run(pair, "sync", "-a", "--atimes")
    found = copy.stat()
    assert (found.st_atime_ns, found.st_mtime_ns) == (LONG_AGO + 5, LONG_AGO)
    assert found.st_ino == inode
    assert "nothing to do" in run(pair, "plan", "-aU")
    os.utime(file, ns=(LONG_AGO + 6, LONG_AGO + 7))
    run(pair, "copy", "-aU", "--no-update-modtime")
    assert copy.stat().st_atime_ns == LONG_AGO + 6
    assert copy.stat().st_mtime_ns == LONG_AGO
