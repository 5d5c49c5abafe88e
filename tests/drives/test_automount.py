"""An automount point is looked at without having anything mounted."""

import os
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.mounting import mount, mounted

from mirrorfs.drives import asleep, describe, name
from mirrorfs.drives.describe import sight
from mirrorfs.errors import DriveAway
from mirrorfs.mirror.record import identity_now

pytestmark = pytest.mark.root


@pytest.fixture
def automount(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """The point, and what the kernel asks through when somebody goes there."""
    point = tmp_path / "auto"
    point.mkdir()
    asked, asks = os.pipe()
    # Who mounts is a process group; from all others the kernel keeps what is not mounted.
    with subprocess.Popen(["sleep", "600"], process_group=0) as mounter:
        try:
            how = f"fd={asks},pgrp={mounter.pid},minproto=5,maxproto=5,direct"
            words = ["mount", "-i", "-t", "autofs", "-o", how, "mirrorfs-test", str(point)]
            subprocess.run(words, check=True, capture_output=True, pass_fds=(asks,))
            yield point, asked
        finally:
            os.close(asks)  # nobody waits for an answer any more
            subprocess.run(["umount", "-l", point], check=False, capture_output=True)
            mounter.kill()
            os.close(asked)


def test_nobody_is_asked_to_mount(automount: tuple[Path, int], tmp_path: Path) -> None:
    point, asked = automount
    link = tmp_path / "link"
    link.symlink_to(point / "folder")
    for place in (point, point / "folder", link / "below"):
        assert asleep(str(place))
        assert not describe(str(place)).here
        with pytest.raises(DriveAway, match="automount point"):
            identity_now(str(place))
    assert name(str(link / "below")) == f"{point}/folder/below"
    before = sight(str(point / "folder"))
    assert not select.select([asked], [], [], 0)[0], "the kernel asked for it to be mounted"
    with subprocess.Popen(["ls", point / "folder"], stderr=subprocess.DEVNULL) as other:
        assert select.select([asked], [], [], 30)[0], "whoever goes there does ask"
        other.kill()
    with mounted(("-t", "tmpfs", "tmpfs"), tmp_path / "auto"):
        (point / "folder").mkdir()
        assert not asleep(str(point / "folder"))
        assert describe(str(link)).here
        assert sight(str(point / "folder")) != before
        assert identity_now(str(link)).kind == "tmpfs"


def test_a_path_without_automounts_is_a_real_path(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("../" + tmp_path.name)
    assert name(str(tmp_path / "link" / "..")) == os.path.realpath(tmp_path / "link" / "..")
    assert not asleep(str(tmp_path))
    mount("--bind", tmp_path, tmp_path)
    try:
        assert name(str(tmp_path / "link")) == str(tmp_path)
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)
