"""What cannot be watched: said at once, again and again, and healed without a restart.

The limit of watches is that of a user namespace, so nothing else on the machine feels it.
"""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mirrorfs.core.change import Coverage, Dirty, Gap
from mirrorfs.watch.batch import Batch
from mirrorfs.watch.coverage import MANY, Blind
from mirrorfs.watch.watches import Node, Watches

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="limits and owners are set by root"),
]

LIMITED = """
from conftest import *
from mirrorfs.watch import Pace
base, directories = Path("{base}"), {directories}
root, cookies = base / "source", base / "state"
for number in range(directories):
    (root / f"g{{number % 10}}" / f"d{{number}}").mkdir(parents=True)
cookies.mkdir()
limit = Path("/proc/sys/user/max_inotify_watches")
limit.write_text("{limit}")
names = [f"g{{number % 10}}/d{{number}}" for number in range(directories)]
with watching(root, cookies, pace=Pace(poll=0.2)) as watched:
    status = watched.watcher.status()
    assert status.alive and status.ready and 0 < status.failed, status
    assert status.watched < {limit} and status.lag == 0.2, status
    assert "max_user_watches" in status.failures[0][1], status
    for name in names:
        (root / name / "file").touch()
    watched.mirror.wait(lambda log: all(f"{{name}}/file" in watched.mirror.state for name in names))
    watched.assert_complete()
    limit.write_text("100000")
    watched.watcher.rewatch()
    watched.mirror.wait(lambda log: watched.watcher.status().failed == 0)
    watched.barrier()
    assert watched.watcher.status().watched == directories + 11, watched.watcher.status()
    watched.mirror.log.clear()
    for name in names:
        (root / name / "after").touch()
    watched.assert_complete()
    assert not [change for change in watched.log if isinstance(change, Gap)], watched.log
print("healed")
"""

DENIED = """
from conftest import *
from mirrorfs.watch import Pace
import ctypes
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
ctypes.CDLL(None).prctl(4, 1)  # PR_SET_DUMPABLE, as after an exec: else /proc/self is root's
root, cookies = Path("{base}/source"), Path("{base}/state")
with watching(root, cookies, pace=Pace(poll=0.1)) as watched:
    watched.gapped("closed", "permission denied")
    watched.mirror.log.clear()
    watched.gapped("closed", "permission denied")
    print("denied", flush=True)
    input()
    watched.mirror.wait(lambda log: "closed/below/file" in watched.mirror.state)
    watched.assert_complete()
    assert watched.watcher.status().failed == 0
print("healed")
"""


@pytest.mark.slow
@pytest.mark.parametrize(("directories", "limit"), [(200, 100), (900, 40)])
def test_beyond_the_limit_of_watches_every_change_arrives(
    child: Callable, tmp_path: Path, directories: int, limit: int
) -> None:
    script = LIMITED.format(base=tmp_path, directories=directories, limit=limit)
    assert "healed" in child(script, "unshare", "--user", "--map-root-user").stdout


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A place another user can reach."""
    base = Path("/dev/shm") / f"mirrorfs-{uuid.uuid4().hex}"
    base.mkdir(mode=0o755)
    for name in ("source", "state"):
        (base / name).mkdir()
    yield base
    subprocess.run(["rm", "-rf", base], check=True)


def test_a_directory_that_may_not_be_read_is_blind_until_it_may(open_place: Path) -> None:
    (open_place / "source" / "closed" / "below").mkdir(parents=True)
    (open_place / "source" / "closed" / "below" / "file").touch()
    (open_place / "source" / "closed").chmod(0o700)
    (open_place / "state").chmod(0o777)
    here = Path(__file__).parent
    process = subprocess.Popen(
        [sys.executable, "-c", DENIED.format(base=open_place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": f"{here}:{here.parent.parent}"},
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "denied\n"
        (open_place / "source" / "closed").chmod(0o755)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "healed\n"
    assert process.returncode == 0


def test_many_blind_directories_are_one_part() -> None:
    watches, batch = Watches(1), Batch()
    directory = Node(2)
    watches.place(directory, watches.root, "d")
    blind = Blind(watches, batch)
    for number in range(10 * MANY):
        blind.fail(directory, str(number), "full")
    assert list(blind.parts) == [(directory, None)]
    assert blind.shown() == (("d", "full"),)
    batch.take(watches)
    blind.gaps()
    assert batch.take(watches) == [Gap("d", "full")]
    assert not blind.listed(directory)
    blind.retry()
    assert blind.listed(directory)
    assert batch.take(watches) == [Coverage("d", "watched", "")]


def test_a_blind_part_follows_its_directory(start: Callable) -> None:
    watches, batch = Watches(1), Batch()
    directory = Node(2)
    watches.place(directory, watches.root, "old")
    blind = Blind(watches, batch)
    blind.fail(directory, "part", "closed")
    assert batch.take(watches) == [
        Gap("old/part", "closed"),
        Coverage("old/part", "blind", "closed"),
    ]
    watches.place(directory, watches.root, "new")
    blind.gaps()
    assert batch.take(watches) == [Gap("new/part", "closed")]
    assert blind.heal(directory, "part")
    assert not blind.heal(directory, "part")


def test_a_batch_names_its_paths_last() -> None:
    watches, batch = Watches(1), Batch()
    directory = Node(2)
    watches.place(directory, watches.root, "old")
    batch.look(2, b"file")
    batch.look(1, b"top")
    batch.look(3, b"of a watch that ended")
    watches.place(directory, watches.root, "new")
    assert batch.take(watches) == [Dirty("new/file"), Dirty("top")]
    assert batch.take(watches) == []
