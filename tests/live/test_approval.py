"""A running mirror and the plan it holds: approved, discarded, out of date by itself."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from live.conftest import Places
from live.test_guards import fill
from support import forked
from support.process import Service, until
from support.walker import count, differences

from mirrorfs.service.client import ask


@pytest.fixture
def filled(places: Places) -> Places:
    fill(places.source)
    (places.source / "stays").write_text("here\n")
    return places


def call(*words: object, state: Path, code: int = 0) -> forked.Done:
    """A command in a fork; the code it must end with."""
    said = forked.call([*map(str, words), "--state-dir", str(state)], state.parent)
    assert said.code == code, said.said
    return said


def empty(source: Path) -> None:
    for directory in source.glob("d*"):
        shutil.rmtree(directory)


def settled(run: Service) -> dict[str, Any]:
    """The plan that is held once everything that changed until now was weighed."""
    assert ask(state_of(run), "wait", seconds=60)["held"]
    shown: dict[str, Any] = json.loads(call("held", "--json", run.places[1], state=run.state).out)
    return shown


def state_of(run: Service) -> str:
    (directory,) = run.state.glob("mirrors/*")
    return os.fspath(directory)


def held(places: Places) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(
        call("held", "--json", places.destination, state=places.state).out
    )
    return shown


def test_an_approved_plan_is_carried_out_by_the_running_mirror(filled: Places) -> None:
    source, destination, state = filled
    with Service("run", source, destination, state=state) as run:
        run.mirrors()
        empty(source)
        run.reaches("held")
        plan = settled(run)
        assert f"mirrorfs approve {destination} {plan['id']}" in run.status()["remedy"]
        assert run.said().count("held:") == 1
        (source / "new").write_text("new\n")
        until((destination / "new").exists, "what is new is copied meanwhile")
        refused = call("approve", destination, "12345678", state=state, code=2)
        assert f"{plan['id']} is" in refused.err
        done = call("approve", destination, plan["id"], state=state)
        assert f"{plan['totals']['delete']} to delete" in done.err
        assert differences(source, destination) == []
        run.reaches("in sync")
        assert json.loads(call("held", "--json", destination, state=state).out) is None


def test_drift_since_the_plan_was_held_asks_again(filled: Places) -> None:
    source, destination, state = filled
    with Service("run", source, destination, state=state) as run:
        run.mirrors()
        empty(source)
        run.reaches("held")
        plan = settled(run)
        (destination / "d1" / "file1").write_text("another version, by somebody else\n")
        whole = count(destination)
        refused = call("approve", destination, plan["id"], state=state, code=7)
        assert "1 changed: d1/file1" in refused.err
        assert count(destination) == whole
        assert held(filled)["id"] != plan["id"]
        run.reaches("held")
        call("approve", destination, held(filled)["id"], state=state)
        run.mirrors()


def test_what_goes_while_it_is_held_makes_another_plan(filled: Places) -> None:
    source, destination, state = filled
    with Service("run", source, destination, state=state) as run:
        run.mirrors()
        empty(source)
        run.reaches("held")
        first = settled(run)
        (source / "stays").unlink()
        more = until(lambda: (now := held(filled))["id"] != first["id"] and now, "another plan")
        assert more["totals"]["delete"] == first["totals"]["delete"] + 1
        assert (destination / "stays").exists()
        fill(source)
        (source / "stays").write_text("back\n")
        run.mirrors()
        assert held(filled) is None, "the source recovered"


@pytest.mark.parametrize("end", ["approve", "discard", "recover"])
def test_what_is_new_meanwhile_does_not_dilute_what_is_held(filled: Places, end: str) -> None:
    """Three times as much comes as is to be removed, before and after a kill."""
    source, destination, state = filled

    def add(name: str) -> None:
        for number in range(500):
            (source / f"{name}{number}").touch()
        assert ask(state_of(run), "wait", seconds=60)["held"], "it is held still"
        assert (destination / f"{name}499").exists(), "what is new is copied"
        assert len(list(destination.glob("d*/*"))) == stay

    with Service("run", source, destination, state=state) as run:
        run.mirrors()
        empty(source)
        run.reaches("held")
        plan = settled(run)
        stay = len(list(destination.glob("d*/*")))
        add("new")
        if end == "discard":
            call("discard", destination, plan["id"], state=state)
        run.kill()
        run.start()
        run.reaches("held")
        add("newer")
        assert held(filled)["id"] == plan["id"]
        match end:
            case "approve":
                call("approve", destination, plan["id"], state=state)
            case "recover":
                fill(source)
        if end != "discard":
            run.mirrors()
            assert held(filled) is None


def test_a_discarded_plan_stays_so_and_another_one_is_held(filled: Places) -> None:
    source, destination, state = filled
    with Service("run", source, destination, state=state) as run:
        run.mirrors()
        empty(source)
        run.reaches("held")
        plan = settled(run)
        call("discard", destination, plan["id"], state=state)
        assert "was discarded" in run.status()["remedy"] or run.reaches("held")
        until(lambda: "was discarded" in run.status()["remedy"], "it says so")
        call("approve", destination, plan["id"], state=state, code=2)
        run.kill()
        run.start()
        run.reaches("held")
        assert held(filled)["discarded"], "not even a new process brings it back"
        (source / "stays").unlink()
        until(lambda: not held(filled)["discarded"], "what is different is a new plan")
        call("approve", destination, held(filled)["id"], state=state)
        run.mirrors()


def test_a_plan_of_a_service_that_was_stopped_is_approved_by_hand(filled: Places) -> None:
    source, destination, state = filled
    with Service("run", source, destination, state=state, flags=("--exclude=*.tmp",)) as run:
        run.mirrors()
        (destination / "excluded.tmp").write_text("protected\n")
        empty(source)
        run.reaches("held")
        plan = settled(run)
        assert run.stop() == 0
        shown = call("status", state=state, code=1).out
        assert f"mirrorfs approve {destination} {plan['id']}" in shown
        call("approve", destination, plan["id"], state=state)
        assert (destination / "excluded.tmp").exists(), "made with the flags of the service"
        (destination / "excluded.tmp").unlink()
        assert differences(source, destination, root=False) == []
