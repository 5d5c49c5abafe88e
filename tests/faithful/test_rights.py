"""What cannot be kept, or not be touched: said once and plainly, and not planned for ever."""

import os
import subprocess
from pathlib import Path

import pytest
from faithful.conftest import Pair
from support.forked import NOBODY, Done, call
from support.portrait import portrait, unlike

pytestmark = pytest.mark.root


def run(pair: Pair, *words: str, user: int | None = None, code: int = 0) -> Done:
    done = call([*words, str(pair.source), str(pair.mirror)], pair.home, user=user)
    assert done.code == code, done.said
    return done


def planned(pair: Pair, user: int | None = None) -> str:
    return run(pair, "plan", "-a", "--full", user=user).out.splitlines()[-1]


@pytest.fixture
def plain(pair_on) -> Pair:
    return pair_on("ext4")


def test_without_the_rights_of_root_owners_are_left_alone_and_that_is_said_once(
    plain: Pair,
) -> None:
    os.chown(plain.mirror, NOBODY, NOBODY)
    for number in range(3):
        path = plain.source / f"{number}"
        path.write_text("content")
        os.chown(path, number, number)
        path.chmod(0o4755)
    (plain.source / "directory").mkdir()
    said = run(plain, "sync", "-a", user=NOBODY).err.splitlines()
    assert len(said) == 1
    assert "NOTICE" in said[0] and "owner" in said[0]
    assert planned(plain, NOBODY) == "nothing to do"
    assert {path.stat().st_uid for path in plain.mirror.iterdir()} == {NOBODY}
    assert {path.stat().st_mode & 0o7777 for path in plain.mirror.glob("?")} == {0o4755}
    assert run(plain, "sync", "--metadata", user=NOBODY).err.count("owner") == 1
    assert run(plain, "sync", user=NOBODY).err == ""
    # With them, the owners are mended, and nothing is said.
    os.chown(plain.mirror, 0, 0)
    assert run(plain, "sync", "-a").err == ""
    assert {path.stat().st_uid for path in plain.mirror.glob("?")} == {0, 1, 2}


def test_attributes_of_what_nobody_may_write_in(plain: Pair) -> None:
    """As their owner, who is not root: the right to write comes and goes."""
    file, directory = plain.source / "file", plain.source / "directory"
    file.write_text("content")
    directory.mkdir()
    for path in (file, directory):
        os.setxattr(path, "user.kept", b"1")
        subprocess.run(["setfacl", "-m", "u:1234:r", path], check=True)
    file.chmod(0o444)
    directory.chmod(0o555)
    for path in (plain.source, plain.mirror, file, directory):
        os.chown(path, NOBODY, NOBODY)
    run(plain, "sync", "-a", user=NOBODY)
    assert unlike(portrait(plain.source), portrait(plain.mirror)) == []
    inode = (plain.mirror / "file").stat().st_ino
    for path in (file, directory):
        os.setxattr(path, "user.kept", b"2")
        os.setxattr(path, "user.new", b"1")
    run(plain, "sync", "-a", user=NOBODY)
    assert unlike(portrait(plain.source), portrait(plain.mirror)) == []
    assert (plain.mirror / "file").stat().st_ino == inode


@pytest.mark.parametrize("flag", ["i", "a"])
def test_what_a_flag_protects_on_the_destination_is_an_error_and_stays(
    plain: Pair, flag: str
) -> None:
    for name in ("changed", "gone", "mode", "other"):
        (plain.source / name).write_text("first")
    (plain.source / "full").mkdir()
    (plain.source / "full" / "inside").touch()
    run(plain, "sync", "-a")
    protected = [plain.mirror / name for name in ("changed", "gone", "mode", "full")]
    subprocess.run(["chattr", f"+{flag}", *protected], check=True)
    (plain.source / "changed").write_text("second")
    (plain.source / "other").write_text("second")
    (plain.source / "mode").chmod(0o600)
    (plain.source / "gone").unlink()
    (plain.source / "full" / "inside").unlink()
    (plain.source / "full" / "new").touch()
    said = run(plain, "sync", "-a", "--retries", "1", code=1).err
    assert "changed" in said and "mode" in said and "Operation not permitted" in said
    assert (plain.mirror / "changed").read_text() == "first"
    assert (plain.mirror / "gone").exists()
    assert (plain.mirror / "other").read_text() == "second"
    assert not [name for name in os.listdir(plain.mirror) if name.startswith(".mirrorfs")]
    left = [name for name in os.listdir(plain.mirror / "full") if name.startswith(".mirrorfs")]
    assert not left or flag == "a"  # where nothing may be removed, until the next run may
    subprocess.run(["chattr", f"-{flag}", *protected], check=True)
    run(plain, "sync", "-a")
    assert unlike(portrait(plain.source), portrait(plain.mirror)) == []


@pytest.mark.parametrize("flag", ["i", "a"])
def test_what_a_flag_protects_in_the_source_is_mirrored_without_it(plain: Pair, flag: str) -> None:
    """Flags of inodes are no part of a mirror: it could not be changed again."""
    (plain.source / "file").write_text("content")
    (plain.source / "directory").mkdir()
    subprocess.run(["chattr", f"+{flag}", *plain.source.iterdir()], check=True)
    run(plain, "sync", "-a")
    assert unlike(portrait(plain.source), portrait(plain.mirror)) == []
    flags = subprocess.run(
        ["lsattr", "-d", *plain.mirror.iterdir()], capture_output=True, text=True, check=True
    ).stdout
    assert not any(flag in line.split()[0] for line in flags.splitlines())


def test_where_no_attributes_can_be_kept_that_is_said_once(plain: Pair, tmp_path: Path) -> None:
    file = plain.source / "file"
    file.write_text("content")
    os.setxattr(file, "user.x", b"1")
    point = plain.beside("ramfs")
    subprocess.run(["mount", "-t", "ramfs", "ramfs", point], check=True)
    try:
        across = Pair("", plain.source, point, plain.home)
        said = run(across, "sync", "-a").err.splitlines()
        assert len(said) == 1
        assert "extended attributes" in said[0]
        assert (point / "file").read_text() == "content"
        assert planned(across) == "nothing to do"
    finally:
        subprocess.run(["umount", "-l", point], check=True)
