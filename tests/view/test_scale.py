"""A large plan is shown in memory that grows with the plan, and only what is looked at is built."""

import os
from pathlib import Path

import pytest
from support.view import View

pytestmark = [pytest.mark.fuse, pytest.mark.root, pytest.mark.slow]

EACH = 100  # files in a directory
AN_ACTION = 1000  # bytes of the process
INDEX = 50  # bytes for each action: what finds those of a directory, made at the first look
A_LISTING = 4 << 20  # bytes: of a directory, with all that was never needed before


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    "count",
    [30_000, pytest.param(1_000_000, marks=[pytest.mark.torture, pytest.mark.timeout(1200)])],
)
def test_a_large_plan(tmp_path: Path, point: Path, count: int) -> None:
    source, destination = tmp_path / "source", tmp_path / "destination"
    source.mkdir()
    with View(source, destination, point, state=tmp_path / "small") as view:
        assert (point / "summary").read_text()
        small = resident(view.pid)
    for number in range(count):
        if number % EACH == 0:
            directory = source / f"{number // EACH}"
            directory.mkdir()
        os.mknod(f"{directory}/{number}")
    with View(source, destination, point, state=tmp_path / "large") as view:
        assert f"{count + count // EACH}" in (point / "summary").read_text().replace(",", "")
        taken = resident(view.pid)
        assert taken - small < AN_ACTION * count
        for area in (view.after, view.pending / "create"):
            assert sorted(map(int, os.listdir(area / "7"))) == list(range(700, 800))
        assert resident(view.pid) - taken < A_LISTING + INDEX * count
        walked = sum(len(names) for _, _, names in os.walk(view.after))
        assert walked == count
        assert view.stop() == 0
