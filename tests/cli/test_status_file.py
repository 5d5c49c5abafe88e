"""The status file is input: whatever stands in it, `status` answers in its own words."""

import json

import pytest

from mirrorfs.core.record import asdict
from mirrorfs.status.status import Status, load

SAID = json.loads(json.dumps(asdict(Status("/source", "/destination", last=(1, "create", "a")))))


def test_what_a_mirror_says_is_read(tmp_path):
    Status("/source", "/destination", last=(1, "create", "a\udcff")).store(str(tmp_path))
    said = load(str(tmp_path))
    assert said is not None
    assert said["alive"]
    assert said["last"] == [1, "create", "a\udcff"]


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "[]",
        "{}",
        "1",
        json.dumps({**SAID, "pid": "7"}),
        json.dumps({**SAID, "started_ns": 1 << 70}),
        json.dumps({**SAID, "last": 5}),
        json.dumps({**SAID, "last": [1 << 80, "create", "a"]}),
        json.dumps({**SAID, "owed": {"a": 1}}),
        json.dumps({**SAID, "owed": []}),
        json.dumps({key: value for key, value in SAID.items() if key != "phase"}),
    ],
)
def test_garbage_says_nothing(tmp_path, garbage):
    (tmp_path / "status.json").write_text(garbage)
    assert load(str(tmp_path)) is None
