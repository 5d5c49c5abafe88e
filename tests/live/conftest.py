"""A pair of directories with a state directory of its own."""

import os
from pathlib import Path
from typing import NamedTuple

import pytest


class Places(NamedTuple):
    source: Path
    destination: Path
    state: Path


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """An existing source, a destination that is yet to be made, and where state is kept."""
    (tmp_path / "source").mkdir()
    return Places(tmp_path / "source", tmp_path / "destination", tmp_path / "state")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the one who runs the tests reaches the processes they start."""
    for name in list(os.environ):
        if name.startswith(("MIRRORFS_", "RCLONE_", "GIT_")):
            monkeypatch.delenv(name)
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
