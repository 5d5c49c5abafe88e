"""`wait`: everything that changed before it is on the destination, or it is named."""

import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from live.conftest import Places
from support import forked
from support.process import Service
from support.walker import differences

from mirrorfs.service.client import ask
from mirrorfs.state import State


def asked(at: Places, what: str, **details: Any) -> dict[str, Any]:
    mirror = State(str(at.state)).mirror(str(at.source), str(at.destination))
    return ask(mirror, what, within=60, **details)


@pytest.mark.slow
def test_what_changed_before_is_there(places: Places) -> None:
    source, destination, state = places
    run = Service("run", source, destination, state=state)
    with run, open(source / "kept open", "w") as kept_open:
        run.reaches("in sync")
        for n in range(8):
            (source / f"d{n}").mkdir()
            for m in range(20):
                (source / f"d{n}" / f"f{m}").write_text(f"{n} {m}")
            kept_open.write(f"written, not closed {n}")
            kept_open.flush()
            if n % 3:
                shutil.move(source / f"d{n}", source / f"moved{n}")
            assert asked(places, "wait") == {
                "complete": True, "why": "", "remedy": "", "held": False, "owed": {}
            }  # fmt: skip
            assert differences(source, destination) == [], n


@pytest.mark.slow
def test_a_source_that_never_rests_does_not_keep_it_from_being_passed(places: Places) -> None:
    source, destination, state = places
    ends = threading.Event()

    def never_rest() -> None:
        n = 0
        while not ends.is_set():
            (source / f"busy{n % 7}").write_text(str(n))
            n += 1

    with Service("run", source, destination, state=state) as run:
        run.reaches("in sync")
        busy = threading.Thread(target=never_rest)
        busy.start()
        try:
            for n in range(5):
                (source / "mine").write_text(f"number {n}")
                asked(places, "wait")
                assert (destination / "mine").read_text() == f"number {n}"
        finally:
            ends.set()
            busy.join()


@pytest.mark.root
def test_what_is_not_there_is_named(places: Places) -> None:
    source, destination, state = places
    for n in range(100):
        (source / f"file{n}").write_text("")
    with Service("run", source, destination, state=state) as run:
        run.reaches("in sync")
        stuck = destination / "file1"
        subprocess.run(["chattr", "+i", stuck], check=True)
        try:
            (source / "file1").write_text("cannot get there")
            answer = asked(places, "wait")
            assert not answer["complete"]
            assert list(answer["owed"]) == ["file1"]
            assert "1 paths are owed" in answer["why"]
        finally:
            subprocess.run(["chattr", "-i", stuck], check=True)
        assert asked(places, "wait")["complete"], "a barrier has what is owed tried again"
        assert differences(source, destination) == []
        for file in source.iterdir():
            file.unlink()
        answer = asked(places, "wait")
        assert (answer["complete"], answer["held"]) == (False, True)
        assert answer["why"] == run.status()["why"] != ""


@pytest.mark.root
def test_sync_waits_for_the_run_that_keeps_the_mirror(places: Places, tmp_path: Path) -> None:
    source, destination, state = places
    (source / "file").write_text("one")

    def sync(*flags: str) -> forked.Done:
        words = ["sync", str(source), str(destination), "--state-dir", str(state), *flags]
        return forked.call(words, tmp_path)

    assert sync("-a", "--wait").code == 0, "nobody runs, so it does the work"
    assert differences(source, destination) == []
    with Service("run", source, destination, state=state) as run:
        run.reaches("in sync")
        assert "another mirrorfs is writing" in sync().err
        for flags in (("--wait",), ("--wait=1m", "-a")):
            (source / "file").write_text(f"with {flags}")
            done = sync(*flags, "-v")
            assert (done.code, "has brought everything there" in done.err) == (0, True)
            assert differences(source, destination) == []
        done = sync("--wait", "-a", "--exclude", "file")
        assert (done.code, "was told to mirror something else" in done.err) == (2, True)

        subprocess.run(["chattr", "+i", destination / "file"], check=True)
        try:
            (source / "file").write_text("cannot get there")
            done = sync("--wait")
            assert (done.code, "file: " in done.err) == (1, True), done
        finally:
            subprocess.run(["chattr", "-i", destination / "file"], check=True)
        for number in range(100):
            (source / f"more{number}").write_text("")
        assert sync("--wait").code == 0
        for file in source.iterdir():
            file.unlink()
        assert sync("--wait").code == 7
        source.rename(tmp_path / "away")
        run.reaches("waiting")
        source.mkdir()
        assert sync("--wait=0.2").code in (5, 7)


def test_it_ends_when_time_is_up(places: Places, tmp_path: Path) -> None:
    source, destination, state = places
    with Service("run", source, destination, state=state) as run:
        run.reaches("in sync")
        source.rename(tmp_path / "away")
        run.reaches("waiting")
        answer = asked(places, "wait", seconds=0.2)
        assert not answer["complete"]
        assert "not within 0.2 s" in answer["why"]
        (tmp_path / "away").rename(source)
        assert asked(places, "wait")["complete"]
