"""File systems mounted inside the source: mirrored while they are there, and kept when they go."""

import os
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest
from live.conftest import Places
from support.following import Following
from support.mounting import make, mount, mounted, umount
from support.process import Service, call, until
from support.walker import count, differences

pytestmark = pytest.mark.root


def fill(directory: Path, files: int = 30) -> None:
    for number in range(files):
        file = directory / f"d{number % 3}" / f"file{number}"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{number}\n")


def drive(places: Places) -> Path:
    """Where the drive goes; the directory below is not empty, as is good custom."""
    point = places.source / "media" / "drive"
    point.mkdir(parents=True)
    (point / "NOT MOUNTED").touch()
    return point


@pytest.mark.parametrize("lazily", [(), ("-l",)], ids=["", "lazily"])
@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "bind"])
def test_what_is_mounted_and_goes_is_kept(
    places: Places, tmp_path: Path, kind: str, lazily: tuple[str, ...]
) -> None:
    how, point = make(kind, tmp_path / "drive"), drive(places)
    mirrored = places.destination / "media" / "drive"
    with mounted(how, point):
        fill(point)
        with Following(*places) as pair:
            pair.assert_equal()
            whole = count(mirrored)
            # While it is watched: the rest goes on, removals too.
            (places.source / "old").touch()
            pair.catch_up()
            umount(point, *lazily)
            (places.source / "old").unlink()
            (places.source / "new").touch()
            pair.catch_up()
            assert "not mounted any more" in pair.follower.owed["media/drive"].reason
            assert count(mirrored) == whole
            assert (places.destination / "new").exists()
            for path in list(pair.follower.owed):
                pair.follower.owed[path].due = 0.0
            while "old" in pair.follower.owed:
                assert pair.follower.retry() is not None
            assert not (places.destination / "old").exists()
        # Gone at the start, and everything is compared.
        with Following(*places) as pair:
            assert pair.first.scope.is_everything
            assert "media/drive" in pair.follower.owed
            assert count(mirrored) == whole
            if kind == "tmpfs":
                return  # mounted again it is empty, and so is its mirror
            # Back again: as if nothing had been.
            mount(*how, point)
            (point / "d1" / "file1").unlink()
            pair.assert_equal()


def test_another_file_system_in_its_place_is_not_it(places: Places, tmp_path: Path) -> None:
    point = drive(places)
    with ExitStack() as stack:
        for name in ("one", "two"):
            how = make("ext4", tmp_path / name)
            stack.enter_context(mounted(how, point))
            fill(point)
            if name == "one":
                with Following(*places) as pair:
                    pair.assert_equal()
                before = count(places.destination)
                umount(point)
        (point / "only here").touch()
        with Following(*places) as pair:
            assert "replaced" in pair.follower.owed["media/drive"].reason
            assert count(places.destination) == before
        with Following(*places, adopt=True) as pair:
            pair.assert_equal()


def test_a_drive_that_is_gone_for_good_is_said_to_be(places: Places, tmp_path: Path) -> None:
    point = drive(places)
    with mounted(make("bind", tmp_path / "drive"), point):
        fill(point)
        with Following(*places) as pair:
            pair.assert_equal()
    with Following(*places) as pair:
        assert "--adopt" in pair.follower.owed["media/drive"].reason
    with Following(*places, adopt=True) as pair:
        pair.assert_equal()
    with Following(*places) as pair:
        pair.assert_equal()


def test_its_mount_point_may_go_with_it(places: Places, tmp_path: Path) -> None:
    """As udisks does; and the directories above."""
    point = drive(places)
    (point / "NOT MOUNTED").unlink()
    mirrored = places.destination / "media" / "drive"
    with mounted(make("bind", tmp_path / "drive"), point):
        fill(point)
        with Following(*places) as pair:
            pair.assert_equal()
            whole = count(mirrored)
            umount(point)
            point.rmdir()
            pair.catch_up()
            assert count(mirrored) == whole
            point.parent.rmdir()
            pair.catch_up()
            assert count(mirrored) == whole
    with Following(*places) as pair:
        assert list(pair.follower.owed) == ["media/drive"]
        assert count(mirrored) == whole


def test_a_drive_mounted_elsewhere_in_the_source_moves(places: Places, tmp_path: Path) -> None:
    how, point = make("ext4", tmp_path / "drive"), drive(places)
    other = places.source / "elsewhere"
    other.mkdir()
    with mounted(how, point):
        fill(point)
        with Following(*places) as pair:
            pair.assert_equal()
            umount(point)
            with mounted(how, other):
                pair.assert_equal()
                # The directory that a mount point lies in may be renamed.
                (places.source / "elsewhere").parent.joinpath("media").rename(
                    places.source / "old media"
                )
                pair.assert_equal()


def test_a_directory_above_a_mount_is_renamed(places: Places, tmp_path: Path) -> None:
    point = drive(places)
    with mounted(make("tmpfs", tmp_path / "drive"), point):
        fill(point)
        with Following(*places) as pair:
            pair.assert_equal()
            (places.source / "media").rename(places.source / "renamed")
            try:
                pair.assert_equal()
            finally:
                (places.source / "renamed").rename(places.source / "media")
            pair.assert_equal()


def test_what_goes_while_it_is_looked_at_is_kept(places: Places, tmp_path: Path) -> None:
    """Between the look at the mounts and the look at the names."""
    point = drive(places)
    mirrored = places.destination / "media" / "drive"
    with mounted(make("ext4", tmp_path / "drive"), point):
        fill(point)
        with Following(*places) as pair:
            pair.assert_equal()
            whole = count(mirrored)
            read = pair.mirror.source.read

            def unmounted_meanwhile(path: str, names: object = None) -> object:
                if path == "media" and os.path.ismount(point):
                    umount(point, "-l")
                return read(path, names)

            pair.mirror.source.read = unmounted_meanwhile  # type: ignore[method-assign]
            (places.source / "media" / "new").touch()
            (point / "d0" / "file0").unlink()
            pair.catch_up()
            assert "media/drive" in pair.follower.owed
            assert count(mirrored) == whole


def test_one_file_system(places: Places, tmp_path: Path) -> None:
    """What is mounted is neither copied nor taken for a deletion."""
    point = drive(places)
    with Following(*places, one_file_system=True) as pair:
        pair.assert_equal()
        with mounted(make("tmpfs", tmp_path / "drive"), point):
            fill(point)
            (places.source / "new").touch()
            pair.catch_up()
            assert pair.follower.owed == {}
            assert (places.destination / "new").exists()
            assert os.listdir(places.destination / "media" / "drive") == ["NOT MOUNTED"]
        pair.assert_equal()


def test_sync_by_hand_crosses_or_does_not(places: Places, tmp_path: Path) -> None:
    point = drive(places)
    with mounted(make("tmpfs", tmp_path / "drive"), point):
        fill(point)
        call("sync", "-a", "-x", places.source, places.destination, state=places.state)
        assert not (places.destination / "media" / "drive").exists()
        call("sync", "-a", places.source, places.destination, state=places.state)
        assert differences(places.source, places.destination) == []


def test_run_says_what_is_missing_and_takes_it_back(places: Places, tmp_path: Path) -> None:
    point, how = drive(places), make("ext4", tmp_path / "drive")
    with mounted(how, point):
        fill(point)
        with Service("run", *places[:2], state=places.state) as run:
            run.mirrors()
            whole = count(places.destination)
            umount(point)
            owed = until(lambda: run.status()["owed"].get("media/drive"), "what is owed")
            assert "not mounted any more" in owed
            assert count(places.destination) == whole
            run.kill()
            run.start()
            until(lambda: run.status().get("owed", {}).get("media/drive"), "what is owed")
            assert count(places.destination) == whole
            subprocess.run(["mount", *how, point], check=True)
            run.mirrors()
            until(lambda: not run.status()["owed"], "nothing owed")
