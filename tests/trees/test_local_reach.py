"""Only local trees: what is reached, through which directories, and never through a symlink."""

import os
import resource
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mirrorfs.core.options import Links, Options, archive
from mirrorfs.core.plan import Action, Stage, Status, Verb
from mirrorfs.core.tree import Kind, TreeError, Trouble
from mirrorfs.errors import DirectoryMissing, FatalError, SettingError, TemporaryError
from mirrorfs.trees.local import LocalTree


def test_only_ancestors_are_opened_and_only_once(local):
    world = local()
    for path in ("a/b/c/file", "a/x/file", "y/file"):
        world.there.write(path)
    world.source.handles.opened = opened = []
    world.source.read("a/b/c", ["file"])
    world.source.open("a/b/c/file").close()
    assert opened == ["a", "a/b", "a/b/c"]
    world.source.read("a/x")
    assert opened == ["a", "a/b", "a/b/c", "a/x"]
    world.source.begin()
    world.source.read("a")
    assert opened[4:] == ["a"]


def test_a_tree_deeper_than_a_path_can_be_long(local):
    world = local()
    depth, name = 3000, "d"
    path = ""
    for side in (world.there, world.here):
        fd = os.open(side.root, os.O_RDONLY)
        for _ in range(depth):
            os.mkdir(name, dir_fd=fd)
            below = os.open(name, os.O_RDONLY, dir_fd=fd)
            os.close(fd)
            fd = below
        if side is world.there:
            os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
        os.close(fd)
    path = "/".join([name] * depth)
    assert list(world.source.read(path).entries) == ["file"]
    assert world.create(f"{path}/file").status is Status.DONE
    assert world.delete(f"{path}/file").status is Status.DONE
    for _ in range(300):
        assert world.delete(path).status is Status.DONE
        path = path.rpartition("/")[0]
    subprocess.run(["rm", "-rf", world.there.root, world.here.root], check=True)


def test_sixty_four_descriptors_are_enough(tmp_path):
    script = """
import resource, sys
from mirrorfs.core.options import Options
from mirrorfs.core.plan import Action, Stage, Verb
from mirrorfs.trees.local import LocalTree
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
root = sys.argv[1]
with LocalTree(root + "/s") as s, LocalTree(root + "/d", writable=True) as d:
    for n in range(200):
        for name, entry in s.read(f"{n}").entries.items():
            above = s.read("", [f"{n}"]).entries[f"{n}"]
            d.create_directories([Action(Verb.CREATE, Stage.DIRECTORIES, f"{n}", above, None, "")])
            new = Action(Verb.CREATE, Stage.CONTENT, f"{n}/{name}", entry, None, "")
            (o,) = d.transfer([new], s)
            assert o.status == "done", o
"""
    for index in range(200):
        (tmp_path / "s" / str(index)).mkdir(parents=True)
        (tmp_path / "s" / str(index) / "file").write_bytes(b"x")
    (tmp_path / "d").mkdir()
    subprocess.run([sys.executable, "-c", script, tmp_path], check=True, timeout=60)
    assert len(list((tmp_path / "d").glob("*/file"))) == 200


def test_out_of_descriptors_is_busy_not_absent(local):
    world = local()
    world.there.write("a/b/file")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        with pytest.raises(TreeError) as caught:
            world.source.read("a/b")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert caught.value.trouble is Trouble.BUSY
    assert list(world.source.read("a/b").entries) == ["file"]


def test_threads_share_a_directory(local):
    world = local()
    names = {f"file{index:03}" for index in range(600)}
    for name in names:
        world.there.write(f"d/{name}")
    seen = []

    def look() -> None:
        seen.extend(set(world.source.read("d").entries) == names for _ in range(3))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 12


def test_a_fifo_in_a_files_place_does_not_block(local):
    world = local()
    world.there.write("name", b"x")
    action = world.action(Verb.CREATE, "name")
    world.there.remove("name")
    world.there.special("name")
    assert world.do(action).failure.trouble is Trouble.UNSTABLE
    world.there.remove("name")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(world.there.root / "name"))
        assert world.do(action).status is Status.FAILED
    assert not world.destination.read("").entries


@pytest.mark.parametrize("side", ["source", "destination"])
def test_a_directory_swapped_for_a_symlink_is_never_followed(local, tmp_path, side, eventually):
    """While a directory flips between itself and a symlink, nothing outside is read or changed."""
    world = local()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"canary")
    (outside / "file").chmod(0o600)
    os.utime(outside / "file", ns=(1, 1))
    os.utime(outside, ns=(1, 1))
    for user in (world.there, world.here):
        user.write("d/file", b"inside")
        user.write("d/other", b"inside")
    flipped = world.there.root if side == "source" else world.here.root
    stop = threading.Event()
    flips = 0

    def flip() -> None:
        nonlocal flips
        while not stop.is_set():
            os.rename(flipped / "d", flipped / "kept")
            os.symlink(outside, flipped / "d")
            os.unlink(flipped / "d")
            os.rename(flipped / "kept", flipped / "d")
            flips += 1

    want = world.at("d/file", world.source)
    expect = world.at("d/file")
    actions = [
        Action(Verb.UPDATE, Stage.CONTENT, "d/file", want, expect, ""),
        Action(Verb.CREATE, Stage.CONTENT, "d/new", want, None, ""),
        Action(Verb.ATTRIBUTES, Stage.ATTRIBUTES, "d/file", want._replace(mode=0o777), None, ""),
        Action(Verb.DELETE, Stage.DELETE, "d/file", None, expect, ""),
        Action(Verb.CREATE, Stage.DIRECTORIES, "d/sub", world.source.root(), None, ""),
        Action(Verb.RENAME, Stage.RENAME, "d/moved", None, expect, "", origin="d/file"),
    ]
    thread = threading.Thread(target=flip)
    thread.start()
    looped = 0
    try:
        deadline = time.monotonic() + 30
        while (looped < 3 or flips < 200) and time.monotonic() < deadline:
            for action in actions:
                world.source.begin()
                world.destination.begin()
                outcome = world.do(action)
                looped += bool(outcome.failure) and outcome.failure.trouble is Trouble.LOOP
            for tree in (world.source, world.destination):
                try:
                    assert "canary" not in tree.read("d").entries
                except TreeError as error:
                    looped += error.trouble is Trouble.LOOP
    finally:
        stop.set()
        thread.join()
    assert looped >= 3
    assert [path.name for path in outside.iterdir()] == ["file"]
    assert (outside / "file").read_bytes() == b"canary"
    assert (outside / "file").stat().st_mode & 0o7777 == 0o600
    assert (outside / "file").stat().st_mtime_ns == outside.stat().st_mtime_ns == 1
    for path in world.here.root.rglob("*"):
        assert not path.is_file() or path.read_bytes() != b"canary"


def test_a_symlinked_root_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("real")
    with LocalTree(tmp_path / "link") as tree, LocalTree(tmp_path / "real") as real:
        assert list(tree.read("").entries) == ["file"]
        assert tree.identity() == real.identity()
        assert tree.identity().born_ns > 0


def test_a_missing_root_says_what_to_do(tmp_path):
    with pytest.raises(DirectoryMissing) as caught:
        LocalTree(tmp_path / "gone")
    assert str(tmp_path / "gone") in str(caught.value)
    assert caught.value.remedy


def test_a_root_that_was_replaced_or_removed_is_noticed(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    with LocalTree(root) as tree:
        before = tree.identity()
        root.rename(tmp_path / "away")
        for check in (tree.identity, tree.begin):
            with pytest.raises(DirectoryMissing):
                check()
        root.mkdir()
        for check in (tree.identity, tree.begin):
            with pytest.raises(TemporaryError) as caught:
                check()
            assert str(root) in str(caught.value)
            assert caught.value.remedy
        root.rmdir()
        (tmp_path / "away").rename(root)
        assert tree.identity() == before


def test_a_tree_opened_for_reading_is_not_written(tmp_path):
    with LocalTree(tmp_path) as tree:
        for verb in (tree.create_directories, tree.rename, tree.set_attributes, tree.delete):
            with pytest.raises(FatalError):
                verb([])
        for call in (tree.flush, tree.sweep, lambda: tree.transfer([], tree)):
            with pytest.raises(FatalError):
                call()


@pytest.mark.parametrize("given", [{"owner": "nothex!!"}, {"partial_suffix": "x" * 17}])
def test_impossible_temporary_names_are_refused(tmp_path, given):
    with pytest.raises(SettingError):
        LocalTree(tmp_path, **given)


def test_following_shows_what_links_point_to(tmp_path):
    root, away = tmp_path / "root", tmp_path / "away"
    (root / "d").mkdir(parents=True)
    away.mkdir()
    (away / "file").write_bytes(b"far")
    (root / "file").symlink_to(away / "file")
    (root / "away").symlink_to(away)
    (root / "dangling").symlink_to("nowhere")
    (root / "loop").symlink_to("loop")
    (root / "d" / "up").symlink_to("..")
    with LocalTree(root, Options(links=Links.FOLLOW)) as tree:
        listing = tree.read("")
        assert listing.entries["file"].kind is Kind.FILE
        assert listing.entries["away"].kind is Kind.DIRECTORY
        assert set(listing.failures) == {"dangling", "loop"}
        assert listing.failures["loop"].trouble is Trouble.LOOP
        assert tree.read("away").entries["file"].size == 3
        assert tree.open("away/file").read(9) == b"far"
        assert tree.open("file").read(9) == b"far"
        assert tree.read("d").failures["up"].trouble is Trouble.LOOP
    with LocalTree(root, Options(links=Links.FOLLOW), writable=True) as tree:
        with pytest.raises(TreeError) as caught:
            tree.read("away")
        assert caught.value.trouble is Trouble.LOOP


@pytest.mark.root
def test_another_user_meets_what_he_may_not_read(tmp_path):
    """Unreadable is a failure, never empty; what may only be passed through is passed."""
    root = tmp_path / "root"
    (root / "closed").mkdir(parents=True)
    (root / "passable").mkdir()
    (root / "passable" / "below").mkdir()
    (root / "passable" / "below" / "file").write_bytes(b"x")
    (root / "secret").write_bytes(b"x")
    (root / "secret").chmod(0)
    (root / "closed").chmod(0)
    (root / "passable").chmod(0o711)
    script = """
import os, sys
from mirrorfs.core.tree import Trouble, TreeError
from mirrorfs.trees.local import LocalTree
from mirrorfs.core.options import Options, archive
os.setgroups([]); os.setgid(65534); os.setuid(65534)
tree = LocalTree(sys.argv[1], archive(Options()))
assert set(tree.read("").entries) == {"closed", "passable", "secret"}
cases = (("closed", None), ("closed", ["x"]), ("closed/x", None), ("passable", None))
for path, names in cases:
    try:
        listing = tree.read(path, names)
        assert listing.failures["x"].trouble is Trouble.DENIED, listing
    except TreeError as error:
        assert error.trouble is Trouble.DENIED, (path, error.failure)
try:
    tree.open("secret")
except TreeError as error:
    assert error.trouble is Trouble.DENIED
else:
    raise AssertionError
assert list(tree.read("passable/below").entries) == ["file"]
"""
    for parent in (tmp_path, *tmp_path.parents[:3]):
        if parent != Path("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o055)
    done = subprocess.run(
        [sys.executable, "-c", script, root], timeout=60, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_capabilities_follow_the_user(tmp_path):
    with LocalTree(tmp_path, archive(Options())) as tree:
        assert tree.capabilities.owners is (os.geteuid() == 0)


@pytest.mark.parametrize("options", [Options(), archive(Options())], ids=["plain", "archive"])
@pytest.mark.parametrize("made", [False, True], ids=["by us", "by others"])
def test_what_is_written_into_a_directory_is_in_the_one_that_is_there(tmp_path, options, made):
    """Others renamed the one before, which is still held, and made another one, or we do."""
    (tmp_path / "s" / "d").mkdir(parents=True)
    (tmp_path / "s" / "d" / "file").write_bytes(b"x")
    target = tmp_path / "t"
    (target / "d").mkdir(parents=True)
    with (
        LocalTree(tmp_path / "s", options) as source,
        LocalTree(target, options, writable=True) as tree,
    ):
        tree.read("d")
        (target / "d").rename(target / "away")
        if made:
            (target / "d").mkdir()
        above, below = source.read("").entries["d"], source.read("d").entries["file"]
        actions = [Action(Verb.CREATE, Stage.DIRECTORIES, "d", above, None, "")]
        assert tree.create_directories(actions)[0].status is Status.DONE
        actions = [Action(Verb.CREATE, Stage.CONTENT, "d/file", below, None, "")]
        assert tree.transfer(actions, source)[0].status is Status.DONE
    assert (target / "d" / "file").read_bytes() == b"x"
    assert list((target / "away").iterdir()) == []
