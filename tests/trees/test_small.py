"""New small files, copied straight: as by the long way, or left to it."""

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mirrorfs.trees.local.small import Copy, Terms, compiled, plain
from mirrorfs.trees.local.tick import coarse_now

PLAIN = Terms(0o666, owners=False, permissions=False, xattrs=False, grain_ns=1, most=256 << 10)
FAITHFUL = Terms(0o600, owners=True, permissions=True, xattrs=True, grain_ns=1, most=256 << 10)


@pytest.fixture(params=["plain", "native"])
def way(request: Any) -> Copy:
    if request.param == "plain":
        return plain.copy
    if (way := compiled()) is None:
        pytest.skip("nothing is compiled")
    return way


@pytest.fixture(params=["renamed", "named"])
def by_name(request: Any) -> bool:
    """Whether a file has a temporary name first."""
    return request.param == "renamed"


class Two:
    """A source and a destination directory."""

    def __init__(self, place: Path, way: Copy, by_name: bool) -> None:
        self.there, self.here = place / "there", place / "here"
        self.way, self.by_name = way, by_name
        self.held = []
        for path in (self.there, self.here):
            path.mkdir()
            self.held.append(os.open(path, os.O_RDONLY | os.O_DIRECTORY))

    def write(self, name: str, data: bytes) -> Path:
        path = self.there / name
        path.write_bytes(data)
        self.settle(path)
        return path

    def settle(self, path: Path) -> None:
        """Until a change would get another time."""
        end = os.stat(path).st_ctime_ns
        while coarse_now() <= end:
            pass

    def copy(self, *names: str, terms: Terms = FAITHFUL) -> list[int]:
        temporaries = [f".t-{name}" for name in names] if self.by_name else None
        return self.way(*self.held, names, temporaries, terms)

    def left(self) -> list[str]:
        return sorted(os.listdir(self.here))


@pytest.fixture
def two(tmp_path: Path, way: Copy, by_name: bool) -> Iterator[Two]:
    two = Two(tmp_path, way, by_name)
    yield two
    for descriptor in two.held:
        os.close(descriptor)


def test_a_file_comes_out_as_it_is(two: Two) -> None:
    names = []
    for mode, data in ((0o600, b""), (0o4755, b"x" * 5000), (0o400, os.urandom(200_000))):
        names.append(f"n\udcff{mode:o}")
        path = two.write(names[-1], data)
        os.chown(path, 1234, 4321)
        path.chmod(mode)
        os.utime(path, ns=(1_000_000_001, 1_500_000_000_123_456_789))
        two.settle(path)
    assert two.copy(*names) == [0, 5000, 200_000]
    assert two.left() == sorted(names)
    for name in names:
        want, made = (two.there / name).stat(), (two.here / name).stat()
        assert (two.here / name).read_bytes() == (two.there / name).read_bytes()
        for field in ("st_mode", "st_uid", "st_gid", "st_mtime_ns", "st_nlink"):
            assert getattr(want, field) == getattr(made, field)
        assert made.st_atime_ns == 1_000_000_001, "nor was it read so that it shows"


def test_what_is_not_kept_is_not_set(two: Two) -> None:
    path = two.write("file", b"data")
    os.chown(path, 1234, 4321)
    path.chmod(0o777)
    two.settle(path)
    assert two.copy("file", terms=PLAIN._replace(mode=0o640)) == [4]
    made = (two.here / "file").stat()
    assert (made.st_uid, made.st_mode & 0o777) == (os.geteuid(), 0o640)
    assert made.st_mtime_ns == path.stat().st_mtime_ns


def test_what_is_not_plain_is_left_alone(two: Two) -> None:
    data = b"x" * 5000
    two.write("taken", data)
    (two.here / "taken").write_bytes(b"mine")
    two.write("big", b"x" * (FAITHFUL.most + 1))
    with open(two.there / "sparse", "wb") as file:
        file.truncate(100_000)
    two.settle(two.there / "sparse")
    os.mkfifo(two.there / "fifo")
    (two.there / "link").symlink_to("taken")
    (two.there / "directory").mkdir()
    os.setxattr(two.write("tagged", data), "user.tag", b"1")
    two.settle(two.there / "tagged")
    two.write("nul", data)
    names = ["taken", "big", "sparse", "fifo", "link", "directory", "tagged", "gone"]
    assert two.copy(*names, "n\0ul") == [-1] * 9
    assert two.left() == ["taken"]
    assert (two.here / "taken").read_bytes() == b"mine"
    assert two.copy("nul", terms=FAITHFUL._replace(uid=4711)) == [-1]
    assert two.copy("nul", terms=FAITHFUL._replace(uid=os.geteuid())) == [5000]
    assert two.copy("tagged", terms=PLAIN) == [5000], "where tags are not kept they do not matter"


def test_what_a_killed_run_left_is_left_alone(two: Two) -> None:
    two.write("left", b"data")
    (two.here / ".t-left").write_bytes(b"of a killed run")
    assert two.copy("left") == [-1 if two.by_name else 4]
    assert (two.here / ".t-left").read_bytes() == b"of a killed run"


def test_what_has_several_names_is_no_name_of_its_own(two: Two) -> None:
    os.link(two.write("file", b"data"), two.there / "other")
    two.settle(two.there / "file")
    assert two.copy("file") == [4 if two.by_name else -1]


def test_a_mask_and_the_group_of_the_directory_do_not_show(two: Two) -> None:
    two.write("file", b"data").chmod(0o2775)
    two.settle(two.there / "file")
    os.chown(two.here, -1, 4321)
    two.here.chmod(0o2777)
    before = os.umask(0o077)
    try:
        assert two.copy("file") == [4]
    finally:
        os.umask(before)
    made = (two.here / "file").stat()
    assert (made.st_gid, made.st_mode & 0o7777) == (os.getegid(), 0o2775)


def test_what_the_directory_bequeaths_is_left_to_the_long_way(two: Two) -> None:
    two.write("file", b"data")
    subprocess.run(["setfacl", "-d", "-m", "u:1000:rwx", two.here], check=True)
    assert two.copy("file") == [-1]
    assert two.left() == []


def test_what_changed_in_this_very_moment_is_left_alone(two: Two) -> None:
    """Two writes within one tick look alike."""
    met = False
    for number in range(200):
        name = f"file{number}"
        (two.there / name).write_bytes(b"data")
        met |= two.copy(name, terms=PLAIN) == [-1]
    assert met
    coarse = two.write("coarse", b"data")
    os.utime(coarse, ns=(coarse.stat().st_mtime_ns,) * 2)
    two.settle(coarse)
    assert two.copy("coarse", terms=PLAIN._replace(grain_ns=10 * 10**9)) == [-1]


def test_a_file_that_is_written_all_the_time_is_never_torn(two: Two) -> None:
    """Each version is one byte, repeated."""
    size, stop = 200_000, threading.Event()
    two.write("hot", b"0" * size)

    def write() -> None:
        with open(two.there / "hot", "r+b", buffering=0) as file:
            while not stop.is_set():
                for letter in b"123":
                    os.pwrite(file.fileno(), bytes([letter]) * size, 0)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(300):
            if two.copy("hot", terms=PLAIN) == [size]:
                assert len(set((two.here / "hot").read_bytes())) == 1
                (two.here / "hot").unlink()
            assert two.left() == []
    finally:
        stop.set()
        writer.join()
