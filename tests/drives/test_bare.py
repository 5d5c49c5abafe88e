"""The first time that something is mirrored to a drive that is not mounted."""

import os
from pathlib import Path

import pytest
from support.mounting import make, mounted
from support.stepping import Stepped
from support.walker import count

from mirrorfs.drives import bare, refuse_bare
from mirrorfs.errors import DriveAway

pytestmark = pytest.mark.root


def test_a_bare_mount_point_gets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, point = tmp_path / "source", tmp_path / "back up"
    for directory in (source, point):
        directory.mkdir()
    (source / "file").write_text("content")
    fstab = tmp_path / "fstab"
    escaped = str(point).replace(" ", r"\040")
    fstab.write_text(f"# drives\n\nLABEL=backup {escaped} ext4 noauto 0 0\nnone none swap sw\n")
    monkeypatch.setattr(bare, "FSTAB", str(fstab))
    for destination in (point, point / "mirror"):
        state = tmp_path / f"state of {destination.name}"
        with Stepped(source, destination, state) as run:
            run.reaches("waiting")
            assert "where" in run.said.read_text()
            assert os.listdir(point) == []
            with mounted(make("tmpfs", tmp_path / f"drive {destination.name}"), point):
                run.recovers(count(source))
    with Stepped(source, point / "meant", tmp_path / "state", flags=("--adopt",)) as run:
        run.recovers(count(source))
    refuse_bare(str(point))  # something is in there: somebody uses it


def test_where_udisks_mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    media = tmp_path / "media"
    drive = media / "me" / "backup"
    drive.mkdir(parents=True)
    monkeypatch.setattr(bare, "MEDIA", (str(media).strip("/"),))
    for place in (drive, drive / "folder", media / "other"):
        with pytest.raises(DriveAway, match="on no drive"):
            refuse_bare(str(place))
    with mounted(make("tmpfs", tmp_path / "drive"), drive):
        refuse_bare(str(drive))
        refuse_bare(str(drive / "folder"))
    refuse_bare(str(tmp_path / "folder"))
    refuse_bare("LABEL=backup:/folder")
