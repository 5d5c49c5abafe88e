"""Files of mirrors in a directory of their own, and commands that are told of it."""

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from support import forked
from support.process import MIRRORFS, Service

Call = Callable[..., forked.Done]

for _module in ("msgspec", "tomllib"):  # here: not every user may read the interpreter's library
    importlib.import_module(_module)


class Place(NamedTuple):
    """A source with files, a destination that is not there, a directory of configurations."""

    source: Path
    destination: Path
    files: Path
    state: Path

    def write(self, name: str, text: str) -> Path:
        """The file of a mirror; SRC and DST in it stand for the two places."""
        file = self.files / f"{name}.toml"
        text = text.replace("SRC", str(self.source)).replace("DST", str(self.destination))
        file.write_text(text)
        return file


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(*(tmp_path / name for name in ("source", "destination", "files", "state")))
    made.source.mkdir()
    made.files.mkdir()
    (made.source / "a.txt").write_text("a")
    (made.source / "b.tmp").write_text("b")
    return made


@pytest.fixture
def call(place: Place) -> Call:
    """`call("sync", "docs")`, with the state and the configurations of the place."""

    def run(*words: object, answers: str | None = None, user: int | None = None) -> forked.Done:
        given = [*map(str, words), "--config-dir", str(place.files)]
        return forked.call(given, place.source.parent, answers=answers, user=user)

    return run


class Named(Service):
    """`mirrorfs run NAME` as a process."""

    def __init__(self, name: str, place: Place, **more: str) -> None:
        super().__init__("run", place.source, place.destination, state=place.state)
        self._command = [*MIRRORFS, "run", name, "--state-dir", os.fspath(place.state)]
        self._command += ["--config-dir", os.fspath(place.files)]
        if more:
            self._command = ["env", *map("=".join, more.items()), *self._command]
