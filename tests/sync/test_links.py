"""Hard links on real directories; and what is remembered of them from one process to the next."""

import os
import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.history import History, linked_histories
from support.mirroring import ARCHIVE, full, mirror, replay
from support.real import RealTree
from support.walker import differences, link_groups
from sync.test_real_directories import opened, places

from mirrorfs.core.filter import EVERYTHING
from mirrorfs.core.links import LinkedNames
from mirrorfs.core.scope import Scope
from mirrorfs.mirror.checkpoint import NamesFile


@given(before=linked_histories, history=linked_histories, seed=st.integers(0, 9))
def test_replay_equals_the_source(before, history, seed):
    with places() as (source, ours, _):
        past, names = History(RealTree(source)).play(before), LinkedNames()
        RealTree(ours)
        with opened(source, ours, ARCHIVE) as trees:
            assume(not full(*trees, ARCHIVE, names=names).failures)
        past.changes.clear()
        changes = past.play(history).changes
        random.Random(seed).shuffle(changes)
        with opened(source, ours, ARCHIVE) as trees:
            assert not replay(*trees, changes, ARCHIVE, EVERYTHING, names).failures
        assert RealTree(ours).shape(modes=True) == RealTree(source).shape(modes=True)
        with opened(source, ours, ARCHIVE) as trees:
            assert mirror(*trees, ARCHIVE).plan(Scope.everything()).actions == ()


@pytest.fixture
def names():
    names = LinkedNames([((1, 2), ["a", "d/b"]), ((1, 3), ["\udcff", "d/é", "z"])])
    names.complete = names.changed = True
    return names


def test_names_are_remembered(names, tmp_path):
    NamesFile(str(tmp_path)).store(names)
    loaded = NamesFile(str(tmp_path)).load()
    assert dict(loaded.groups()) == dict(names.groups())
    assert loaded.complete
    assert not loaded.changed


def test_names_are_stored_only_when_they_changed(names, tmp_path):
    file = NamesFile(str(tmp_path))
    file.store(names)
    before = os.stat(tmp_path / "links")
    file.store(names)
    again = NamesFile(str(tmp_path))
    again.store(again.load())
    assert os.path.samestat(os.stat(tmp_path / "links"), before)
    names.changed = True
    file.store(names)
    assert not os.path.samestat(os.stat(tmp_path / "links"), before)


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: None,
        lambda file: file.store({"version": 2, "complete": True, "groups": []}),
        lambda file: file.store({"version": 1, "complete": True, "groups": [[1]]}),
        lambda file: file.store({"version": 1, "complete": True, "groups": [[1, 2, "../x"]]}),
        lambda file: file.store({"version": 1, "complete": True, "groups": 5}),
        lambda file: Path(file.path).write_bytes(b"torn"),
    ],
)
def test_what_cannot_be_used_is_not_known(damage, tmp_path):
    damage(NamesFile(str(tmp_path))._file)
    names = NamesFile(str(tmp_path)).load()
    assert not names.complete
    assert not list(names.groups())


def test_too_much_to_store_is_forgotten(tmp_path):
    names = LinkedNames([((1, 2), [f"{number}{'x' * 200}" for number in range(100_000)])])
    names.complete = names.changed = True
    NamesFile(str(tmp_path)).store(names)
    loaded = NamesFile(str(tmp_path)).load()
    assert not loaded.complete
    assert not list(loaded.groups())


@pytest.mark.parametrize("seed", range(6))
def test_as_rsync_does(seed, tmp_path):
    """The same groups of names as `rsync -aH`, from scratch and after changes on either side."""
    source, ours, theirs = (tmp_path / name for name in ("source", "ours", "theirs"))
    past = History(RealTree(source))
    for _ in range(3):
        past.play(random_history(random.Random(seed)))
        seed += 100
        for destination in (ours, theirs):
            destination.mkdir(exist_ok=True)
        with opened(source, ours, ARCHIVE) as trees:
            assert not full(*trees, ARCHIVE).failures
        subprocess.run(
            ["rsync", "-aHI", "--delete", f"{source}/", f"{theirs}/"], check=True, timeout=60
        )
        assert link_groups(source), "else nothing is tried"
        assert link_groups(ours) == link_groups(theirs) == link_groups(source)
        assert differences(source, ours) == []


def random_history(chance):
    operations = [("mkdir", name) for name in "ad"]
    for _ in range(60):
        at, free = chance.randrange(40), (chance.randrange(5), chance.choice("abcdefgh"))
        operations.append(
            chance.choice(
                [
                    ("write", free, b"%d" % chance.randrange(1000)),
                    ("write", at, b"%d" % chance.randrange(1000)),
                    ("link", at, free),
                    ("link", at, free),
                    ("move", at, free),
                    ("remove", at),
                    ("chmod", at, 0o600),
                ]
            )
        )
    return operations
