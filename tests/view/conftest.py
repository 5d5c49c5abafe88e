"""A view on a mount point of its own, served by a process of its own."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.view import View


@pytest.fixture
def point(tmp_path: Path) -> Iterator[Path]:
    """An empty directory; what is mounted there goes with the test."""
    directory = tmp_path / "view"
    directory.mkdir()
    yield directory
    subprocess.run(["umount", "-l", directory], capture_output=True, check=False)


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    """(source, destination): equal once, and then the source went on in every way there is."""
    source, destination = tmp_path / "source", tmp_path / "destination"
    (source / "kept" / "deep").mkdir(parents=True)
    (source / "kept" / "same").write_text("the same on both sides\n")
    (source / "kept" / "deep" / "gone").write_text("gone soon\n")
    (source / "changed").write_text("as it was\n")
    (source / "mode").write_text("only its mode changes\n")
    (source / "old name").write_text("will have another name\n" * 50)
    (source / "link").symlink_to("changed")
    (source / "was file").write_text("becomes a directory\n")
    (source / "going").mkdir()
    (source / "going" / "too").write_text("with its directory\n")
    subprocess.run(["cp", "-a", source, destination], check=True)
    (source / "changed").write_text("as it will be, and longer\n")
    (source / "kept" / "deep" / "gone").unlink()
    (source / "mode").chmod(0o640)
    (source / "old name").rename(source / "kept" / "new name")
    (source / "link").unlink()
    (source / "link").symlink_to("kept/new name")
    (source / "was file").unlink()
    (source / "was file").mkdir()
    (source / "was file" / "inside").write_text("new below\n")
    (source / "new").write_bytes(os.urandom(300_000))
    (source / "empty").mkdir()
    os.mkfifo(source / "fifo")
    (source / os.fsdecode(b"not utf-8 \xff")).write_text("bytes\n")
    subprocess.run(["rm", "-r", source / "going"], check=True)
    return source, destination


@pytest.fixture
def view(trees: tuple[Path, Path], point: Path, tmp_path: Path) -> Iterator[View]:
    """The plan for `trees`, mounted."""
    with View(*trees, point, state=tmp_path / "state") as mounted:
        yield mounted


@pytest.fixture
def shell() -> Callable[..., str]:
    """`shell(word, ...)`: a tool's output; it must succeed."""

    def run(*words: str | Path, codes: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            list(words), capture_output=True, encoding="utf-8", errors="surrogateescape", timeout=60
        )
        assert done.returncode in codes, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout

    return run


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the one who runs the tests reaches the processes they start."""
    for name in list(os.environ):
        if name.startswith(("MIRRORFS_", "RCLONE_")):
            monkeypatch.delenv(name)
    with contextlib.suppress(KeyError):
        monkeypatch.delenv("STATE_DIRECTORY")
