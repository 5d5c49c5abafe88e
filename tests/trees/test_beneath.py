"""A directory is reached through no symlink, by one call or by one for each name."""

import errno
import os

import pytest

from mirrorfs.trees.local import kernel
from mirrorfs.trees.local.beneath import open_beneath


@pytest.fixture(params=["openat2", "name by name"])
def top(request, tmp_path, monkeypatch):
    if request.param != "openat2":

        def refuse(*_: object) -> None:
            raise OSError(errno.ENOSYS, "Function not implemented")

        monkeypatch.setattr(kernel, "open_beneath", refuse)
    (tmp_path / "top" / "a" / "b").mkdir(parents=True)
    (tmp_path / "top" / "a" / "file").touch()
    (tmp_path / "outside").mkdir()
    (tmp_path / "top" / "out").symlink_to("../outside")
    (tmp_path / "top" / "inside").symlink_to("a")
    (tmp_path / "top" / "process").symlink_to("/proc/self/fd")
    fd = os.open(tmp_path / "top", os.O_RDONLY)
    yield fd
    os.close(fd)


@pytest.mark.parametrize("path", ["", "a", "a/b"])
def test_what_lies_below_is_opened(top, tmp_path, path):
    fd = open_beneath(top, path)
    assert os.path.samestat(os.fstat(fd), os.stat(tmp_path / "top" / path))
    os.close(fd)


@pytest.mark.parametrize(
    "path", ["out", "inside", "inside/b", "process", "..", "a/../../outside", "/", "/tmp", "a/file"]
)
def test_nothing_else_is(top, path):
    held = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match=r"Errno (20|40|18)\b"):  # ENOTDIR, ELOOP, EXDEV
        os.close(open_beneath(top, path))
    assert len(os.listdir("/proc/self/fd")) == held


def test_a_path_longer_than_the_kernel_takes(top):
    here = os.dup(top)
    name = "d" * 200
    for _ in range(30):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    fd = open_beneath(top, "/".join([name] * 30))
    assert os.path.samestat(os.fstat(fd), os.fstat(here))
    os.close(fd)
    os.close(here)


def test_a_name_that_cannot_be_is_refused(top):
    with pytest.raises(ValueError, match="null"):
        open_beneath(top, "a\0b")
