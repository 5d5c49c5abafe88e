"""State files that are whole and hold nonsense: no path in them leads out of the root, and what
makes no sense is as good as nothing (then everything is compared)."""

import copy
import random
import tempfile
from pathlib import Path

import pytest

from journal import CursorFile, Position, RecordInvalid
from mirrorfs.core.tree import Identity, is_safe
from mirrorfs.mirror.checkpoint import Checkpoint, CheckpointFile, MountsFile, NamesFile

IDENTITY = ["fs", "ext4", 2, 1]
FILES = {
    "checkpoint": {
        "version": 1,
        "places": ["/source", "/destination"],
        "source": IDENTITY,
        "destination": IDENTITY,
        "fingerprint": "options-filter",
        "cursor": ["ab" * 16, 7],
        "retry": {"a/b": "permission denied", "c": "withheld"},
        "compared_ns": 1,
        "entries": 2,
    },
    "links": {"version": 1, "complete": True, "groups": [[1, 2, "a", "b/c"], [1, 3, "d", "e"]]},
    "mounts": {"version": 1, "places": {"a/b": IDENTITY}},
}
NONSENSE = (
    *("..", "../up", "/etc", "a//b", "a/../../b", ".", "a\0b", "a/", "", "\udcff"),
    *(None, True, -1, 2**63 - 1, 1.5, b"/etc", [], {}, [[]], {"..": "why"}, {"/etc": IDENTITY}),
    *([1, 2, "../x", "y"], ["x"], {"a": {"b": "c"}}),
)


def spoiled(value: object, chance: random.Random) -> object:
    """A copy with one thing in it, at any depth, replaced, removed or renamed."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        value = dict(value)
        key = chance.choice([*value])
        if (lot := chance.random()) < 0.1:
            del value[key]
        elif lot < 0.3:
            name = chance.choice([text for text in NONSENSE if isinstance(text, str)])
            value[name] = value.pop(key)
        else:
            value[key] = spoiled(value[key], chance)
        return value
    if isinstance(value, list) and value and chance.random() < 0.9:
        value = list(value)
        index = chance.randrange(len(value))
        value[index] = spoiled(value[index], chance)
        return value
    return copy.deepcopy(chance.choice(NONSENSE))


def paths(directory: str) -> list[str]:
    """All that the three files name below a root."""
    found = [path for _, group in NamesFile(directory).load().groups() for path in group]
    found += MountsFile(directory).load().known
    checkpoint = CheckpointFile(directory).load()
    if checkpoint is not None:
        assert isinstance(checkpoint, Checkpoint)
        assert isinstance(checkpoint.source, Identity)
        assert checkpoint.cursor is None or isinstance(checkpoint.cursor, Position)
        found += checkpoint.retry
    return found


@pytest.fixture
def place():
    with tempfile.TemporaryDirectory(dir="/dev/shm") as where:  # each file stored is synced
        yield Path(where)


def test_no_path_leads_outside_and_nothing_is_raised(place):
    chance = random.Random(7)
    for name, good in FILES.items():
        CursorFile(str(place / name)).store(good)
    assert sorted(paths(str(place))) == ["a", "a/b", "a/b", "b/c", "c", "d", "e"]
    used = 0
    for name, good in FILES.items():
        for _ in range(400):
            bad = spoiled(good, chance)
            try:
                CursorFile(str(place / name)).store(bad)
            except (RecordInvalid, TypeError, AttributeError, UnicodeEncodeError):
                continue  # no such file can be
            found = paths(str(place))
            assert all(is_safe(path) for path in found), bad
            used += 1
        CursorFile(str(place / name)).store(good)
    assert used > 900
