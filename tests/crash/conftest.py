"""Rooms on a file system in memory, where flushing costs nothing."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from crash.states import States

_SHM = "/dev/shm"


@pytest.fixture
def room() -> Iterator[Path]:
    """An empty directory, in memory where that is possible."""
    where = _SHM if os.access(_SHM, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="mirrorfs-crash-", dir=where) as made:
        yield Path(made)


@pytest.fixture
def states(room: Path) -> States:
    return States(room)
