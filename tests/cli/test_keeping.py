"""Backups, other places to look in, writing in place: the flags, from end to end."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mirrorfs.state import owner


@pytest.fixture
def old(place: Any) -> dict[str, str]:
    """What the destination held before."""
    found: dict[str, str] = place.read(place.destination)
    return found


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "kept"


def test_backup_dir_keeps_what_is_replaced_or_deleted(call: Any, place: Any, kept: Path) -> None:
    os.utime(place.destination / "same", ns=(10**17, 10**17))
    done = call("sync", place.source, place.destination, "--backup-dir", kept, "-v")
    assert done.code == 0
    assert place.read(kept) == {"changed": "v1", "gone": "old", "e/gone": "old, too"}
    assert place.read(place.destination) == place.read(place.source)
    assert not (place.destination / "e").exists()
    assert "INFO  : gone: Moved into backup dir" in done.err
    assert "INFO  : e: Removing directory" in done.err
    assert "Deleted:                2 (files), 1 (dirs)" in done.err


def test_backups_are_announced_and_limited(call: Any, place: Any, old: Any, kept: Path) -> None:
    words = "sync", place.source, place.destination, "--backup-dir", kept
    said = call(*words, "--dry-run").err
    assert "gone: Skipped move into backup dir as --dry-run is set (size 3)" in said
    assert call(*words, "--max-delete", 1).code == 7
    assert not kept.exists()
    assert place.read(place.destination).items() >= old.items()


def test_suffix_alone_leaves_the_backups_beside(call: Any, place: Any) -> None:
    words = "sync", place.source, place.destination, "--suffix", ".bak", "--exclude", "*.bak"
    beside = {"changed.bak": "v1", "gone.bak": "old", "e/gone.bak": "old, too"}
    for _ in range(2):
        done = call(*words, "-v")
        assert (done.code, "ERROR" in done.err) == (0, False)
        assert place.read(place.destination) == place.read(place.source) | beside
    assert "There was nothing to transfer" in done.err


def test_copy_makes_backups_of_what_it_replaces(call: Any, place: Any, old: Any) -> None:
    done = call(
        "copy", place.source, place.destination, "--suffix", "-1", "--suffix-keep-extension"
    )
    assert done.code == 0
    assert place.read(place.destination) == old | place.read(place.source) | {"changed-1": "v1"}


@pytest.mark.parametrize("where", ["source", "destination"])
@pytest.mark.parametrize("below", ["", "old", ".."])
def test_backup_dir_that_overlaps_is_refused(
    call: Any, place: Any, old: Any, where: str, below: str
) -> None:
    backups = getattr(place, where) / below
    done = call("sync", place.source, place.destination, "--backup-dir", backups)
    assert done.code == 7
    assert "and parameter to --backup-dir mustn't overlap" in done.err
    assert place.read(place.destination) == old


def test_excluded_backup_dir_may_lie_in_the_destination(call: Any, place: Any) -> None:
    backups = place.destination / "old"
    words = "sync", place.source, place.destination, "--backup-dir", backups, "--exclude", "/old/**"
    assert call(*words, "--delete-excluded").code == 7
    for _ in range(2):
        assert call(*words).code == 0
        assert place.read(backups) == {"changed": "v1", "gone": "old", "e/gone": "old, too"}


@pytest.mark.root
def test_a_copy_that_fails_leaves_the_old_file(call: Any, place: Any, kept: Path) -> None:
    """In rclone the old file has gone to the backups by then."""
    blocked = place.destination / "changed"
    subprocess.run(["chattr", "+i", blocked], check=True)
    try:
        words = "sync", place.source, place.destination, "--backup-dir", kept, "--retries", 1
        assert call(*words).code == 1
        assert blocked.read_text() == "v1"
    finally:
        subprocess.run(["chattr", "-i", blocked], check=True)


def test_compare_dest_leaves_out_what_is_there(call: Any, place: Any, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    place.write(first, {"new": "n", "changed": "version three"})
    place.write(second, {"d/deep": "deep"})
    os.utime(second / "d" / "deep", ns=(5, 5))  # only the content can tell
    words = ["sync", place.source, place.destination, "-v"]
    for other in (first, second, tmp_path / "missing"):
        words += ["--compare-dest", other]
    for _ in range(2):
        done = call(*words)
        assert done.code == 0
        assert place.read(place.destination) == {"same": "s", "changed": "version 2"}
        assert not (place.destination / "d").exists()
    assert "There was nothing to transfer" in done.err
    assert "Set directory modification time" not in done.err
    # Without it, what was left out is copied after all.
    assert call("sync", place.source, place.destination).code == 0
    assert place.read(place.destination) == place.read(place.source)


def test_compare_dest_counts_only_with_what_is_kept(call: Any, place: Any, tmp_path: Path) -> None:
    place.write(tmp_path / "other", {"new": "n"})
    os.chmod(tmp_path / "other" / "new", 0o600)
    words = "sync", place.source, place.destination, "--compare-dest", tmp_path / "other"
    assert call(*words).code == 0
    assert not (place.destination / "new").exists()
    assert call(*words, "--metadata").code == 0
    assert (place.destination / "new").stat().st_mode == (place.source / "new").stat().st_mode


def test_links_count_as_files_do(call: Any, place: Any, tmp_path: Path) -> None:
    """What is no file needs no content from elsewhere: it is left out or made."""
    other = tmp_path / "other"
    other.mkdir()
    for root, moved in ((place.source, "new"), (other, "elsewhere")):
        (root / "same-link").symlink_to("new")
        (root / "moved-link").symlink_to(moved)
        os.mkfifo(root / "fifo")
    words = "sync", place.source, place.destination, "-a"
    assert call(*words, "--compare-dest", other).code == 0
    left_out = {"same-link", "fifo"}
    assert not left_out & set(os.listdir(place.destination))
    assert os.readlink(place.destination / "moved-link") == "new"
    assert call(*words, "--copy-dest", other).code == 0
    assert left_out < set(os.listdir(place.destination))


def test_copy_dest_gives_the_content(call: Any, place: Any, tmp_path: Path) -> None:
    other = tmp_path / "other"
    # Equal by size and time, so that where the bytes come from can be told.
    place.write(other, {"new": "N", "changed": "VERSION 2", "d/deep": "too long"})
    os.chmod(other / "new", 0o600)
    done = call("sync", place.source, place.destination, "--copy-dest", other)
    assert done.code == 0
    assert place.read(place.destination) == {
        "new": "N",
        "same": "s",
        "changed": "VERSION 2",
        "d/deep": "deep",
    }
    made = (place.destination / "new").stat()
    assert made.st_mode == (place.source / "new").stat().st_mode
    assert (made.st_nlink, (other / "new").stat().st_nlink) == (1, 1)
    # A later edit of one does not show in the other.
    (other / "new").write_text("edited")
    assert (place.destination / "new").read_text() == "N"


def test_copy_dest_with_another_time_keeps_the_source_s(call: Any, place: Any) -> None:
    other = place.source.parent / "other"
    place.write(other, {"new": "n"})
    os.utime(other / "new", ns=(5, 5))
    assert call("sync", place.source, place.destination, "--copy-dest", other).code == 0
    assert (place.destination / "new").stat().st_mtime_ns == 10**18
    assert (other / "new").stat().st_mtime_ns == 5


def test_inplace_keeps_inodes_and_the_backup_its_content(call: Any, place: Any, kept: Path) -> None:
    inode = (place.destination / "changed").stat().st_ino
    done = call("sync", place.source, place.destination, "--inplace", "--backup-dir", kept)
    assert done.code == 0
    assert (place.destination / "changed").stat().st_ino == inode
    assert place.read(place.destination) == place.read(place.source)
    assert (kept / "changed").read_text() == "v1"


@pytest.mark.parametrize("suffix", [".mine", ".partial"])
def test_partial_suffix_ends_the_names_of_unfinished_files(
    call: Any, place: Any, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mirrorfs.trees.local import fill

    seen: set[str] = set()
    plain = fill.Copying.copy

    def look(self: Any, *given: Any) -> int:
        seen.update(path.name for path in place.destination.glob(".mirrorfs-*"))
        return plain(self, *given)

    monkeypatch.setattr(fill.Copying, "copy", look)
    flags = ["--partial-suffix", suffix] if suffix != ".partial" else []
    ours = owner(str(place.source), str(place.destination))
    # A leftover of a killed run is met, not mirrored, and swept.
    (place.destination / f".mirrorfs-{ours}-00000000{suffix}").write_text("left")
    assert call("sync", place.source, place.destination, *flags).code == 0
    assert len(seen) > 1
    assert all(name.endswith(suffix) for name in seen)
    assert place.read(place.destination) == place.read(place.source)
    assert call("sync", place.source, place.destination, "--partial-suffix", "x" * 17).code == 2


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    where = tmp_path / "tiny"
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", where], check=True)
    yield where
    subprocess.run(["umount", where], check=True)


@pytest.mark.root
def test_a_full_disk_is_fatal_when_asked(call: Any, tmp_path: Path, tiny: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "large").write_bytes(bytes(range(256)) * 1024)
    assert call("sync", source, tiny, "--retries", 1).code == 1
    done = call("sync", source, tiny, "--local-fatal-if-no-space")
    assert done.code == 7
    assert "the destination is full" in done.err
    assert list(tiny.iterdir()) == []


def test_what_cannot_go_together_is_refused(call: Any, place: Any) -> None:
    words = "sync", place.source, place.destination
    both = call(*words, "--compare-dest", "a", "--copy-dest", "b")
    assert (both.code, "can't use --compare-dest with --copy-dest" in both.err) == (1, True)
    assert call(*words, "--suffix", "a/b").code == 1
    assert call("run", *words[1:], "--compare-dest", "a").code == 1
