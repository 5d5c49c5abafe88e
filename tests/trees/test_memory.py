"""Only the tree in memory: its clock, its misfortunes, its counts."""

import pytest

from mirrorfs.core.tree import TreeError, Trouble
from mirrorfs.errors import DirectoryMissing
from mirrorfs.trees.memory import MemoryTree


def built() -> MemoryTree:
    tree = MemoryTree()
    tree.write("d/file", b"x")
    tree.symlink("link", "d")
    tree.move("d", "e")
    return tree


def test_the_same_calls_make_the_same_tree():
    assert built().entries() == built().entries()
    assert list(built().entries()) == ["link", "e", "e/file"]


def test_every_change_moves_the_clock():
    tree = built()
    before = tree.entries()["e/file"]
    tree.write("e/file", b"y")
    after = tree.entries()["e/file"]
    assert after.inode == before.inode
    assert (after.mtime_ns, after.ctime_ns) > (before.mtime_ns, before.ctime_ns)
    tree.remove("e/file")
    tree.write("e/file", b"y")
    assert tree.entries()["e/file"].inode > after.inode


def test_a_call_fails_as_often_as_it_was_told():
    tree = built()
    tree.fail("read", "e", Trouble.DENIED, times=2)
    for _ in range(2):
        with pytest.raises(TreeError) as caught:
            tree.read("e")
        assert caught.value.trouble is Trouble.DENIED
    assert tree.read("e").entries
    tree.fail("entry", "e/file", Trouble.INPUT_OUTPUT, times=None)
    for _ in range(3):
        listing = tree.read("e")
        assert not listing.entries
        assert listing.failures["file"].trouble is Trouble.INPUT_OUTPUT
    tree.heal()
    assert tree.read("e").entries
    assert tree.calls["read"] == 7


def test_a_file_that_changes_while_it_is_read_is_read_again(make_action):
    source, destination = built(), MemoryTree()
    destination.mkdir("e")
    source.tear("e/file", times=3)
    (outcome,) = destination.transfer([make_action(source, "e/file")], source)
    assert outcome.status == "done"
    source.tear("e/file", times=100)
    destination.remove("e/file")
    (outcome,) = destination.transfer([make_action(source, "e/file")], source)
    assert outcome.failure.trouble is Trouble.UNSTABLE
    assert not destination.read("e").entries


def test_a_vanished_root_ends_every_call_until_it_is_back():
    tree = built()
    tree.vanish()
    for call in (tree.identity, tree.begin, tree.root, lambda: tree.read(""), tree.flush):
        with pytest.raises(DirectoryMissing) as caught:
            call()
        assert caught.value.remedy
    tree.heal()
    assert tree.read("").entries
