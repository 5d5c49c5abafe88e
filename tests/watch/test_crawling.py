"""Crawling by hand: what happens between reading an event and setting a watch, made to happen."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mirrorfs.core.change import Change, Dirty
from mirrorfs.watch.batch import Batch
from mirrorfs.watch.coverage import Blind
from mirrorfs.watch.crawl import HELD, Crawler
from mirrorfs.watch.inotify import ROOT, Inotify
from mirrorfs.watch.leaf import Leaves
from mirrorfs.watch.watches import Node, Watches, remove


class Hand:
    """A crawler that does what it is told, when it is told."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.inotify = Inotify()
        fd = os.open(root, os.O_RDONLY)
        self.watches = Watches(self.inotify.watch(fd, ROOT))
        os.close(fd)
        self.batch = Batch()
        blind = Blind(self.watches, self.batch)
        self.crawler = Crawler(str(root), self.inotify, self.watches, self.batch, blind)

    def run(self) -> list[Change]:
        self.crawler.run(time.monotonic, float("inf"))
        assert not self.crawler
        return self.batch.take(self.watches)

    def node(self, path: str) -> Node:
        node = self.watches.find(path)
        assert node is not None, path
        return node

    def assert_watched(self) -> None:
        """Each directory has the watch that the map says, and no other."""
        seen = 0
        for directory, _, _ in os.walk(self.root):
            path = os.path.relpath(directory, self.root)
            fd = os.open(directory, os.O_RDONLY)
            wd = self.inotify.watch(fd)
            os.close(fd)
            assert self.node("" if path == "." else path).wd == wd, path
            seen += 1
        assert len(self.watches.nodes) == seen


@pytest.fixture
def hand(tmp_path: Path) -> Iterator[Hand]:
    (tmp_path / "a" / "below").mkdir(parents=True)
    hand = Hand(tmp_path)
    hand.crawler.tree(hand.watches.root, covered=True)
    assert hand.run() == []
    hand.assert_watched()
    yield hand
    hand.crawler.close()
    hand.inotify.close()


def test_another_directory_in_the_old_place_is_not_taken_for_the_one_known(hand: Hand) -> None:
    a = hand.node("a")
    (hand.root / "a" / "new").mkdir()
    (hand.root / "a").rename(hand.root / "b")
    (hand.root / "a" / "new").mkdir(parents=True)
    hand.crawler.adopt(a, ["new"])  # the map does not know of the rename yet
    assert hand.run() == []
    assert hand.watches.find("a/new") is None
    hand.watches.place(a, hand.watches.root, "b")
    hand.crawler.renamed(a)
    hand.crawler.adopt(hand.watches.root, ["a"])
    assert set(hand.run()) == {Dirty("a", True), Dirty("b/new", True)}
    hand.assert_watched()


def test_a_name_that_is_gone_is_found_after_the_rename(hand: Hand) -> None:
    a = hand.node("a")
    (hand.root / "a" / "new" / "deep").mkdir(parents=True)
    (hand.root / "a").rename(hand.root / "b")
    hand.crawler.adopt(a, ["new"])
    assert hand.run() == []
    hand.watches.place(a, hand.watches.root, "b")
    hand.crawler.renamed(a)
    assert hand.run() == [Dirty("b/new", True)]
    hand.assert_watched()


def test_a_directory_that_comes_back_half_forgotten_is_watched_whole(hand: Hand) -> None:
    a, below = hand.node("a"), hand.node("a/below")
    remove(a)
    hand.inotify.unwatch(below.wd)  # as if ending the watches had got this far
    hand.watches.forget(below)
    remove(below)
    hand.crawler.adopt(hand.watches.root, ["a"])
    assert hand.run() == [Dirty("a", True)]
    hand.assert_watched()


def test_a_dropped_directory_that_comes_back_at_once_stays_watched(hand: Hand) -> None:
    hand.crawler.drop(hand.node("a"))
    hand.crawler.adopt(hand.watches.root, ["a"])
    assert hand.run() == [Dirty("a", True)]
    hand.assert_watched()


def test_a_directory_found_in_a_new_place_brings_its_watches(hand: Hand) -> None:
    below = hand.node("a/below")
    (hand.root / "a").rename(hand.root / "b")
    hand.crawler.adopt(hand.watches.root, ["b"])
    assert hand.run() == [Dirty("b", True)]
    assert hand.node("b/below") is below
    hand.assert_watched()


def test_a_verifying_crawl_drops_adds_and_moves(hand: Hand) -> None:
    (hand.root / "a" / "below").rename(hand.root / "moved")
    (hand.root / "a").rmdir()
    (hand.root / "new" / "deep").mkdir(parents=True)
    hand.crawler.tree(hand.watches.root, verify=True)
    assert set(hand.run()) == {Dirty("moved", True), Dirty("new", True)}
    hand.assert_watched()


def test_deeper_than_the_descriptors_it_holds(hand: Hand) -> None:
    deep = hand.root
    for number in range(HELD + 20):
        deep = deep / "d"
        deep.mkdir()
        (deep / f"side{number}").mkdir()
    before = len(os.listdir("/proc/self/fd"))
    hand.crawler.adopt(hand.watches.root, ["d"])
    most = 0
    while hand.crawler:
        hand.crawler.run(time.monotonic, 0.0)
        most = max(most, len(os.listdir("/proc/self/fd")) - before)
    assert most <= HELD + 1
    assert hand.batch.take(hand.watches) == [Dirty("d", True)]
    hand.assert_watched()


def test_nothing_is_announced_before_all_below_is_watched(hand: Hand) -> None:
    for number in range(20):
        (hand.root / "new" / str(number)).mkdir(parents=True)
    hand.crawler.adopt(hand.watches.root, ["new"])
    while hand.crawler:
        hand.crawler.run(time.monotonic, 0.0)
        if hand.batch.trees:
            break
    assert len(hand.watches.nodes) == 3 + 21
    assert hand.run() == [Dirty("new", True)]


def test_links_count_directories_where_that_is_known(tmp_path: Path) -> None:
    leaves = Leaves()
    (tmp_path / "leaf").mkdir()
    (tmp_path / "parent" / "below").mkdir(parents=True)
    device = os.stat(tmp_path).st_dev

    def has(name: str, device: int) -> bool:
        fd = os.open(tmp_path / name, os.O_RDONLY)
        try:
            return leaves.has(fd, device)
        finally:
            os.close(fd)

    assert has("leaf", device)
    assert not has("parent", device)
    assert not has("leaf", device + 1)  # on another file system than the directory above
    leaves._counting[device] = False  # one whose links count nothing
    assert not has("leaf", device)
