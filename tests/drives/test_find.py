"""Places on drives: how they are written, and where they are found, on real file systems."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.mounting import make, mount, mounted

from mirrorfs.drives import absolute, find, located, name, parse
from mirrorfs.errors import DriveAway, FatalError, UsageError
from mirrorfs.trees.local import volume
from mirrorfs.trees.local.mountinfo import Mount, mounts_now
from mirrorfs.trees.local.superblock import Volume

LABEL = {
    "ext4": ("e2label", "{}", "BACK UP"),
    "xfs": ("xfs_admin", "-L", "BACK_UP", "{}"),
    "btrfs": ("btrfs", "filesystem", "label", "{}", "BACK UP"),
}
KINDS = tuple(LABEL)


def labelled(kind: str, base: Path) -> tuple[str | Path, ...]:
    """What to tell mount(8) for a new file system with a label."""
    how = make(kind, base)
    words = [word.format(how[-1]) for word in LABEL[kind]]
    subprocess.run(words, check=True, capture_output=True)
    return how


def tagged(how: tuple[str | Path, ...], tag: str) -> str:
    """What blkid(8) says."""
    words = ["blkid", "-p", "-o", "value", "-s", tag, how[-1]]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.rstrip("\n")


@pytest.fixture
def point(tmp_path: Path) -> Path:
    (tmp_path / "run" / "media" / "me").mkdir(parents=True)
    place = tmp_path / "run" / "media" / "me" / "B U"
    place.mkdir()
    return place


def mount_at(point: Path) -> Mount:
    return [each for each in mounts_now() if each.point == str(point).strip("/")][-1]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("UUID=1234-abcd:/a/b/", "UUID=1234-ABCD:/a/b"),
        ("UUID=1234-abcd", "UUID=1234-ABCD:/"),
        (
            "UUID=0A1B2C3D-0000-4000-8000-000000000001:/",
            "UUID=0a1b2c3d-0000-4000-8000-000000000001:/",
        ),
        ("LABEL=my: drive:/a//b/.", "LABEL=my: drive:/a/b"),
        ("PARTUUID=ab-01:/x", "PARTUUID=AB-01:/x"),
    ],
)
def test_places_as_they_are_written(text: str, written: str) -> None:
    assert str(parse(text)) == name(text) == absolute(text) == written
    assert parse(f"./{text}") is None


@pytest.mark.parametrize("text", ["UUID=:/a", "LABEL=", "LABEL=a:/b/../c"])
def test_places_that_make_no_sense(text: str) -> None:
    with pytest.raises(UsageError, match="names no folder"):
        parse(text)


@pytest.mark.root
@pytest.mark.parametrize("kind", KINDS)
def test_a_drive_is_found_wherever_it_is_mounted(kind: str, tmp_path: Path, point: Path) -> None:
    how = labelled(kind, tmp_path / "drive")
    label, uuid = tagged(how, "LABEL"), tagged(how, "UUID")
    places = (f"LABEL={label}:/a b/c", f"UUID={uuid}:/a b/c", f"UUID={uuid.upper()}:/a b/c")
    for place in places:
        with pytest.raises(DriveAway, match="is not there"):
            find(place)
    other = tmp_path / "elsewhere"
    other.mkdir()
    for where in (point, other):
        with mounted(how, where):
            for place in places:
                assert located(place) == f"{where}/a b/c"
            assert volume.look(mount_at(where)) == Volume(kind, uuid, label)
            told = volume._told(mount_at(where))  # what is left to who may not read the device
            assert told == Volume(kind, uuid, label)


@pytest.mark.root
def test_the_mount_that_shows_the_folder_is_chosen(tmp_path: Path, point: Path) -> None:
    how = labelled("btrfs", tmp_path / "drive")
    place = f"UUID={tagged(how, 'UUID')}"
    bound, part = tmp_path / "bound", tmp_path / "part"
    for directory in (bound, part):
        directory.mkdir()
    with mounted(how, point):
        words = ["btrfs", "subvolume", "create", point / "@home"]
        subprocess.run(words, check=True, capture_output=True)
        (point / "@home" / "me").mkdir()
        subvolume = (*how[:1], f"{how[1]},subvol=@home", *how[2:])
        with mounted(subvolume, part), mounted(("--bind", point / "@home" / "me"), bound):
            assert located(f"{place}:/@home/me") == f"{point}/@home/me"  # all before a part
            subprocess.run(["umount", point], check=True)
            assert located(f"{place}:/@home/me/x") == f"{part}/me/x"
            subprocess.run(["umount", part], check=True)
            assert located(f"{place}:/@home/me/x") == f"{bound}/x"
            with pytest.raises(DriveAway, match="only the folder /@home/me is mounted"):
                find(f"{place}:/other")


@pytest.mark.root
def test_a_hidden_mount_is_not_there(tmp_path: Path, point: Path) -> None:
    how = labelled("ext4", tmp_path / "drive")
    place = f"UUID={tagged(how, 'UUID')}:/"
    with mounted(how, point):
        mount("-t", "tmpfs", "tmpfs", point)
        with pytest.raises(DriveAway):
            find(place)


@pytest.fixture
def twins(tmp_path: Path, point: Path) -> Iterator[tuple[str, str]]:
    """The UUIDs of two drives with one label."""
    hows = [labelled("ext4", tmp_path / name) for name in ("one", "two")]
    other = tmp_path / "other"
    other.mkdir()
    with mounted(hows[0], point), mounted(hows[1], other):
        yield tagged(hows[0], "UUID"), tagged(hows[1], "UUID")


@pytest.mark.root
def test_a_label_on_two_drives_is_refused(twins: tuple[str, str], point: Path) -> None:
    with pytest.raises(FatalError) as raised:
        find("LABEL=BACK UP:/folder")
    assert all(uuid in str(raised.value) for uuid in twins)
    assert located(f"UUID={twins[0]}:/folder") == f"{point}/folder"


@pytest.mark.root
def test_udev_helps_where_the_device_may_not_be_read(
    tmp_path: Path, point: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = labelled("ext4", tmp_path / "drive")
    links = tmp_path / "disk"
    for directory in ("by-uuid", "by-label"):
        (links / directory).mkdir(parents=True)
    monkeypatch.setattr(volume, "LINKS", str(links))
    with mounted(how, point):
        device = mount_at(point).source
        os.symlink(device, links / "by-uuid" / "ABCD-0123")
        os.symlink(device, links / "by-label" / r"of\x20udev")
        assert located("UUID=abcd-0123:/x") == located("LABEL=of udev:/x") == f"{point}/x"
        assert volume.attached("LABEL", "of udev") == device
    with pytest.raises(DriveAway, match="attached as") as raised:
        find("LABEL=of udev:/x")
    assert device in raised.value.remedy
