"""Storms, overflows, stalls, kills and races: after one barrier the mirror equals the source, by an
independent comparison, and nobody has done anything by hand.

The numbers are small here; `make torture` runs the same with the large ones.
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from live.conftest import Places
from support import storms
from support.following import Following
from support.process import Service, call, until
from support.queues import overfill, short_queue
from support.walker import differences

from journal import Reader
from mirrorfs.core.change import Dirty, Gap
from mirrorfs.core.scope import Scope
from mirrorfs.mirror.mirror import Reading
from mirrorfs.mirror.replay import Replay
from mirrorfs.state import State
from mirrorfs.watch import Pace

KINDS = [storms.create, storms.rename, storms.remove, storms.mixed]

torture = pytest.mark.torture
both = pytest.mark.parametrize("backend", ["inotify", "fanotify"])


@pytest.fixture(params=["disk", "memory"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Places]:
    """A pair whose source is on the disk's file system, or in memory."""
    base = tmp_path
    if request.param == "memory":
        base = Path("/dev/shm") / f"mirrorfs-{uuid.uuid4().hex}"
        base.mkdir()
    (base / "source").mkdir()
    yield Places(base / "source", tmp_path / "destination", tmp_path / "state")
    shutil.rmtree(base, ignore_errors=True)


class Stall:
    """Stops the watcher's thread at its n-th record from now on, until it is let go."""

    def __init__(self) -> None:
        self._left = -1
        self._go = threading.Event()
        self.reached = threading.Event()

    def at(self, record: int) -> None:
        self._go.clear()
        self.reached.clear()
        self._left = record

    def __call__(self, _: object) -> None:
        self._left -= 1
        if self._left == 0:
            self.reached.set()
            assert self._go.wait(60)

    def release(self) -> None:
        self._left = -1
        self._go.set()


def overflows(mirror: Following) -> int:
    return mirror.recorder.watcher.status().overflows


@pytest.mark.root
@pytest.mark.parametrize("storm", KINDS, ids=lambda storm: storm.__name__)
@pytest.mark.parametrize("points", [4, pytest.param(20, marks=torture)])
def test_an_overflow_wherever_the_reader_stands(
    pair: Places, storm: storms.Storm, points: int
) -> None:
    stall = Stall()
    storms.blow((storm, pair.source, 0, 20))
    with ExitStack() as opened:
        with short_queue():
            mirror = opened.enter_context(Following(*pair, appended=stall))
        mirror.assert_equal()
        for point in range(1, points + 1):
            before = overflows(mirror)
            stall.at(point)
            storms.blow((storm, pair.source, point, 60))
            stall.release()
            mirror.assert_equal()
            if point == 1:  # a later stall may never be reached
                assert overflows(mirror) > before


@pytest.mark.parametrize("times", [5000, pytest.param(100_000, marks=torture)])
def test_an_overflow_of_the_default_queue(pair: Places, times: int) -> None:
    stall = Stall()
    storms.blow((storms.mixed, pair.source, 0, 60))
    with Following(*pair, appended=stall) as mirror:
        stall.at(1)
        (pair.source / "first").touch()
        assert stall.reached.wait(30)
        storms.blow(
            (storms.create, pair.source, 1, times // 4),
            (storms.rename, pair.source, 2, times),
            (storms.rename, pair.source, 3, times),
            (storms.remove, pair.source, 4, times // 20),
        )
        stall.release()
        mirror.assert_equal()
        assert overflows(mirror) == 1
        (pair.source / "after").touch()
        mirror.assert_equal()
        assert not mirror.cycles[-1][0].scope.is_everything


@pytest.mark.parametrize("pairing", [0.005, 0.0], ids=["paired", "unpaired"])
@pytest.mark.parametrize("times", [1000, pytest.param(40_000, marks=torture)])
def test_renames_by_four_processes(pair: Places, times: int, pairing: float) -> None:
    with Following(*pair, pace=Pace(pair=pairing)) as mirror:
        storms.blow(*((storms.rename, pair.source, seed, times) for seed in range(4)))
        mirror.assert_equal()


@pytest.mark.parametrize("rounds", [60, pytest.param(2500, marks=torture)])
def test_directories_that_race_with_the_watcher(pair: Places, rounds: int) -> None:
    """From before the watcher starts until after everything was compared, and on."""
    storms.blow((storms.race, pair.source, 0, 20))
    with ExitStack() as opened:
        with storms.blowing(*((storms.race, pair.source, seed, rounds) for seed in (1, 2))):
            mirror = opened.enter_context(Following(*pair))
            mirror.catch_up()
        with storms.blowing(*((storms.race, pair.source, seed, rounds) for seed in (3, 4))):
            mirror.catch_up()
        mirror.assert_equal()


@pytest.mark.root
@both
@pytest.mark.parametrize("pair", ["disk", pytest.param("memory", marks=torture)], indirect=True)
@pytest.mark.parametrize("recorded", [False, True], ids=["unread", "gap recorded"])
def test_a_kill_between_an_overflow_and_its_rescan(
    pair: Places, recorded: bool, backend: str
) -> None:
    source, destination, state = pair
    storms.blow((storms.mixed, source, 1, 90))
    flags = ("--watch-backend", backend)
    with Service("watch", source, state=state, flags=flags) as watch:
        watch.watches()
        call("sync", "-a", source, destination, state=state)
        os.kill(watch.pid, signal.SIGSTOP)
        storms.blow((storms.mixed, source, 2, 150))
        overfill(source, backend)
        storms.blow((storms.mixed, source, 3, 150))
        if recorded:
            os.kill(watch.pid, signal.SIGCONT)
            journal = State(str(state)).journal(str(source))

            def gap() -> bool:
                changes = Replay(Reader(journal), None).changes()
                return any(isinstance(c, Gap) and "overflow" in c.reason for c in changes)

            until(gap, "the overflow is recorded")
        watch.kill()
        watch.start()
        watch.watches()
        call("sync", "-a", source, destination, state=state)
        assert differences(source, destination) == []


def test_reading_the_source_tells_the_watcher_nothing(places: Places) -> None:
    storms.blow((storms.mixed, places.source, 1, 60))
    with Following(*places) as mirror:
        mirror.assert_equal()
        events = mirror.recorder.watcher.status().events
        everything = Reading(Scope.everything(), (), "", None, False)
        assert mirror.mirror.apply(everything).changed == 0
        mirror.barrier()
        # The barrier's own: one file made, none of the source's.
        assert mirror.recorder.watcher.status().events <= events + 2


def test_an_endless_appender_is_mirrored_and_delays_nobody(places: Places) -> None:
    """Every published copy is a beginning of the file."""
    log, copy = places.source / "log", places.destination / "log"
    stop = threading.Event()

    def append() -> None:
        with open(log, "ab", buffering=0) as file:
            number = 0
            while not stop.wait(0.003):
                file.write(b"%015d\n" % number)
                number += 1

    appender = threading.Thread(target=append)
    sizes: set[int] = set()
    with Following(*places, pace=Pace(quiet=0.05, cap=0.2)) as mirror:
        appender.start()
        try:

            def seen() -> bool:
                mirror.follower.cycle()
                mirror.follower.retry()
                if copy.exists():
                    data = copy.read_bytes()
                    sizes.add(len(data))
                    assert data == b"".join(b"%015d\n" % n for n in range(len(data) // 16))
                return len(sizes) > 3

            until(seen, "the copy grows")
            (places.source / "other").touch()
            until(
                lambda: mirror.follower.cycle() and (places.destination / "other").exists(), "other"
            )
        finally:
            stop.set()
            appender.join()
        mirror.assert_equal()


@pytest.mark.root
@both
def test_a_hot_file_is_looked_at_seldom_and_in_the_end(places: Places, backend: str) -> None:
    hot = places.source / "hot"
    with Following(*places, backend=backend) as mirror:
        for number in range(500):
            hot.write_text(str(number))
            if number % 50 == 0:
                (places.source / f"other{number}").touch()
        mirror.assert_equal()
        assert hot.read_text() == (places.destination / "hot").read_text() == "499"
        changes = Replay(mirror.mirror.readings.journal, None).changes()
        assert sum(change == Dirty("hot") for change in changes) < 60


def size(directory: str) -> int:
    return sum(entry.stat().st_size for entry in os.scandir(directory) if entry.is_file())


@torture
def test_a_journal_for_a_destination_that_is_away_stays_small(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two million changes of a thousand names; the journal's own tests have the small numbers."""
    times = 2_000_000
    monkeypatch.setattr("mirrorfs.mirror.record.BUDGET_BYTES", 64 << 10)
    for number in range(1000):
        (places.source / str(number)).touch()
    with Following(*places) as mirror:
        mirror.assert_equal()
        journal = State(str(places.state)).journal(str(places.source))
        sizes = []
        for turn in range(3):
            storms.blow((storms.rewrite, places.source, turn, times // 3))
            mirror.barrier()
            mirror.recorder.retain()
            sizes.append(size(journal))
        print(sizes)
        assert max(sizes) <= 32 << 20  # some segments, whatever was recorded
        mirror.assert_equal()


FLAT = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from support import storms
from mirrorfs.core.tree import Identity
from mirrorfs.watch import Watcher
root, times = Path({root!r}), {times}
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
for number in range(1000):
    (root / str(number)).touch()
nobody = Identity("", "", 1, 0)
with Watcher(str(root), len, identity=lambda: nobody, backend="inotify") as watcher:
    assert watcher.ready.wait(60)
    sizes = []
    for turn in range(4):
        storms.blow((storms.rewrite, root, turn, times // 4))
        sizes.append(resident())
    assert watcher.status().events > times // 4, watcher.status()
assert sizes[-1] - sizes[0] < 8 << 20, sizes
print(sizes)
"""


@pytest.mark.parametrize("times", [100_000, pytest.param(10_000_000, marks=torture)])
def test_memory_is_flat_however_often_the_same_names_change(
    tmp_path: Path, times: int, run_apart: Callable[[str], str]
) -> None:
    (tmp_path / "source").mkdir()
    tests = str(Path(__file__).parents[1])
    print(run_apart(FLAT.format(root=str(tmp_path / "source"), times=times, tests=tests)))


MANY = """
import os, sys
from pathlib import Path
from mirrorfs.core.tree import Identity
from mirrorfs.watch import Watcher
root, directories = {root!r}, {directories}
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
for number in range(directories // 500):
    os.makedirs(f"{{root}}/{{number}}")
    for below in range(499):
        os.mkdir(f"{{root}}/{{number}}/directory-{{below}}")
before = resident()
nobody = Identity("", "", 1, 0)
with Watcher(root, len, identity=lambda: nobody, backend="inotify") as watcher:
    assert watcher.ready.wait(900)
    status = watcher.status()
    assert (status.watched, status.failed) == (directories + 1, 0), status
    grown = resident() - before
print(f"{{grown / directories:.0f}} bytes each, {{(before + grown) >> 20}} MiB")
assert before + grown < 250 << 20
"""


@torture
@pytest.mark.root
@pytest.mark.timeout(1800)
def test_half_a_million_directories(run_apart: Callable[[str], str]) -> None:
    limit = Path("/proc/sys/fs/inotify/max_user_watches")
    usual = limit.read_text()
    root = Path("/dev/shm") / f"mirrorfs-{uuid.uuid4().hex}"
    limit.write_text(str(int(usual) + 600_000))
    try:
        print(run_apart(MANY.format(root=str(root), directories=500_000)))
    finally:
        limit.write_text(usual)
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def run_apart() -> Callable[[str], str]:
    """A script in a process of its own; what it prints."""

    def run(script: str) -> str:
        top = str(Path(__file__).parents[2])
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=top, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_few_descriptors_and_deep_trees(places: Places) -> None:
    """Deeper than there are descriptors, and than the kernel takes in one path."""
    name, depth = "n" * 200, 30
    deep = os.open(places.source, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=deep)
        deep, above = os.open(name, os.O_RDONLY, dir_fd=deep), deep
        os.close(above)
    storms.blow((storms.remove, places.source, 1, 60))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = max(int(fd) for fd in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken + 64, hard))
    try:
        with Following(*places) as mirror:
            os.mkdir("late", dir_fd=deep)
            os.close(os.open("late/file", os.O_CREAT | os.O_WRONLY, dir_fd=deep))
            os.close(deep)
            mirror.catch_up()
            assert mirror.follower.owed == {}
            there = os.open(places.destination, os.O_RDONLY)
            for part in [name] * depth + ["late"]:
                there, above = os.open(part, os.O_RDONLY, dir_fd=there), there
                os.close(above)
            assert os.listdir(there) == ["file"]
            os.close(there)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
