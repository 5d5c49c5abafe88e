"""Changes that race with the watcher: in the end nothing may differ from what the records led to.

The mirror looks at once, in the watcher's thread: a watch that is set too late, or a name that is
reported too early, leaves a difference that no later record repairs.
"""

import os
import random
import shutil
import stat
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from mirrorfs.core.tree import join
from mirrorfs.watch import Pace, translate
from mirrorfs.watch.sift import Sift, plain, sift

from .conftest import Watched, stalled, walk, watching

NAMES = "abcde"

as_root = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="fanotify needs the rights of root"),
]


class Mischief:
    """Random changes by one thread: few names, so that they get into each other's way."""

    def __init__(self, root: Path, outside: Path, seed: int) -> None:
        self.root = str(root)
        self.outside = str(outside)
        self.random = random.Random(seed)

    def directory(self) -> str:
        path = self.root
        while self.random.random() < 0.6:
            path += "/" + self.random.choice(NAMES)
        return path

    def below(self) -> str:
        return self.directory() + "/" + self.random.choice(NAMES)

    def file(self) -> str:
        return f"{self.directory()}/f{self.random.randrange(3)}"

    def out(self) -> str:
        return f"{self.outside}/{self.random.choice(NAMES)}"

    def make(self) -> None:
        path = self.directory()
        os.makedirs(path, exist_ok=True)
        with open(f"{path}/f{self.random.randrange(3)}", "w") as file:
            file.write("x" * self.random.randrange(100))

    def remove(self) -> None:
        shutil.rmtree(self.below())

    def replace(self) -> None:
        path = self.below()
        shutil.rmtree(path)
        os.mkdir(path)
        with open(f"{path}/new", "w"):
            pass

    def rename(self) -> None:
        os.rename(self.below(), self.below())

    def rename_file(self) -> None:
        os.rename(self.file(), self.file())

    def move_out(self) -> None:
        os.rename(self.below(), self.out())

    def move_in(self) -> None:
        os.rename(self.out(), self.below())

    def link(self) -> None:
        os.symlink("nowhere", f"{self.directory()}/s{self.random.randrange(3)}")

    def unlink(self) -> None:
        os.unlink(f"{self.directory()}/s{self.random.randrange(3)}")

    def write(self) -> None:
        with open(self.file(), "a") as file:
            file.write("y")

    def chmod(self) -> None:
        os.chmod(self.below(), self.random.choice([0o755, 0o700]))

    def run(self, times: int) -> None:
        acts = [self.make] * 25 + [self.remove] * 8 + [self.replace] * 10 + [self.rename] * 20
        acts += [self.move_out] * 7 + [self.move_in] * 8 + [self.rename_file] * 6
        acts += [self.link] * 4 + [self.unlink] * 3 + [self.write] * 5 + [self.chmod] * 3
        for _ in range(times):
            with suppress(OSError):
                self.random.choice(acts)()


def race(watched: Watched, outside: Path, seed: int, threads: int, times: int) -> None:
    mischief = [Mischief(watched.root, outside, seed * 10 + number) for number in range(threads)]
    running = [threading.Thread(target=each.run, args=(times,)) for each in mischief]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert watched.watcher.ready.wait(30)
    watched.assert_complete()


def assert_all_watched(watched: Watched) -> None:
    """Each directory has its watch: a file made there is reported, and there are no watches
    besides.
    """
    root = str(watched.root)
    directories = [path for path, seen in walk(root).items() if stat.S_ISDIR(seen[0])]
    status = watched.watcher.status()
    if status.serving[0].backend == "inotify":
        assert status.watched == len(directories)
    for path in directories:
        with open(join(join(root, path) if path else root, "after"), "w"):
            pass
    watched.assert_complete()
    assert watched.watcher.status().overflows == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "pair"),
    [
        pytest.param("inotify", 0.005, id="paired"),
        pytest.param("inotify", 0.0, id="unpaired"),
        pytest.param("fanotify", 0.0, id="fanotify", marks=as_root),
    ],
)
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_missed(places: tuple[Path, Path], seed: int, backend: str, pair: float) -> None:
    root, state = places
    outside = state.parent / "outside"
    outside.mkdir()
    options = {"ready": seed % 2 == 0, "backend": backend, "pace": Pace(pair=pair)}
    with watching(root, state, **options) as watched:
        for turn in range(3):
            race(watched, outside, seed * 100 + turn, threads=2, times=150)
        assert_all_watched(watched)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "pair", "sifting"),
    [
        pytest.param("inotify", 0.005, sift, id="paired"),
        pytest.param("inotify", 0.005, plain, id="plain"),
        pytest.param("inotify", 0.0, sift, id="unpaired"),
        pytest.param("fanotify", 0.0, sift, id="fanotify", marks=as_root),
    ],
)
def test_nothing_is_missed_of_what_one_read_brings(
    places: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    pair: float,
    sifting: Sift,
) -> None:
    """The same names made, removed and renamed, in directories that are renamed themselves, while
    nobody reads."""
    monkeypatch.setattr(translate, "sift", sifting)
    root, state = places
    outside = state.parent / "outside"
    outside.mkdir()
    with watching(root, state, backend=backend, pace=Pace(pair=pair)) as watched:
        mischief = Mischief(root, outside, 5)
        for _ in range(25):
            with stalled(watched):
                mischief.run(40)
            watched.assert_complete()
        assert_all_watched(watched)


@pytest.mark.torture
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(100, 300))
def test_nothing_is_missed_for_long(places: tuple[Path, Path], seed: int) -> None:
    root, state = places
    outside = state.parent / "outside"
    outside.mkdir()
    pace = Pace(pair=0.0 if seed % 3 == 0 else 0.005)
    backend = "fanotify" if seed % 2 and os.geteuid() == 0 else "inotify"
    with watching(root, state, ready=False, backend=backend, pace=pace) as watched:
        for turn in range(5):
            race(watched, outside, seed * 100 + turn, threads=3, times=300)
        assert_all_watched(watched)


@pytest.mark.slow
def test_deep_trees_made_and_removed(places: tuple[Path, Path]) -> None:
    root, state = places
    with watching(root, state) as watched:
        for number in range(150):
            deep = root / f"t{number % 3}" / "a" / "b" / "c" / "d" / "e" / "f" / "g"
            deep.mkdir(parents=True, exist_ok=True)
            (deep / f"file{number}").write_text("x")
            if number % 5 == 4:
                shutil.rmtree(root / f"t{number % 3}")
                (root / f"t{number % 3}").mkdir()
        watched.assert_complete()
        assert_all_watched(watched)


@pytest.mark.slow
def test_changes_from_before_the_start_until_after_it(places: tuple[Path, Path]) -> None:
    root, state = places
    outside = state.parent / "outside"
    outside.mkdir()
    for number in range(1000):
        (root / str(number % 30) / str(number)).mkdir(parents=True)
    going = threading.Thread(target=Mischief(root, outside, 7).run, args=(600,))
    going.start()
    with watching(root, state, ready=False) as watched:
        going.join()
        assert watched.watcher.ready.wait(30)
        watched.assert_complete()
        assert_all_watched(watched)
