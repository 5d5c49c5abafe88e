"""Mistakes of the one who types: another filter, the wrong direction, the wrong place."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from support import forked
from support.stepping import Stepped
from support.walker import count

FILES = {"keep/a": "a", "keep/b": "b", "drop/c": "c"}


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path, Path]:
    for top in ("source", "destination"):
        for name, text in FILES.items():
            file = tmp_path / top / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            os.utime(file, ns=(10**18, 10**18))
    return tmp_path / "source", tmp_path / "destination", tmp_path / "state"


def call(*words: object, state: Path, code: int = 0) -> forked.Done:
    said = forked.call([*map(str, words), "--state-dir", str(state)], state.parent)
    assert said.code == code, said.said
    return said


def held(destination: Path, state: Path) -> Any:
    return json.loads(call("held", "--json", destination, state=state).out)


@pytest.mark.root
def test_another_filter_that_would_delete_is_held(places: tuple[Path, Path, Path]) -> None:
    source, destination, state = places
    with Stepped(source, destination, state) as run:
        run.recovers(count(source))
    flags = ("--exclude=/drop/**", "--delete-excluded")
    with Stepped(source, destination, state, flags=flags) as run:
        assert run.reaches("held") == "held"
        assert run.harm() == []
        plan = held(destination, state)
        assert plan["danger"] == "filter-changed"
        assert {a["path"] for a in plan["actions"] if a["verb"] == "delete"} == {"drop", "drop/c"}
        call("approve", destination, plan["id"], state=state)
        run.recovers(3, filtered=True)
        (source / "keep" / "b").unlink()
        run.recovers(2, filtered=True)
    with Stepped(source, destination, state, flags=flags) as run:
        run.recovers(2, filtered=True)


@pytest.mark.root
def test_another_filter_that_deletes_nothing_is_not_held(places: tuple[Path, Path, Path]) -> None:
    source, destination, state = places
    with Stepped(source, destination, state) as run:
        run.recovers(count(source), filtered=True)
    with Stepped(source, destination, state, flags=("--exclude=/drop/**",)) as run:
        run.recovers(count(source), filtered=True)
        (source / "drop" / "new").write_text("excluded")
        (source / "keep" / "new").write_text("mirrored")
        run.recovers(6, filtered=True)
        assert run.harm() == []


def test_nothing_of_a_home_directory_goes_unasked(
    places: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, home, state = places
    (home / "letters").write_text("of a lifetime")
    monkeypatch.setenv("HOME", str(home))
    before = count(home)
    (source / "new").write_text("copied all the same")
    for destination in (home, home / "." / "keep" / ".."):
        said = call("sync", source, destination, state=state, code=7).err
        assert "home directory and 1 of" in said
        assert count(home) == before + 1
    above = home.parent / "homes"
    above.mkdir()
    (above / "precious").write_text("of others")
    monkeypatch.setenv("HOME", str(above / "somebody"))
    call("sync", source, above, state=state, code=7)
    assert (above / "precious").exists()
    monkeypatch.setenv("HOME", str(home))
    plan = held(home, state)
    assert plan["danger"] == "home-directory"
    call("approve", home, plan["id"], state=state)
    assert count(home) == count(source)
    (home / "letters").write_text("more")
    call("sync", "--adopt", source, home, state=state)
    assert count(home) == count(source)
