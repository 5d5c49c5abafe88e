"""Directories on a file system of every kind."""

import itertools
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from support.mounting import KINDS, drive


class Pair(NamedTuple):
    """Two empty directories on one file system, and a place for state, which any user may use."""

    kind: str
    source: Path
    mirror: Path
    home: Path

    def beside(self, name: str) -> Path:
        """One more directory on the same file system."""
        path = self.source.with_name(name)
        path.mkdir()
        return path


@pytest.fixture(scope="session")
def drives() -> Iterator[dict[str, Path]]:
    """Every kind of file system, mounted once, where any user may look; a test takes a directory of
    its own there."""
    with ExitStack() as stack:
        where = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="drives-")))
        where.chmod(0o755)
        yield {kind: stack.enter_context(drive(kind, where, size="600M")) for kind in KINDS}


_numbers = itertools.count()


@pytest.fixture
def pair_on(drives: dict[str, Path]) -> Iterator:
    """`pair_on(kind)` makes a `Pair` there; it is removed in the end."""
    made = []

    def make(kind: str) -> Pair:
        top = drives[kind] / f"{next(_numbers)}"
        made.append(top)
        pair = Pair(kind, top / "source", top / "mirror", top / "home")
        pair.source.mkdir(parents=True)
        pair.mirror.mkdir()
        pair.home.mkdir()
        pair.home.chmod(0o777)
        return pair

    yield make
    if made:
        subprocess.run(["chattr", "-R", "-f", "-i", "-a", *made], check=False, capture_output=True)
        subprocess.run(["rm", "-rf", "--", *made], check=True)


@pytest.fixture(params=KINDS)
def pair(request: pytest.FixtureRequest, pair_on) -> Pair:
    """On each kind of file system."""
    return pair_on(request.param)
