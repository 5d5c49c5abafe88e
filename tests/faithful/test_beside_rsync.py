"""`mirrorfs sync -a` beside `rsync -aHAXS --numeric-ids --delete`: alike in every property.

Both make the same destination equal to the same source, twice; an independent walker compares what
they made with the source. Where rsync alone differs, a test says how, and why.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from faithful.conftest import Pair
from support.forked import call
from support.hostile import Changer, HostileMutator, Maker
from support.mounting import KINDS
from support.portrait import Portrait, filled, portrait, unlike

pytestmark = pytest.mark.root

RSYNC = ("rsync", "-aHAXS", "--numeric-ids", "--delete")
# Without it rsync takes times of one second for equal; see `test_rsync_compares_whole_seconds`.
EXACTLY = "--modify-window=-1"


def rsync(source: Path, destination: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RSYNC, *flags, f"{source}/", f"{destination}/"],
        capture_output=True,
        errors="backslashreplace",
        check=False,
    )


def sync(pair: Pair) -> None:
    """`mirrorfs sync -a`, which says nothing; planning again finds nothing to do."""
    done = call(["sync", "-a", str(pair.source), str(pair.mirror), "--adopt"], pair.home)
    assert (done.code, done.said.strip()) == (0, "")
    again = call(["plan", "-a", "--full", str(pair.source), str(pair.mirror)], pair.home)
    assert again.out.splitlines()[-1] == "nothing to do", again.out


def alike(pair: Pair, theirs: Path) -> None:
    """Both do it, and both end in the source."""
    sync(pair)
    for _ in range(2):
        done = rsync(pair.source, theirs, EXACTLY)
        # rsync asks what it has just replaced by another kind for its default ACL, and is denied;
        # it is right when it runs again.
        if "ACL_TYPE_DEFAULT): Permission denied" not in done.stderr:
            break
    assert (done.returncode, done.stderr) == (0, "")
    wanted, ours, its = portrait(pair.source), portrait(pair.mirror), portrait(theirs)
    assert unlike(wanted, ours) == []
    assert unlike(without_acls(ours), without_acls(its)) == []
    assert filled(wanted, ours) == []


def without_acls(seen: Portrait) -> Portrait:
    """Below a default ACL rsync now and then leaves a new directory the inherited rights of its
    group, so of ACLs only ours are compared with the source."""
    return {
        path: one._replace(xattrs=tuple(x for x in one.xattrs if "posix_acl" not in x[0]))
        for path, one in seen.items()
    }


def start(destination: Path, seed: int) -> None:
    """Something else in the way of everything."""
    HostileMutator(str(destination), seed).run(150)
    shutil.rmtree(f"{destination}.aside")


def test_a_tree_with_everything(pair: Pair) -> None:
    Maker(pair.kind).make(str(pair.source))
    start(pair.mirror, 1)
    for name in ("sizes", "acls", "hard_links"):  # of another kind than in the source
        os.mkfifo(pair.mirror / name)
    (pair.mirror / "symlinks" / "relative").mkdir(parents=True)
    theirs = pair.beside("theirs")
    subprocess.run(["cp", "-a", "-T", pair.mirror, theirs], check=True)
    alike(pair, theirs)
    before = portrait(pair.mirror)
    Changer(str(pair.source)).change()
    alike(pair, theirs)
    kept_where_only_attributes_changed(before, portrait(pair.mirror))


def kept_where_only_attributes_changed(before: Portrait, after: Portrait) -> None:
    for name in ("mode", "owner", "time", "nanoseconds", "attribute", "attribute_gone",
                 "attribute_new", "acl", "capability"):  # fmt: skip
        path = b"changes/" + name.encode()
        assert before[path] != after[path]
        assert before[path].inode == after[path].inode, f"{name}: the content was copied again"


def random_tree(pair: Pair, seed: int, operations: int) -> None:
    start(pair.mirror, seed + 1)
    theirs = pair.beside("theirs")
    subprocess.run(["cp", "-a", "-T", pair.mirror, theirs], check=True)
    mutator = HostileMutator(str(pair.source), seed)
    for _ in range(2):
        mutator.run(operations)
        alike(pair, theirs)


@pytest.mark.parametrize("seed", [11])
def test_random_trees(pair: Pair, seed: int) -> None:
    random_tree(pair, seed, 300)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(100, 200))
def test_many_random_trees(pair: Pair, seed: int) -> None:
    random_tree(pair, seed, 600)


def test_rsync_compares_whole_seconds(pair_on) -> None:
    """Its check takes an edit within the second that keeps the size for none; ours does not."""
    pair = pair_on("ext4")
    file, second = pair.source / "file", 1_700_000_000_000_000_000
    file.write_bytes(b"first")
    os.utime(file, ns=(second, second))
    theirs = pair.beside("theirs")
    sync(pair)
    assert rsync(pair.source, theirs).returncode == 0
    file.write_bytes(b"later")
    os.utime(file, ns=(second, second + 1000))
    sync(pair)
    assert rsync(pair.source, theirs).returncode == 0
    assert (pair.mirror / "file").read_bytes() == b"later"
    assert (theirs / "file").read_bytes() == b"first"


def test_what_rsync_a_keeps(pair_on) -> None:
    """Without ACLs, extended attributes and hard links -a is what rsync means by it."""
    pair = pair_on("ext4")
    Maker(pair.kind).make(str(pair.source))
    theirs = pair.beside("theirs")
    for number in range(2):
        words = ["sync", "-a", "--no-xattrs", "--no-hard-links"]
        done = call([*words, str(pair.source), str(pair.mirror)], pair.home)
        assert (done.code, done.said.strip()) == (0, "")
        subprocess.run(
            ["rsync", "-a", "--numeric-ids", "--delete", EXACTLY, f"{pair.source}/", f"{theirs}/"],
            check=True,
        )
        ours, its = portrait(pair.mirror), portrait(theirs)
        assert unlike(ours, its) == []
        assert not any(one.xattrs for one in ours.values())
        if number == 0:
            (pair.source / "new").write_bytes(b"new")
            os.setxattr(pair.source / "new", "user.left", b"out")


def test_rsync_gives_up_where_a_path_is_too_long(pair_on) -> None:
    pair = pair_on("ext4")
    held = os.open(pair.source, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("d" * 200, dir_fd=held)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=held)
        os.close(held)
        held = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=held))
    os.symlink("target", "link", dir_fd=held)
    os.mkfifo("fifo", dir_fd=held)
    os.setxattr(f"/proc/self/fd/{held}/file", "user.deep", b"1")
    os.close(held)
    sync(pair)
    assert unlike(portrait(pair.source), portrait(pair.mirror)) == []
    theirs = pair.beside("theirs")
    assert rsync(pair.source, theirs).returncode != 0
    # And it goes as it came.
    subprocess.run(["rm", "-r", pair.source / ("d" * 200)], check=True)
    (pair.source / "left").touch()
    sync(pair)
    assert os.listdir(pair.mirror) == ["left"]


@pytest.mark.parametrize("kind", KINDS)
def test_attributes_of_another_file_system_s_acls_do_not_come_along(pair_on, kind: str) -> None:
    """xfs shows an ACL a second time, as a trusted attribute; elsewhere that would be one more."""
    pair, other = pair_on("xfs"), pair_on(kind)
    subprocess.run(["setfacl", "-m", "u:1234:rwx,d:u:1234:rwx", pair.source], check=True)
    file = pair.source / "file"
    file.touch()
    across = Pair(kind, pair.source, other.mirror, pair.home)
    sync(across)
    shown = {name for name in os.listxattr(other.mirror / "file") if "SGI" not in name}
    assert shown == {"system.posix_acl_access"}
    if kind != "xfs":
        assert not [name for name in os.listxattr(other.mirror / "file") if "SGI" in name]
    subprocess.run(["setfacl", "-b", file], check=True)
    sync(across)
    assert os.listxattr(other.mirror / "file") == []
