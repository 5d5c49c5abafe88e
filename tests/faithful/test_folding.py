"""A destination whose names differ in more than their case: what collides there is said before
anything is written, nothing is lost without a word, and planning again finds nothing to do."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.forked import Done, call

pytestmark = [pytest.mark.fuse, pytest.mark.root]


@pytest.fixture
def folding(tmp_path: Path, eventually) -> Iterator[Path]:
    """Such a file system, from a process of its own."""
    point = tmp_path / "folding"
    point.mkdir()
    script = Path(__file__).parents[1] / "support" / "folding.py"
    with subprocess.Popen([sys.executable, script, point]) as server:
        try:
            eventually(lambda: os.path.ismount(point) or server.poll() is not None, 60.0)
            yield point
        finally:
            subprocess.run(["umount", "-l", point], check=True)
            server.wait(60)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three names that are one there, two directories that are one, and some that are alone."""
    root = tmp_path / "source"
    for path, content in {
        "ABC": "the first",
        "Abc": "the second",
        "abc": "the third",
        "Dir/x": "in Dir",
        "dir/y": "in dir",
        "alone": "alone",
        "Other/Case": "inside",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return root


def run(where: Path, *words: str | Path, code: int | None = 0) -> Done:
    done = call([str(word) for word in words], where)
    assert code in (None, done.code), done.said
    return done


def found(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()
    }


def settled(tmp_path: Path, source: Path, folding: Path) -> bool:
    return "nothing to do" in run(tmp_path, "plan", "-a", source, folding).out


KEPT = {"ABC": "the first", "Dir/x": "in Dir", "alone": "alone", "Other/Case": "inside"}


def test_collisions_are_said_before_anything_is_written(
    source: Path, folding: Path, tmp_path: Path
) -> None:
    (folding / "Seed").touch()
    said = run(tmp_path, "plan", "-a", "--adopt", source, folding).out
    for name in ("Abc", "abc", "dir"):
        assert f"notice      {name}  (Duplicate file found in source" in said
    assert os.listdir(folding) == ["Seed"]
    run(tmp_path, "sync", "-a", "--adopt", source, folding)
    assert found(folding) == KEPT
    assert settled(tmp_path, source, folding)
    # Another spelling of a name is the same name there, and its content comes along.
    (source / "alone").rename(source / "ALONE")
    (source / "ALONE").write_text("spelled anew")
    (source / "abc").unlink()
    (source / "Abc").unlink()
    run(tmp_path, "sync", "-a", source, folding)
    assert found(folding) == KEPT | {"alone": "spelled anew"}
    assert settled(tmp_path, source, folding)


def test_an_empty_one_does_not_tell_and_still_nothing_is_lost(
    source: Path, folding: Path, tmp_path: Path
) -> None:
    """What collides is an error of the first run; the next knows why."""
    first = run(tmp_path, "sync", "-a", "--retries", "1", source, folding, code=1).err
    assert "Abc" in first and "abc" in first
    assert found(folding)["ABC"] == "the first"
    second = run(tmp_path, "sync", "-a", "--adopt", source, folding).err
    assert "Abc: Duplicate file found in source" in second
    assert found(folding) == KEPT
    assert settled(tmp_path, source, folding)


def test_names_that_are_one_file_by_a_link_are_not_taken_for_one_name(tmp_path: Path) -> None:
    source, mirror = tmp_path / "source", tmp_path / "mirror"
    source.mkdir()
    (source / "abc").write_text("content")
    os.link(source / "abc", source / "ABC")
    for _ in range(2):
        run(tmp_path, "sync", "-a", source, mirror)
        assert sorted(os.listdir(mirror)) == ["ABC", "abc"]
