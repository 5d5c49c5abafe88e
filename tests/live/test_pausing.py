"""A mirror that is paused: nothing is written, nothing is held, nothing is forgotten."""

import os
import time
from pathlib import Path

import pytest
from live.conftest import Places
from support.forked import Done
from support.forked import call as fork
from support.mounting import drive, umount
from support.process import until
from support.serving import Serving, target
from support.walker import differences

from mirrorfs.apply.pace import Pace
from mirrorfs.core.values import parse_bwlimit
from mirrorfs.errors import MirrorError
from mirrorfs.mirror.paused import Pause, PauseFile


def mirrorfs(state: Path, *words: str | Path) -> Done:
    return fork([*map(str, words), "--state-dir", str(state)], state.parent)


def test_a_pause_outlives_a_restart_and_ends_without_a_comparison(
    places: Places, tmp_path: Path
) -> None:
    source, paused, state = places
    other = tmp_path / "other"
    (source / "before").write_text("before")
    with Serving(source, [target(paused), target(other)], state) as run:
        run.mirrors(paused, other)
        done = mirrorfs(state, "pause", paused, "--reason", "the drive is needed")
        assert done.code == 0
        assert "paused since" in done.err
        (source / "during").write_text("during")
        run.mirrors(other)
        status = run.ask(paused, "status")
        assert status["phase"] == "paused"
        assert "the drive is needed" in status["why"]
        assert f"mirrorfs resume {paused}" in status["remedy"]
        waited = mirrorfs(state, "sync", "--wait", source, paused)
        assert (waited.code, "mirrorfs resume" in waited.err) == (5, True)
        for what in ("sync-now", "audit"):
            with pytest.raises(MirrorError, match="paused since") as told:
                run.ask(paused, what)
            assert told.value.exit_code == 5
        (source / "last").write_text("last")
        run.mirrors(other)
        assert not (paused / "last").exists()
        assert mirrorfs(state, "resume", paused).code == 0
        run.mirrors(paused)
        assert mirrorfs(state, "pause", paused).code == 0
        assert run.stop() == 0
        run.start()
        run.reaches(paused, "paused")
        run.reaches(other, "in sync")
        (source / "restarted").write_text("restarted")
        run.mirrors(other)
        assert not (paused / "restarted").exists()
        assert mirrorfs(state, "resume").code == 0
        run.mirrors(paused, other)
        assert run.stop() == 0


@pytest.mark.root
def test_a_pause_gives_up_a_copy_and_lets_go_of_the_drive(places: Places, tmp_path: Path) -> None:
    """Asked for in the middle of a copy that would take an hour; then the drive is unmounted, which
    the kernel refuses while anything of it is open."""
    source, _, state = places
    (source / "large").write_bytes(os.urandom(4 << 20))
    slow = Pace(parse_bwlimit("64Ki"))
    with drive("ext4", tmp_path / "drive") as point:
        copy = point / "copy"
        with Serving(source, [target(copy, pace=slow)], state) as run:
            until(lambda: list(copy.glob(".mirrorfs-*")), "the copy has begun")
            assert mirrorfs(state, "pause", copy).code == 0
            assert list(copy.iterdir()) == [], "what was half done is gone"
            umount(point)  # raises while anything is open
            assert run.stop() == 0


def test_a_pause_ends_by_itself(places: Places) -> None:
    source, destination, state = places
    (source / "file").write_text("file")
    with Serving(source, [target(destination)], state) as run:
        run.mirrors(destination)
        assert mirrorfs(state, "pause", destination, "--for", "1h").code == 0
        assert mirrorfs(state, "pause", destination, "--for", "1s").code == 0
        (source / "later").write_text("later")
        run.mirrors(destination)
        assert run.stop() == 0


def test_a_mirror_that_does_not_run_begins_paused(places: Places) -> None:
    source, destination, state = places
    (source / "file").write_text("file")
    with Serving(source, [target(destination)], state) as run:
        run.mirrors(destination)
        assert run.stop() == 0
        (source / "new").write_text("new")
        assert mirrorfs(state, "pause", destination).code == 0
        run.start()
        run.reaches(destination, "paused")
        assert mirrorfs(state, "resume", destination).code == 0
        run.mirrors(destination)
        assert run.stop() == 0
    assert differences(source, destination) == []


def test_a_file_that_makes_no_sense_is_a_pause(tmp_path: Path) -> None:
    file = PauseFile(str(tmp_path))
    assert file.load() is None
    for text in ("", "{}", '{"since_ns": []}', "\xff"):
        (tmp_path / "paused").write_text(text, encoding="latin-1")
        assert file.load() is not None
    file.store(Pause(1, time.time_ns() - 1, "over"))
    assert file.load() is None
    file.store(Pause(1, time.time_ns() + 10**12, "more"))
    assert file.load() == Pause(1, file.load().until_ns, "more")
    file.remove()
    file.remove()
    assert file.load() is None
