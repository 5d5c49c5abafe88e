"""Only local trees: holes, attributes, durability, crashes, full disks."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mirrorfs.core.options import Options, archive
from mirrorfs.core.plan import Status, Verb
from mirrorfs.core.record import replace
from mirrorfs.core.tree import Trouble
from mirrorfs.trees.local import LocalTree, kernel
from mirrorfs.trees.local.names import Temporaries

OURS = re.compile(r"\.mirrorfs-00000000-[0-9a-f]{8}\.tmp")


@pytest.fixture(params=["disk", "tmpfs"])
def world(request, local, shm):
    return local(where=shm) if request.param == "tmpfs" else local()


@pytest.mark.parametrize("size", [100_000, 40 << 20])
def test_holes_stay_holes_and_data_stays_data(world, size):
    root = world.there.root
    with open(root / "file", "wb") as file:
        file.seek(size // 2)
        file.write(b"data" * 100)
        file.truncate(size)
    (root / "zeros").write_bytes(bytes(300_000))
    os.truncate(root / "file", size)
    assert world.create("file").status is Status.DONE
    assert world.create("zeros").status is Status.DONE
    made = world.here.root / "file"
    assert made.stat().st_size == size
    assert made.stat().st_blocks <= (root / "file").stat().st_blocks + 8
    subprocess.run(["cmp", root / "file", made], check=True)
    assert (world.here.root / "zeros").stat().st_blocks * 512 >= 300_000


@pytest.mark.parametrize("unable", ["copy_file_range", "clone"])
def test_each_step_of_the_ladder_carries_the_content(world, monkeypatch, unable):
    from mirrorfs.trees.local import copy

    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    if unable == "clone":
        monkeypatch.setattr(copy.fcntl, "ioctl", refuse)
    else:
        monkeypatch.setattr(copy.os, "copy_file_range", refuse)
    data = os.urandom((5 << 20) + 7)
    world.there.write("file", data)
    assert world.create("file").moved == len(data)
    assert world.here.data("file") == data


def test_without_an_exclusive_rename_nothing_is_replaced_either(world, monkeypatch):
    monkeypatch.setattr(kernel, "_renameat2", None)
    world.there.write("new", b"1")
    world.there.write("taken", b"1")
    world.there.symlink("link", "x")
    world.here.write("taken", b"user's")
    world.here.mkdir("d/e")
    world.here.mkdir("f")
    assert world.create("new").status is Status.DONE
    assert world.create("link").status is Status.DONE
    assert world.create("taken").status is Status.DRIFT
    assert world.here.data("taken") == b"user's"
    assert world.do(world.action(Verb.RENAME, "f", origin="d")).status is Status.DRIFT
    assert world.do(world.action(Verb.RENAME, "g", origin="d")).status is Status.DONE
    assert set(os.listdir(world.here.root)) == {"new", "link", "taken", "f", "g"}


@pytest.mark.root
def test_owner_setuid_acl_and_capabilities_survive(local):
    world = local()
    world.there.write("file", b"x")
    file = world.there.root / "file"
    os.chown(file, 1234, 4321)
    subprocess.run(["setfacl", "-m", "u:1000:rw", file], check=True)
    file.chmod(0o6755)
    capability = bytes.fromhex("0100000200000000000000000000000000000000")
    os.setxattr(file, "security.capability", capability)
    world.there.mkdir("d")
    subprocess.run(["setfacl", "-d", "-m", "u:1000:rwx", world.here.root], check=True)
    assert world.create("file").status is Status.DONE
    want, made = world.at("file", world.source), world.at("file")
    assert len(want.xattrs) == 2
    assert (made.uid, made.gid, made.mode, made.xattrs) == (1234, 4321, 0o6755, want.xattrs)
    assert world.create("d").status is Status.DONE
    assert world.at("d").xattrs == ()  # not the default ACL it was born with


def test_a_private_file_is_never_open_to_others(world, tmp_path):
    """Every mode it has while it is written is its last one or stricter."""
    world.there.write("file", b"secret" * 1000)
    world.there.chmod("file", 0o600)
    trace = traced(world, tmp_path, "file", "openat,fchmod,renameat2", "archive")
    created = [line for line in trace if "O_CREAT" in line and ".mirrorfs-" in line]
    assert len(created) == 1
    assert "0600" in created[0]


# "run": as a mirror that runs does, which leaves some room.
@pytest.mark.parametrize(("kept", "bound"), [("plain", 12), ("archive", 18), ("run", 15)])
def test_a_small_file_costs_few_system_calls(world, tmp_path, kept, bound):
    for index in range(50):
        world.there.write(f"f{index}", b"x" * 1000)
    one = traced(world, tmp_path, "f0", "all", kept)
    many = traced(world, tmp_path, ",".join(f"f{index}" for index in range(1, 50)), "all", kept)
    assert (len(many) - len(one)) / 48 <= bound


def traced(world, tmp_path: Path, names: str, calls: str, kept: str) -> list[str]:
    script = """
import sys
from mirrorfs.core.options import Options, archive
from mirrorfs.core.plan import Action, Stage, Verb
from mirrorfs.core.values import NOTHING, Reserve
from mirrorfs.trees.local import LocalTree, Writing
kept = sys.argv[4]
options = Options() if kept == "plain" else archive(Options())
writing = Writing(min_free=Reserve(percent=1) if kept == "run" else NOTHING)
there = LocalTree(sys.argv[2], options, writable=True, writing=writing)
with LocalTree(sys.argv[1], options) as s, there as d:
    names = sys.argv[3].split(",")
    wanted = s.read("", names).entries
    actions = [Action(Verb.CREATE, Stage.CONTENT, n, wanted[n], None, "") for n in names]
    s.handles.take("").fd
    import os
    os.getpgid(0)
    outcomes = d.transfer(actions, s)
    os.getpgid(0)
    assert all(o.status == "done" for o in outcomes), outcomes
"""
    log = tmp_path / "trace"
    calls = calls if calls == "all" else f"{calls},getpgid"
    command = ["strace", "-o", log, "-e", f"trace={calls}", sys.executable, "-c", script]
    subprocess.run(
        [*command, world.there.root, world.here.root, names, kept],
        check=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    lines = log.read_text().splitlines()
    first, last = (index for index, line in enumerate(lines) if line.startswith("getpgid"))
    return lines[first + 1 : last]


@pytest.mark.parametrize(
    ("policy", "count", "synced"),
    [
        ("never", 9, []),
        ("checkpoint", 9, []),
        ("replace", 2, ["fsync", "fsync"]),
        ("replace", 9, ["syncfs"]),
        ("always", 2, ["fsync"] * 3),
    ],
)
def test_a_replaced_file_is_durable_before_the_rename(local, monkeypatch, policy, count, synced):
    from mirrorfs.trees.local import transfer

    world = local(fsync=policy)
    done: list[str] = []
    for where, name in ((os, "fsync"), (os, "rename"), (kernel, "exchange")):
        real = getattr(where, name)

        def call(*given: object, _real=real, _name=name, **more: object) -> object:
            done.append(_name)
            return _real(*given, **more)

        monkeypatch.setattr(where, name, call)
    real_syncfs = transfer.syncfs
    monkeypatch.setattr(transfer, "syncfs", lambda fd: (done.append("syncfs"), real_syncfs(fd)))
    for index in range(count):
        world.there.write(f"f{index}", b"new")
        world.here.write(f"f{index}", b"old!")
    actions = [world.action(Verb.UPDATE, f"f{index}") for index in range(count)]
    outcomes = world.destination.transfer(actions, world.source)
    assert {outcome.status for outcome in outcomes} == {Status.DONE}
    # Not exchanged unless it was made durable: ext4 writes it out before a rename only.
    step = "exchange" if synced else "rename"
    assert [name for name in done if name != step] == synced
    assert done.count(step) == count
    if synced == ["syncfs"]:
        assert done[0] == "syncfs"
    world.destination.flush()


def test_a_torn_file_is_never_published(world, eventually):
    """Somebody rewrites a file for as long as we copy it: every copy is one of its generations."""
    size, stop, written = 600_000, threading.Event(), 0
    path = world.there.root / "file"
    path.write_bytes(b"0" * size)

    def write() -> None:
        nonlocal written
        fd = os.open(path, os.O_WRONLY)
        while not stop.is_set():
            written += 1
            for offset in range(0, size, 60_000):
                os.pwrite(fd, b"%d" % (written % 10) * 60_000, offset)
            if written % 3 == 0:
                stop.wait(0.004)
        os.close(fd)

    thread = threading.Thread(target=write)
    thread.start()
    outcomes = set()
    try:
        for _ in range(15):
            want, expect = world.at("file", world.source), world.at("file")
            verb = Verb.CREATE if expect is None else Verb.UPDATE
            outcome = world.do(world.action(verb, "file", want=want, expect=expect))
            outcomes.add(outcome.failure.trouble if outcome.failure else outcome.status)
            if outcome.status is Status.DONE:
                # A copy may be of a moment between two writes of the writer, which is a state the
                # file had: at most one change of generation, from newer to older.
                data = world.here.data("file")
                assert len(data) == size
                runs = re.findall(rb"(.)\1*", data)
                assert len(runs) <= 2, runs
    finally:
        stop.set()
        thread.join()
    assert outcomes <= {Status.DONE, Trouble.UNSTABLE}
    assert world.create("file").failure is None or world.update("file").status is Status.DONE


@pytest.mark.parametrize("point", ["write", "renameat2", "utimensat"])
def test_a_kill_leaves_a_temporary_that_is_swept(world, tmp_path, point):
    world.there.write("d/file", b"x" * 1000)
    script = """
import sys
from mirrorfs.core.plan import Action, Stage, Verb
from mirrorfs.trees.local import LocalTree
with LocalTree(sys.argv[1]) as s, LocalTree(sys.argv[2], writable=True) as d:
    e = s.read("d").entries["file"]
    d.create_directories([Action(Verb.CREATE, Stage.DIRECTORIES, "d", s.root(), None, "")])
    d.transfer([Action(Verb.CREATE, Stage.CONTENT, "d/file", e, None, "")], s)
"""
    inject = f"inject={point}:signal=KILL:when=1"
    command = ["strace", "-o", "/dev/null", "-e", f"trace={point}", "-e", inject]
    done = subprocess.run(
        [*command, sys.executable, "-c", script, world.there.root, world.here.root],
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
    (left,) = os.listdir(world.here.root / "d")
    assert OURS.fullmatch(left)
    with LocalTree(world.here.root, writable=True) as other:
        assert not other.read("d").entries
        assert other.sweep() == 1
        assert other.sweep() == 0
    assert os.listdir(world.here.root / "d") == []


def test_a_leftover_is_met_where_only_names_are_looked_at(world):
    """As in a replay; once, because nobody else is killed while this tree is open."""
    world.there.write("d/file", b"x")
    world.here.write("d/file", b"x")
    left = f"d/{world.destination._temporaries.of('file')}"
    world.here.write(left, b"half")
    assert [*world.destination.read("d", ["file"]).entries] == ["file"]
    assert world.destination.sweep() == 1
    assert os.listdir(world.here.root / "d") == ["file"]
    world.here.mkdir(left)
    world.here.write("d/.mirrorfs-11111111-00000000.tmp", b"another mirror's")
    world.destination.read("d", ["file"])
    world.destination.read("d")
    assert world.destination.sweep() == 0
    assert len(os.listdir(world.here.root / "d")) == 3


@pytest.mark.parametrize("becomes", ["nothing", "a file", "a link", "below a file"])
def test_a_leftover_that_went_with_its_directory_is_no_longer_missed(world, becomes):
    left = world.destination._temporaries.of("file")
    world.here.write(f"d/sub/{left}", b"half")
    assert not world.destination.read("d/sub").entries
    shutil.rmtree(world.here.root / "d" if becomes == "below a file" else world.here.root / "d/sub")
    if becomes == "a file":
        world.here.write("d/sub", b"x")
    elif becomes == "below a file":
        world.here.write("d", b"x")
    elif becomes == "a link":
        (world.here.root / "d/sub").symlink_to("/")
    world.destination.begin()
    assert world.destination.sweep() == 0
    assert world.destination.unswept() == set()


def test_names_alike_in_two_directories_have_temporaries_that_are_found_again():
    """Copied at once by two threads; a replay looks for the one temporary of each name."""
    made = Temporaries("00000000", ".tmp")
    assert made.claim("d", "file") == made.claim("e", "file") == made.of("file")
    assert made.claim("d", "file") != made.of("file")
    made.release("d", made.of("file"))
    assert made.claim("d", "file") == made.of("file")


def test_leftovers_do_not_stand_in_the_way(world):
    world.there.write("d/file", b"x")
    world.create("d")
    temporary = world.destination._temporaries.claim("d", "file")
    world.destination._temporaries.release("d", temporary)
    world.here.write(f"d/{temporary}", b"half")
    assert world.create("d/file").status is Status.DONE
    assert os.listdir(world.here.root / "d") == ["file"]
    world.here.remove("d/file")
    world.here.write(f"d/{temporary}", b"half")
    assert world.delete("d").status is Status.DONE


def test_anothers_temporaries_are_the_users_files(local):
    world = local(owner="12345678")
    for name in (
        ".mirrorfs-00000000-00000000.tmp",
        ".mirrorfs-12345678-0000000g.tmp",
        ".mirrorfs-12345678-00000000.tmp2",
        ".mirrorfs-12345678-00000000.tmp",
    ):
        world.here.write(name)
    world.here.mkdir(".mirrorfs-12345678-11111111.tmp")
    assert len(world.destination.read("").entries) == 4
    assert world.destination.sweep() == 1
    assert len(os.listdir(world.here.root)) == 4


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    where = tmp_path / "tiny"
    where.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=12", "tiny", where], check=True
    )
    yield where
    subprocess.run(["umount", "-l", where], check=True)


@pytest.mark.root
def test_a_full_disk_fails_the_file_and_keeps_the_old_one(tmp_path, tiny, make_action):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "file").write_bytes(b"x" * (2 << 20))
    (tmp_path / "s" / "small").write_bytes(b"x")
    (tiny / "file").write_bytes(b"old")
    with LocalTree(tmp_path / "s") as source, LocalTree(tiny, writable=True) as destination:
        expect = destination.read("").entries["file"]
        big = make_action(source, "file")._replace(verb=Verb.UPDATE, expect=expect)
        outcomes = destination.transfer([big, make_action(source, "small")], source)
        assert [outcome.status for outcome in outcomes] == [Status.FAILED, Status.DONE]
        assert outcomes[0].failure.trouble is Trouble.FULL
        assert sorted(os.listdir(tiny)) == ["file", "small"]
        assert (tiny / "file").read_bytes() == b"old"
        for index in range(20):
            (tmp_path / "s" / f"n{index}").touch()
        outcomes = destination.transfer(
            [make_action(source, f"n{index}") for index in range(20)], source
        )
        troubles = {outcome.failure.trouble for outcome in outcomes if outcome.failure}
        assert troubles == {Trouble.FULL}


@pytest.mark.root
def test_a_read_only_disk_says_so(tmp_path, tiny, make_action):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "file").write_bytes(b"x")
    (tiny / "old").write_bytes(b"x")
    subprocess.run(["mount", "-o", "remount,ro", tiny], check=True)
    with LocalTree(tmp_path / "s") as source, LocalTree(tiny, writable=True) as destination:
        create = make_action(source, "file")
        remove = make_action(destination, "old")
        remove = remove._replace(verb=Verb.DELETE, expect=remove.want)
        outcomes = destination.transfer([create], source) + destination.delete([remove])
        assert {outcome.failure.trouble for outcome in outcomes} == {Trouble.READ_ONLY}


@pytest.mark.root
def test_an_unmounted_root_is_noticed(tmp_path, tiny):
    with LocalTree(tiny) as tree:
        tree.begin()
        subprocess.run(["umount", "-l", tiny], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "other", tiny], check=True)
        from mirrorfs.errors import TemporaryError

        with pytest.raises(TemporaryError):
            tree.begin()


@pytest.mark.root
def test_devices_and_sockets_are_made_anew(local):
    world = local()
    os.mknod(world.there.root / "null", 0o020666, os.makedev(1, 3))
    os.mknod(world.there.root / "socket", 0o140600)
    for name in ("null", "socket"):
        assert world.create(name).status is Status.DONE
        want, made = world.at(name, world.source), world.at(name)
        assert (made.kind, made.rdev, made.mode) == (want.kind, want.rdev, want.mode)


def test_only_what_can_be_kept_is_tried(local):
    """Without the right to give files away, owners are left alone instead of failing every file."""
    world = local(replace(archive(Options()), owners=True))
    assert world.destination._transfers.keep.owners is (os.geteuid() == 0)
