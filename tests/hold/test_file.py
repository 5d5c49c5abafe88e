"""The file of a held plan: what was stored comes back, and nothing else is ever taken for it."""

import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorfs.core.approval import identify, touches
from mirrorfs.core.plan import Action, Stage, Totals, Verb
from mirrorfs.core.record import replace
from mirrorfs.core.tree import Entry, Identity, Kind
from mirrorfs.errors import StateError, TemporaryError, UsageError
from mirrorfs.hold import Held, HoldFile, Recipe

NAME = st.binary(min_size=1, max_size=6).map(
    lambda raw: os.fsdecode(raw.replace(b"/", b"_").replace(b"\0", b"_")) + "n"
)
PATH = st.lists(NAME, max_size=3).map("/".join)
TIME = st.integers(-(1 << 70), 1 << 70)
ENTRY = st.builds(
    Entry,
    kind=st.sampled_from(list(Kind)),
    size=st.integers(0, 1 << 63),
    mtime_ns=TIME,
    mode=st.integers(0, 0o7777),
    target=NAME,
    ctime_ns=TIME,
    xattrs=st.none() | st.just((("user.a", b"\0\xff"), ("user.b", b""))),
)
ACTION = st.builds(
    Action,
    verb=st.sampled_from(list(Verb)),
    stage=st.sampled_from(list(Stage)),
    path=PATH,
    want=st.none() | ENTRY,
    expect=st.none() | ENTRY,
    reason=st.text(st.characters(codec="utf-8"), max_size=5),
    origin=PATH,
)
GONE = Action(
    Verb.DELETE, Stage.DELETE, "d/a", None, Entry(Kind.FILE, 1, 2, inode=3), "gone from the source"
)


def held(actions=(GONE,), *, command="sync", **rest):
    recipe = Recipe(command, ("--exclude=\udcff",), "/somewhere", (("--filter", "f", "- a\n"),), 7)
    return Held(
        identify(touches(actions)),
        "max-delete",
        "2 deletions are too many",
        Totals(delete=2, freed=9),
        1 << 60,
        ("/s\udcff", "/d"),
        Identity("f", "ext4", 2, 5),
        Identity("g", "xfs", 3, 6),
        "print",
        "as asked",
        5,
        3,
        recipe,
        **rest,
    )


@given(st.lists(ACTION, max_size=5))
def test_what_was_stored_comes_back(tmp_path_factory, actions):
    file = HoldFile(str(tmp_path_factory.mktemp("state")))
    stored = held(actions)
    file.store(stored, iter(actions))
    assert file.load() == stored
    assert list(file.actions()) == actions


def test_nothing_is_kept_at_first_and_after_removal(tmp_path):
    file = HoldFile(str(tmp_path / "mirror"))
    assert file.load() is None
    assert list(file.actions()) == []
    (tmp_path / "mirror").mkdir()
    assert file.load() is None
    file.store(held(), [GONE])
    file.remove()
    assert file.load() is None
    assert not (tmp_path / "mirror").exists(), "what holds nothing else goes, too"


def test_only_the_plan_that_is_kept_can_be_had(tmp_path):
    file = HoldFile(str(tmp_path))
    with pytest.raises(UsageError, match="no plan 12345678 is held"):
        file.kept("12345678")
    stored = held()
    file.store(stored, [GONE])
    with pytest.raises(UsageError, match=f"; {stored.id} is"):
        file.kept("12345678")
    assert file.touched(file.kept(stored.id)) == frozenset(touches([GONE]))


@pytest.mark.parametrize(("command", "remembered"), [("sync", False), ("run", True)])
def test_a_service_remembers_what_was_discarded(tmp_path, command, remembered):
    file = HoldFile(str(tmp_path))
    stored = held(command=command)
    stored = replace(stored, recipe=replace(stored.recipe, command=command))
    file.store(stored, [GONE])
    file.discard(stored.id)
    assert file.load() == (replace(stored, discarded=True) if remembered else None)
    assert list(file.actions()) == []
    with pytest.raises(UsageError, match="discarded" if remembered else "no plan"):
        file.kept(stored.id)


def test_every_damage_of_one_byte_is_seen(tmp_path):
    file = HoldFile(str(tmp_path))
    stored = held()
    file.store(stored, [GONE, GONE._replace(path="b")])
    whole = Path(file.path).read_bytes()
    damaged = [whole[:place] for place in range(0, len(whole), 3)] + [whole + b"\0"]
    damaged += [
        whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :]
        for place in range(len(whole))
    ]
    for data in damaged:
        Path(file.path).write_bytes(data)
        with pytest.raises(StateError, match="not a plan that was kept") as error:
            file.touched(file.load())
        assert "discard" in error.value.remedy


def test_actions_of_another_plan_are_not_taken_for_this_one(tmp_path):
    file = HoldFile(str(tmp_path))
    stored = held()
    file.store(stored, [GONE, GONE._replace(path="more")])
    with pytest.raises(StateError, match="not those it was kept for"):
        file.touched(stored)


@pytest.mark.parametrize("path", ["../a", "/etc", "a/../../b", "a//b", "a\0b"])
def test_a_path_that_leaves_the_root_is_refused(tmp_path, path):
    file = HoldFile(str(tmp_path))
    for action in (GONE._replace(path=path), GONE._replace(origin=path)):
        file.store(held([action]), [action])
        with pytest.raises(StateError, match="leaves the root"):
            list(file.actions())


def test_a_file_of_somebody_else_is_not_read(tmp_path):
    file = HoldFile(str(tmp_path))
    file.store(held(), [GONE])
    Path(file.path).chmod(0o666)
    with pytest.raises(StateError, match="written by other users"):
        file.load()
    elsewhere = Path(file.path).rename(tmp_path / "elsewhere")
    elsewhere.chmod(0o600)
    Path(file.path).symlink_to(elsewhere)
    with pytest.raises(StateError, match="not a regular file of ours"):
        file.load()


def test_a_disk_that_is_full_keeps_what_was_kept(tmp_path):
    file = HoldFile(str(tmp_path))
    file.store(held(), [GONE])

    def some():
        yield GONE
        raise OSError(28, "No space left on device")

    with pytest.raises(TemporaryError, match="cannot be kept"):
        file.store(held([]), some())
    assert list(file.actions()) == [GONE]
    assert [entry.name for entry in tmp_path.iterdir()] == ["held"]


def test_memory_does_not_grow_with_the_plan(tmp_path):
    file = HoldFile(str(tmp_path))
    many = 5_000
    tracemalloc.start()
    file.store(held(), (GONE._replace(path=f"d/{n}") for n in range(many)))
    assert sum(1 for _ in file.actions()) == many
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert Path(file.path).stat().st_size > 60 * many
    assert peak < 5 << 20
