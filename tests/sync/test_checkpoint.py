"""What is remembered of a destination comes back as it was, or not at all."""

import os

import pytest

from journal import Position
from mirrorfs.core.record import replace
from mirrorfs.core.tree import Identity
from mirrorfs.mirror.checkpoint import RETRY_SIZE, Checkpoint, CheckpointFile

IDENTITY = Identity("fs", "ext4", 2, 1)
CHECKPOINT = Checkpoint(
    ("/source", "/destination"),
    IDENTITY,
    IDENTITY._replace(inode=3),
    "options-filter",
    Position("ab" * 16, 7),
    {"a/b": "permission denied", os.fsdecode(b"\xff\n"): "withheld"},
    1,
    2,
)


def test_round_trip(tmp_path):
    CheckpointFile(str(tmp_path)).store(CHECKPOINT)
    assert CheckpointFile(str(tmp_path)).load() == CHECKPOINT


def test_none_was_stored(tmp_path):
    assert CheckpointFile(str(tmp_path)).load() is None


def test_more_owed_paths_than_can_be_kept_are_owed_as_the_root(tmp_path):
    many = {f"{'d' * 200}/{number}": "no space" for number in range(RETRY_SIZE // 200)}
    CheckpointFile(str(tmp_path)).store(replace(CHECKPOINT, retry=many))
    loaded = CheckpointFile(str(tmp_path)).load()
    assert loaded is not None
    assert list(loaded.retry) == [""]


@pytest.mark.parametrize("damage", [b"", b"garbage", b"{}"])
def test_a_damaged_one_is_none(tmp_path, damage):
    file = CheckpointFile(str(tmp_path))
    file.store(CHECKPOINT)
    (tmp_path / "checkpoint").write_bytes(damage)
    assert file.load() is None


@pytest.mark.parametrize("path", ["/etc", "../up", "a//b"])
def test_no_path_leads_out_of_the_root(tmp_path, path):
    file = CheckpointFile(str(tmp_path))
    file.store(replace(CHECKPOINT, retry={path: "hostile"}))
    assert file.load() is None
