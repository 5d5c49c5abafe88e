"""A real overflow of the kernel's queue: said before anything later, and everything is found again.

The reader is stalled where it hands over its records, so the queue fills while nobody reads.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.queues import short_queue
from watch.conftest import stalled

from mirrorfs.core.change import Dirty, Gap

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="the queue's length is set by root"),
]


def create(root: Path) -> None:
    for number in range(100):
        (root / f"f{number}").touch()


def rename(root: Path) -> None:
    for number in range(50):
        (root / f"old{number}").rename(root / f"renamed{number}")


def make_trees(root: Path) -> None:
    for number in range(20):
        (root / f"new{number}" / "a" / "b").mkdir(parents=True)
        (root / f"new{number}" / "a" / "b" / "file").touch()


def remove(root: Path) -> None:
    for number in range(50):
        shutil.rmtree(root / f"old{number}")


def mixed(root: Path) -> None:
    create(root)
    for number in range(0, 50, 3):
        (root / f"old{number}").rename(root / f"old{number + 1}" / "in")
        shutil.rmtree(root / f"old{number + 2}", ignore_errors=True)
        (root / f"old{number}" / "again").mkdir(parents=True)


@pytest.mark.parametrize("storm", [create, rename, make_trees, remove, mixed])
def test_an_overflow_is_a_gap_and_the_tree_is_found_again(
    start: Callable, source: Path, storm: Callable[[Path], None], eventually: Callable
) -> None:
    for number in range(51):
        (source / f"old{number}" / "below").mkdir(parents=True)
        (source / f"old{number}" / "below" / "file").touch()
    with short_queue():
        watched = start()
    with stalled(watched):
        storm(source)
    watched.gapped("", "overflow")
    watched.assert_complete()
    assert watched.watcher.status().overflows >= 1
    directories = [
        path for path, seen in watched.mirror.state.items() if os.path.isdir(source / path)
    ]
    # A watch whose directory went is let go of with the event that tells so, which may come last.
    eventually(lambda: watched.watcher.status().watched == len(directories))
    for path in directories:
        (source / path / "after").touch()
        watched.wait(Dirty(f"{path}/after" if path else "after"))
    watched.assert_complete()


def test_the_gap_stands_before_what_came_later(start: Callable, source: Path) -> None:
    with short_queue():
        watched = start()
    with stalled(watched):
        create(source)
    watched.gapped("", "overflow")
    first = next(n for n, change in enumerate(watched.log) if isinstance(change, Gap))
    names = [c.path for c in watched.log[:first] if isinstance(c, Dirty)]
    assert names == ["stall"]


def test_an_overflow_while_the_first_watches_are_set(start: Callable, source: Path) -> None:
    for number in range(300):
        (source / f"old{number}" / "below").mkdir(parents=True)
    with short_queue():
        watched = start(ready=False)
    make_trees(source)
    assert watched.watcher.ready.wait(30)
    watched.assert_complete()
    for number in range(20):
        (source / f"new{number}" / "a" / "b" / "later").touch()
        watched.wait(Dirty(f"new{number}/a/b/later"))
