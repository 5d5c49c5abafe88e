"""What fails is kept, told and tried again; what is told to stop does, and leaves nothing."""

import json
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from live.conftest import Places
from support.calls import strace
from support.process import Service, call, until
from support.walker import differences, leftovers

NOBODY = 65534
LARGE = 64 << 20
SLOW = "--bwlimit=1M"
RENAMES = "rename,renameat,renameat2"


@pytest.fixture
def of_nobody() -> Iterator[Places]:
    """Places that belong to a user without rights (nobody else passes pytest's directories)."""
    with tempfile.TemporaryDirectory(prefix="mirrorfs-test-") as directory:
        os.chown(directory, NOBODY, NOBODY)
        where = Path(directory)
        (where / "source").mkdir()
        yield Places(where / "source", where / "destination", where / "state")


def give_to_nobody(root: Path) -> None:
    for where, _, names in os.walk(root):
        for path in (where, *(os.path.join(where, name) for name in names)):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


@pytest.mark.root
def test_what_cannot_be_read_is_kept_and_arrives_later(of_nobody: Places) -> None:
    source, destination, state = of_nobody
    for name in ("open", "closed"):
        (source / name).mkdir()
        for number in range(5):
            (source / name / f"file{number}").write_text(name)
    give_to_nobody(source)
    user = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    with Service("run", source, destination, state=state, prefix=user) as run:

        def owed(*paths: str) -> bool:
            return set(paths) <= run.status().get("owed", {}).keys()

        run.mirrors()
        (source / "closed").chmod(0)
        (source / "closed" / "file0").unlink()
        (source / "open" / "file0").chmod(0)
        (source / "open" / "file0").write_text("nobody may read this yet")
        (source / "open" / "file1").unlink()
        until(lambda: owed("open/file0"), "what cannot be read is owed")
        until(lambda: not (destination / "open" / "file1").exists(), "removals do not wait")
        assert len(os.listdir(destination / "closed")) == 5
        assert (destination / "open" / "file0").read_text() == "open"
        shown = call("status", state=state, code=1, prefix=user).stdout
        assert "open/file0: " in shown
        assert "Permission denied" in shown
        run.kill()
        run.start()
        until(lambda: owed("open/file0", "closed"), "both are owed")
        assert len(os.listdir(destination / "closed")) == 5
        (source / "open" / "file0").chmod(0o600)
        (source / "closed").chmod(0o700)
        run.mirrors()
        until(lambda: not run.status()["owed_count"], "nothing is owed")
        assert len(os.listdir(destination / "closed")) == 4
        (mirror,) = json.loads(call("status", "--json", state=state, prefix=user).stdout)
        assert mirror["healthy"]
        assert run.stop() == 0


@pytest.fixture
def large(places: Places) -> Iterator[Places]:
    """A file that takes longer to copy than anybody may wait for the end."""
    (places.source / "large").write_bytes(os.urandom(1 << 20) * (LARGE >> 20))
    yield places
    (places.source / "large").unlink()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_the_middle_of_a_large_file(large: Places, number: int) -> None:
    source, destination, state = large
    (source / "small").write_text("small")
    with Service("run", source, destination, state=state, flags=(SLOW,)) as run:
        until(lambda: leftovers(destination), "copying")
        assert run.stop(number, within=5.0) == 0
        assert not (destination / "large").exists()
        assert leftovers(destination) == []
        assert "Traceback" not in run.said()
        assert (
            json.loads(call("status", "--json", state=state, code=1).stdout)[0]["running"] is False
        )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_while_nothing_happens(places: Places, number: int) -> None:
    source, destination, state = places
    with Service("run", source, destination, state=state) as run:
        run.mirrors()
        assert run.stop(number) == 0
    with Service("watch", source, state=state) as watch:
        watch.watches()
        assert watch.stop(number) == 0


def test_what_a_killed_run_left_goes_without_a_trace(places: Places) -> None:
    """The directory keeps the source's time, though the leftover in it was removed last."""
    source, destination, state = places
    (source / "d").mkdir()
    (source / "d" / "file").write_text("content")
    (destination / "d").mkdir(parents=True)
    (destination / "d" / "file").write_text("what is replaced goes by way of a temporary")
    log = state.with_name("calls")
    killed = call(
        *("sync", "-a", source, destination),
        state=state,
        code=None,
        prefix=(*strace(log, RENAMES), "-e", f"inject={RENAMES}:signal=KILL:when=1"),
    )
    assert killed.returncode != 0
    assert len(leftovers(destination)) == 1
    (source / "d" / "file").rename(source / "d" / "another name, so that it is swept")
    os.utime(source / "d", ns=(10**18, 10**18))
    call("sync", "-a", source, destination, state=state)
    assert leftovers(destination) == []
    assert differences(source, destination) == []


def test_a_watcher_that_nobody_answers_for(places: Places) -> None:
    """A stopped watcher holds the journal and answers nothing: it vouches for nothing."""
    source, destination, state = places
    (source / "file").write_text("old")
    with Service("watch", source, state=state) as watch:
        watch.watches()
        call("sync", "-a", source, destination, state=state)
        os.kill(watch.pid, signal.SIGSTOP)
        (source / "file").write_text("new, and not in the journal")
        said = call("sync", "-a", "-v", source, destination, state=state).stderr
        assert "nobody watches the source now" in said
        assert differences(source, destination) == []
