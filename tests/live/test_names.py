"""Names that no one should choose, through every command that shows or stores one."""

import os
from pathlib import Path

import pytest
from live.conftest import Places
from support.names import NAMES, make_names
from support.process import Service, call, plan, until

from mirrorfs.core.carry import loads


def shows_plainly(text: str) -> bool:
    """Whether a terminal would take nothing in it for an order, and every line is a line."""
    return not any((ord(char) < 32 and char != "\n") or 127 <= ord(char) < 160 for char in text)


def test_hostile_names_are_mirrored_and_shown(places: Places) -> None:
    source, destination, state = places
    (source / "before").mkdir()
    make_names(source / "before")
    planned = plan(source, destination, state)
    paths = {os.fsencode(action["path"]) for action in planned["actions"]}
    assert {b"before/" + name for name in NAMES} <= paths
    shown = call("plan", "-a", source, destination, state=state).stdout
    assert shows_plainly(shown)
    with Service("run", source, destination, state=state, flags=("-v",)) as run:
        run.mirrors()
        (source / "while it runs").mkdir()
        make_names(source / "while it runs")
        run.mirrors()
        (source / "before").rename(source / "moved")
        run.mirrors()
        shown = call("journal", "show", source, state=state).stdout
        assert shows_plainly(shown)
        as_json = call("journal", "show", "--json", source, state=state).stdout
        recorded = [loads(line) for line in as_json.splitlines()]
        known = {os.fsencode(record["path"]) for record in recorded if record["change"] == "dirty"}
        assert (
            known & {b"while it runs/" + name for name in NAMES[:10]} or b"while it runs" in known
        )
        assert call("journal", "verify", source, state=state).returncode == 0
        assert run.stop() == 0
        assert shows_plainly(run.said())
    assert plan(source, destination, state, "--full")["actions"] == []


@pytest.mark.parametrize("name", [b"new\nline", b"\xff\xfe", b"\x1b[31m", b"trailing ", b"-n"])
def test_hostile_roots(places: Places, name: bytes, tmp_path: Path) -> None:
    source = tmp_path / f"source {os.fsdecode(name)}"
    destination = tmp_path / f"destination {os.fsdecode(name)}"
    source.mkdir()
    (source / "file").write_text("content")
    with Service("run", source, destination, state=places.state) as run:
        run.mirrors()
        shown = call("status", state=places.state).stdout
        assert shows_plainly(shown)
        assert "→" in shown
        said = loads(call("status", "--json", state=places.state).stdout)[0]
        assert os.fsencode(said["source"]) == os.fsencode(source)
        (source / os.fsdecode(name)).write_text("content")
        run.mirrors()
        until(lambda: run.status()["last"], "status tells the last one")
        assert shows_plainly(call("status", state=places.state).stdout)
        assert run.stop() == 0
        assert shows_plainly(run.said())


def test_paths_longer_than_the_kernel_takes(places: Places) -> None:
    source, destination, state = places
    with Service("run", source, destination, state=state) as run:
        run.mirrors()
        held = os.open(source, os.O_RDONLY)
        for _ in range(25):
            os.mkdir("d" * 200, dir_fd=held)
            below = os.open("d" * 200, os.O_RDONLY, dir_fd=held)
            os.close(held)
            held = below
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=held))
        os.close(held)
        until(lambda: depth(destination) == (25, True), "the deepest file arrives")
        assert run.stop() == 0


def depth(root: Path) -> tuple[int, bool]:
    """How deep a chain of directories goes, and whether there is a file at its end."""
    held = os.open(root, os.O_RDONLY)
    try:
        for level in range(100):
            names = os.listdir(held)
            if "d" * 200 not in names:
                return level, names == ["file"]
            below = os.open("d" * 200, os.O_RDONLY, dir_fd=held)
            os.close(held)
            held = below
        return 100, False
    finally:
        os.close(held)
