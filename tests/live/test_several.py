"""Several destinations of one source in one process: one watcher, one journal, and one life each.

What befalls one of them (gone, full, read-only, held, no directory) keeps no other from going on;
and each is right again by the journal, when it can be.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from live.conftest import Places
from support import mutator
from support.mounting import drive, make, mount, umount
from support.process import until
from support.serving import Serving, target
from support.walker import count, differences, leftovers

from mirrorfs.core.filter import Filter, FilterOptions, Source
from mirrorfs.hold import HoldFile
from mirrorfs.sync.settings import Settings

SEED = random.randrange(2**32)


def fill(directory: Path, files: int = 300) -> None:
    for number in range(files):
        file = directory / f"d{number % 7}" / f"file{number}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{number}\n")


def read(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def without(*patterns: str) -> Filter:
    return Filter.build(FilterOptions(tuple(Source("--exclude", each) for each in patterns)))


WITHOUT = without("/both/**", "/one/**")


class Stick:
    """A drive that comes and goes; plugged in elsewhere it is somebody else's."""

    def __init__(self, where: Path) -> None:
        self.point = where / "stick"
        self.point.mkdir()
        self._how = make("ext4", where / "image", size="64M")
        self.destination = self.point / "backup"

    def plug(self) -> None:
        mount(*self._how, self.point)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        subprocess.run(["fsfreeze", "-f", self.point], check=True)
        try:
            yield
        finally:
            subprocess.run(["fsfreeze", "-u", self.point], check=True)

    def pull(self) -> None:
        umount(self.point, "-l")


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[Stick]:
    stick = Stick(tmp_path)
    with ExitStack() as opened:
        opened.callback(
            subprocess.run, ["umount", "-l", stick.point], check=False, capture_output=True
        )
        yield stick


@pytest.mark.root
def test_any_history_on_three_destinations_of_which_one_comes_and_goes(
    places: Places, tmp_path: Path, stick: Stick
) -> None:
    source, _, state = places
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    fill(source)
    with drive("ext4", tmp_path / "one") as ext4, drive("tmpfs", tmp_path / "two") as tmpfs:
        wanted = [ext4 / "backup", tmpfs / "backup", stick.destination]
        stick.plug()
        with Serving(source, [target(each, settings=Settings()) for each in wanted], state) as run:
            run.mirrors(*wanted)
            there = True
            for number in range(4):
                # Without second names: one that comes, is written through and goes before anybody
                # looked is the one change that escapes (`mirrorfs.core.links`).
                work = subprocess.Popen(
                    [sys.executable, mutator.__file__, source, str(SEED + number), "150", "link"]
                )
                match rng.choice(["kill", "pull", "pull", "nothing"]):
                    case "kill":
                        run.kill()
                        run.start()
                    case "pull":
                        (stick.pull if there else stick.plug)()
                        there = not there
                assert work.wait(60) == 0
                run.mirrors(*wanted[:2])
            if there:
                stick.pull()
            os.makedirs(source / "while" / "it" / "was away")
            run.mirrors(*wanted[:2])
            assert list(stick.point.iterdir()) == [], "nothing is written where a drive is not"
            stick.plug()
            run.mirrors(*wanted)
            assert run.stop() == 0
        for each in wanted:
            assert differences(source, each) == []
            assert leftovers(each) == []


@pytest.mark.root
def test_trouble_of_one_is_not_the_others(places: Places, tmp_path: Path, stick: Stick) -> None:
    """A full one, a read-only one and a bad one, all mended without a restart."""
    source, good, state = places
    fill(source)
    (source / "large").write_bytes(os.urandom(3 << 20))
    bad = tmp_path / "bad"
    bad.write_text("no directory")
    stick.plug()
    with drive("tmpfs", tmp_path / "full", size="2M") as full:
        small, unwritable = full / "backup", stick.destination
        wanted = [target(each) for each in (bad, small, unwritable, good)]
        with Serving(source, wanted, state) as run:
            run.mirrors(good, unwritable)
            run.reaches(bad, "waiting")
            run.reaches(small, "in sync but for what is owed")
            mount("-o", "remount,ro", stick.point)
            (source / "new").write_text("new")
            run.mirrors(good)
            until(
                lambda: run.phase(unwritable) in ("waiting", "in sync but for what is owed"),
                "it says that it cannot be written",
            )
            bad.unlink()
            mount("-o", "remount,rw", stick.point)
            mount("-o", "remount,size=20M", full)
            for each in (bad, small, unwritable):
                run.ask(each, "sync-now")
            run.mirrors(good, bad, small, unwritable)
            assert run.stop() == 0


@pytest.mark.root
def test_a_drive_that_hangs_keeps_nobody_waiting(
    places: Places, tmp_path: Path, stick: Stick
) -> None:
    """Its file system is frozen: every write waits in the kernel, where no signal reaches it. The
    process ends in time but for that call, and is gone when the kernel lets go of it."""
    source, good, state = places
    fill(source, 20)
    stick.plug()
    with Serving(source, [target(good), target(stick.destination)], state) as run:
        run.mirrors(good, stick.destination)
        with stick.frozen():
            for number in range(3):
                (source / f"new{number}").write_text("new")
                assert run.ask(good, "wait", seconds=60)["complete"]
                assert (good / f"new{number}").exists()
            until(lambda: "D" in run.states(), "a thread waits in the kernel")
            run.send(signal.SIGTERM)
            until(lambda: "\nstopped" in run.said.read_text(), "all that can end has ended")
        assert run.over() == 0
        run.start()
        run.mirrors(good, stick.destination)
        assert run.stop() == 0


def test_what_is_held_for_one_goes_on_elsewhere(places: Places, tmp_path: Path) -> None:
    """Most goes, and only one was told that this is fine."""
    source, careful, state = places
    easy = tmp_path / "easy"
    fill(source)
    with Serving(source, [target(careful), target(easy, settings=Settings())], state) as run:
        run.mirrors(careful, easy)
        whole = count(source)
        for number in range(6):
            shutil.rmtree(source / f"d{number}")
        run.reaches(careful, "held")
        run.mirrors(easy)
        (source / "more").write_text("more")
        run.mirrors(easy)
        assert 2 * count(careful) >= whole, "what went before it looked like a disaster"
        held = run.ask(careful, "status")
        plan = until(lambda: HoldFile(run.place(careful)).load(), "what is held").id
        assert plan in held["remedy"]
        assert run.ask(careful, "approve", plan=plan)["refused"] == ""
        run.mirrors(careful, easy)
        assert run.stop() == 0


def test_watching_costs_the_same_for_any_number(places: Places, tmp_path: Path) -> None:
    """The kernel counts the watches; what all leave out gets none, what one takes in does."""
    source, _, state = places
    for name in ("both", "one", "neither"):
        fill(source / name)
    one = target(tmp_path / "one", filter=without("/neither/**", "/one/**"))
    other = target(tmp_path / "other", filter=without("/neither/**"))
    counted = []
    for wanted in ([other], [one, other], [one, other, target(tmp_path / "third", filter=WITHOUT)]):
        with Serving(source, wanted, state, backend="inotify") as run:
            for each in wanted:
                run.reaches(each.destination, "in sync")
            counted.append(run.watches())
            (source / "one" / "new").write_text(str(len(wanted)))
            until(
                lambda: read(tmp_path / "other" / "one" / "new") == str(len(wanted)),  # noqa: B023
                "it arrives",
            )
            assert run.stop() == 0
    assert counted[0] == counted[1]
    assert counted[2] == counted[1] + 8, "what the third takes in: a directory with seven in it"
    assert not (tmp_path / "one" / "one").exists()
    assert not (tmp_path / "other" / "neither").exists()


def test_destinations_that_overlap_are_refused_and_the_rest_goes_on(
    places: Places, tmp_path: Path
) -> None:
    source, one, state = places
    fill(source, 10)
    with Serving(
        source, [target(one), target(one / "inner"), target(tmp_path / "b")], state
    ) as run:
        run.mirrors(one, tmp_path / "b")
        run.reaches(one / "inner", "waiting")
        assert "overlap" in run.ask(one / "inner", "status")["why"]
        assert not (one / "inner").exists()
        assert run.stop() == 0


def test_what_keeps_all_from_beginning_ends_the_run(places: Places, tmp_path: Path) -> None:
    source, _, state = places
    bad = tmp_path / "bad"
    bad.write_text("no directory")
    with Serving(source, [target(bad), target(bad / "below")], state) as run:
        assert run.over() == 70
        assert "is a file not a directory" in run.said.read_text()
