"""Commands called in this process, with a state directory and an environment of their own."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from mirrorfs.cli import main


class Done(NamedTuple):
    code: int
    out: str
    err: str


Call = Callable[..., Done]


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Call]:
    """`call("sync", source, destination, "-v")`: exit code, standard output, standard error."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    def run(*words: object) -> Done:
        capfd.readouterr()
        code = main([str(word) for word in words])
        return Done(code, *capfd.readouterr())

    yield run
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


class Place(NamedTuple):
    """A source and a destination below one directory."""

    source: Path
    destination: Path

    @staticmethod
    def write(root: Path, files: dict[str, str]) -> None:
        """Make files, all with the same modification time."""
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            os.utime(path, ns=(10**18, 10**18))

    @staticmethod
    def read(root: Path) -> dict[str, str]:
        """All files below a directory and what they hold."""
        return {
            str(path.relative_to(root)): path.read_text()
            for path in root.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A source with `new`, `same`, `changed` and `d/deep`; a destination that lacks or differs."""
    place = Place(tmp_path / "src", tmp_path / "dst")
    place.write(place.source, {"new": "n", "same": "s", "changed": "version 2", "d/deep": "deep"})
    place.write(
        place.destination, {"same": "s", "changed": "v1", "gone": "old", "e/gone": "old, too"}
    )
    return place
