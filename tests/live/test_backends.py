"""Whatever notices the changes, on whatever file system: the mirror ends equal."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import mutator
from support.following import Following
from support.forked import call
from support.mounting import make, mounted
from support.passthrough import passthrough

from mirrorfs.mirror.noticing import Noticing

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="fanotify and mounting need the rights of root"),
]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "tmpfs"])
def test_a_random_history_by_fanotify(tmp_path: Path, kind: str) -> None:
    point = tmp_path / "drive"
    point.mkdir()
    with mounted(make(kind, tmp_path / "base"), point):
        (point / "source").mkdir()
        with Following(
            point / "source",
            tmp_path / "destination",
            tmp_path / "state",
            noticing=Noticing("fanotify"),
        ) as following:
            for seed in range(3):
                script = [sys.executable, mutator.__file__, point / "source", str(seed), "400"]
                subprocess.run(script, check=True)
                following.assert_equal()


@pytest.mark.fuse
def test_a_mirror_of_what_changes_in_silence(tmp_path: Path, eventually: Callable) -> None:
    original, source, destination = (tmp_path / name for name in ("original", "far", "destination"))
    (original / "d").mkdir(parents=True)
    source.mkdir()
    destination.mkdir()
    (original / "d" / "file").write_text("before")
    noticing = Noticing("auto", 0.1)
    with (
        passthrough(original, source),
        Following(source, destination, tmp_path / "state", noticing=noticing) as following,
    ):
        (original / "d" / "file").write_text("changed behind its back")
        (original / "new").mkdir()
        following.catch_up()
        assert (destination / "d" / "file").read_text() == "changed behind its back"
        assert (destination / "new").is_dir()


def test_status_says_what_serves_which_part(tmp_path: Path, eventually: Callable) -> None:
    """A running mirror's file has it, for `status` and for `doctor`."""
    from support.process import Service

    (tmp_path / "source" / "d").mkdir(parents=True)
    state = tmp_path / "state"
    flags = ("--watch-backend", "inotify")
    with Service(
        "run", tmp_path / "source", tmp_path / "destination", state=state, flags=flags
    ) as run:
        run.mirrors()

        def said(command: str) -> str:
            words = [command, str(tmp_path / "source"), "--state-dir", str(state)]
            return call(words, tmp_path).out

        watched = "2 directories watched by inotify"
        assert watched in eventually(lambda: (out := said("status")) and watched in out and out)
        assert "mirrored to" in said("doctor")
        assert watched in said("doctor")
