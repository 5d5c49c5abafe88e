"""A service's log: what goes on to fail is one line, not one for each attempt."""

import logging
import os
import subprocess
from pathlib import Path

import pytest
from live.conftest import Places
from support.names import NAMES
from support.process import Service, until

from mirrorfs.output.bridge import bridge
from mirrorfs.output.escape import printable
from mirrorfs.output.log import Level, Log
from mirrorfs.output.repeats import CROWD, MOST, Repeats
from mirrorfs.output.systemd import line
from mirrorfs.service.client import ask
from mirrorfs.state import State


def test_it_is_said_at_once_then_less_and_less_often():
    now = [0.0]
    repeats = Repeats(lambda: now[0])
    said = []
    for second in range(0, 4000, 5):
        now[0] = second
        if message := repeats.say("a", "denied"):
            said.append((second, message))
    assert said == [
        (0, "denied"),
        (600, "denied (120 more times in 10 min)"),
        (1800, "denied (240 more times in 20 min)"),
    ]
    assert repeats.say("b", "denied") == "denied"
    assert repeats.say("a", "no space") == "no space"
    assert repeats.say("a", "no space") == ""
    repeats.done("a")
    assert repeats.say("a", "no space") == "no space"
    now[0] += 100 * 86_400
    assert repeats.say("a", "no space") == "no space (1 more time in 2400 h)"


def test_of_a_crowd_that_fails_alike_the_first_are_named():
    now = [0.0]
    repeats = Repeats(lambda: now[0])
    said = [message for number in range(5000) if (message := repeats.say(f"{number}", "full"))]
    assert said[:CROWD] == ["full"] * CROWD
    (last,) = said[CROWD:]
    assert "counted" in last
    assert repeats.say("x", "denied") == "denied"
    now[0] = 600
    assert repeats.say("y", "full") == f"full (as did {5000 - CROWD} more paths in 10 min)"
    assert repeats.say("z", "full") == "full"


def test_what_is_remembered_is_bounded():
    repeats = Repeats()
    for number in range(MOST + 100):
        repeats.say(f"{number}", f"reason {number}")
    assert repeats.say("99", "reason 99") == "reason 99"
    assert repeats.say(f"{MOST}", f"reason {MOST}") == ""
    assert len(repeats._said) == MOST
    assert len(repeats._crowds) <= CROWD + 1


@pytest.mark.root
def test_a_path_that_fails_again_and_again_is_one_line(places: Places) -> None:
    """Really: its directory on the destination cannot be written."""
    (places.source / "d").mkdir()
    name = "new\nline \x1b[31m"
    place = State(str(places.state)).mirror(str(places.source), str(places.destination))
    with Service("run", places.source, places.destination, state=places.state) as service:
        service.reaches("in sync")
        subprocess.run(["chattr", "+i", places.destination / "d"], check=True)
        try:
            (places.source / "d" / name).write_text("x")
            service.reaches("in sync but for what is owed")
            tried = ask(place, "status")["failures"]
            for _ in range(5):
                ask(place, "sync-now")
                before = tried
                until(
                    lambda before=before: ask(place, "status")["failures"] > before, "another try"
                )
                tried = ask(place, "status")["failures"]
        finally:
            subprocess.run(["chattr", "-i", places.destination / "d"], check=True)
        ask(place, "sync-now")
        service.reaches("in sync")
        lines = [one for one in service.said().splitlines() if "ERROR" in one]
        file, directory = lines  # each of both was tried six times
        assert printable(name) in file
        assert " d: " in directory


def test_whatever_is_logged_is_lines_of_the_log(monkeypatch):
    monkeypatch.setattr(logging.getLogger("mirrorfs"), "propagate", False)
    lines: list[str] = []
    bridge(Log(Level.DEBUG, line, lines.append))
    try:
        log = logging.getLogger("mirrorfs.watch.watcher")
        for name in NAMES:
            log.warning("cannot watch %s", os.fsdecode(name))
        assert [one for one in lines if printable(one) != one or not one.startswith("<4>")] == []
        assert len(lines) == len(NAMES)
        lines.clear()
        try:
            raise ValueError(f"bad {Path('x')}\n\x1b[31m")
        except ValueError:
            log.exception("internal")
        (said,) = lines
        assert all(one.startswith("<3>") and printable(one) == one for one in said.split("\n"))
        assert "Traceback" in said
    finally:
        logger = logging.getLogger("mirrorfs")
        logger.removeHandler(logger.handlers[-1])
