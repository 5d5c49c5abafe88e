"""What monitoring is told of each state of a real run; and what its history says afterwards."""

import json
import os
import shutil
import signal
import subprocess
from itertools import groupby

import pytest
from live.conftest import Places
from support.process import Service, until

import mirrorfs.status.account
from mirrorfs.core import carry
from mirrorfs.service.client import ask
from mirrorfs.state import State


def status(call, state, *words) -> tuple[int, dict]:
    """Exit code, and what the only mirror says."""
    done = call("status", "--json", "--state-dir", state, *words)
    (mirror,) = carry.loads(done.out)
    assert mirror["healthy"] == (done.code == 0)
    assert bool(mirror["ailments"]) == (done.code != 0)
    return done.code, mirror


@pytest.mark.root
def test_each_state(call, places: Places, monkeypatch) -> None:
    state, source, destination = places.state, places.source, places.destination
    for number in range(10):
        (source / f"{number}").write_text("x")
    (source / "d").mkdir()
    place = State(str(state)).mirror(str(source), str(destination))
    assert call("status", "--state-dir", state).code == 1
    with Service("run", source, destination, state=state) as run:
        run.reaches("in sync")
        code, mirror = status(call, state, "--max-lag", "1h")
        assert (code, mirror["phase"], mirror["lag"]) == (0, "in sync", 0)
        assert (mirror["files"], mirror["bytes"], mirror["planned"]) == (10, 10, 0)
        assert mirror["files_per_second"] > 0

        ask(place, "pause")
        assert status(call, state)[1]["phase"] == "paused"
        (source / "later").write_text("x")
        until(lambda: status(call, state)[1]["unread"], "a change that waits")
        code, mirror = status(call, state)
        assert (code, mirror["phase"]) == (0, "paused")
        assert mirror["lag"] > 0
        code, mirror = status(call, state, "--max-lag", "1ms")
        assert code == 1
        assert mirror["ailments"][0].endswith("behind")
        assert status(call, state, "--max-lag", "1h")[0] == 0
        ask(place, "resume")
        until(lambda: not status(call, state)[1]["lag"], "it has caught up")

        subprocess.run(["chattr", "+i", destination / "d"], check=True)
        try:
            (source / "d" / "file").write_text("x")
            run.reaches("in sync but for what is owed")
            code, mirror = status(call, state)
            assert (code, mirror["ailments"]) == (1, [f"{mirror['owed_count']} owed"])
            assert "d/file" in mirror["owed"]
        finally:
            subprocess.run(["chattr", "-i", destination / "d"], check=True)
        ask(place, "sync-now")
        run.reaches("in sync")

        moved = destination.with_name("away")
        destination.rename(moved)
        (source / "while away").write_text("x")
        run.reaches("waiting")
        code, mirror = status(call, state)
        assert (code, mirror["ailments"]) == (1, ["waiting"])
        assert mirror["lag"] > 0
        assert status(call, state, "--max-lag", "1h")[0] == 0
        assert status(call, state, "--max-lag", "1ms")[0] == 1
        moved.rename(destination)
        run.reaches("in sync")
        assert status(call, state)[0] == 0

        for entry in source.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        run.reaches("held")
        code, mirror = status(call, state, "--max-lag", "1h")
        assert (code, mirror["ailments"]) == (1, ["held"])
        assert "approve" in mirror["remedy"]

        monkeypatch.setattr(mirrorfs.status.account, "PATIENCE", 0.2)
        os.kill(run.pid, signal.SIGSTOP)
        try:
            code, mirror = status(call, state)
            assert (code, mirror["ailments"]) == (1, ["not answering"])
        finally:
            os.kill(run.pid, signal.SIGCONT)
        run.stop()
    code, mirror = status(call, state)
    assert (code, mirror["ailments"]) == (1, ["not running"])

    done = call("log", "--json", "-n", 1000, "--state-dir", state)
    told = [json.loads(line) for line in done.out.splitlines()]
    # A source that is emptied may be held more than once, as more of it goes.
    events = [event for event, _ in groupby(one["verb"] for one in told if "path" not in one)]
    assert events == ["started", "waiting", "held", "stopped"]
    # What goes first may go before the rest shows that it is the source that goes.
    went_first = [("delete", "done")]
    later = [(one["verb"], one["outcome"]) for one in told if one.get("path") == "later"]
    assert later in ([("create", "done")], [("create", "done"), *went_first])
    file = [(one["verb"], one["outcome"]) for one in told if one.get("path") == "d/file"]
    owed = [("create", "failed"), ("create", "done")]
    assert file in (owed, [*owed, *went_first])


def test_while_it_copies_it_is_not_in_sync(places: Places) -> None:
    """Also for those who only read its file."""
    source, destination, state = places
    with Service("run", source, destination, state=state, flags=("--bwlimit", "2M")) as run:
        run.reaches("in sync")
        (source / "large").write_bytes(bytes(range(256)) * 24_000)
        run.reaches("mirroring")
        assert not (destination / "large").exists()
        run.mirrors()


def test_who_was_killed_does_not_run(call, places: Places) -> None:
    (places.source / "a").write_text("x")
    with Service("run", places.source, places.destination, state=places.state) as run:
        run.reaches("in sync")
        run.kill()
    code, mirror = status(call, places.state)
    assert (code, mirror["ailments"]) == (1, ["not running"])
    assert "create      a" in call("log", "--state-dir", places.state).out
