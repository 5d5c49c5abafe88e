"""`watch` and `sync` as processes of their own, which know each other by the journal alone."""

import shutil
from pathlib import Path

import pytest
from live.conftest import Places
from support.process import Service, call
from support.walker import differences


def sync(source: Path, destination: Path, state: Path) -> str:
    """One sync; what it says it looks at. Afterwards nothing differs."""
    said = call("sync", "-a", "-v", source, destination, state=state).stderr
    assert differences(source, destination) == []
    (line,) = [line for line in said.splitlines() if "replaying" in line or "comparing" in line]
    return line


@pytest.fixture
def filled(places: Places) -> Places:
    for number in range(20):
        (places.source / f"d{number % 5}").mkdir(exist_ok=True)
        (places.source / f"d{number % 5}" / f"f{number}").write_text(f"{number}")
    return places


def test_each_destination_replays_what_it_has_not_seen(filled: Places, tmp_path: Path) -> None:
    source, one, state = filled
    other = tmp_path / "other"
    with Service("watch", source, state=state) as watch:
        watch.watches()
        assert "not mirrored before" in sync(source, one, state)
        (source / "d1" / "f1").write_text("changed")
        assert "replaying" in sync(source, one, state)
        assert "not mirrored before" in sync(source, other, state)
        (source / "d2").rename(source / "moved")
        (source / "d3" / "f3").unlink()
        assert "replaying" in sync(source, other, state)
        (source / "moved" / "new").write_text("new")
        assert "replaying" in sync(source, one, state)
        assert "replaying" in sync(source, other, state)
        assert watch.stop() == 0


def test_what_nobody_watched_is_compared(filled: Places) -> None:
    source, destination, state = filled
    with Service("watch", source, state=state) as watch:
        watch.watches()
        sync(source, destination, state)
        (source / "d1" / "f1").write_text("before the kill")
        watch.kill()
        (source / "d1" / "f6").write_text("while nobody watched")
        assert "nobody watches the source now" in sync(source, destination, state)
        (source / "d1" / "f6").write_text("and once more")
        watch.start()
        watch.watches()
        assert "comparing everything" in sync(source, destination, state)
        (source / "d1" / "f6").write_text("watched again")
        assert "replaying" in sync(source, destination, state)


def test_another_way_to_mirror_is_another_mirror(filled: Places) -> None:
    source, destination, state = filled
    with Service("watch", source, state=state) as watch:
        watch.watches()
        sync(source, destination, state)
        said = call("sync", "-a", "-v", "--exclude", "f1", source, destination, state=state).stderr
        assert "the filter or the options have changed" in said


@pytest.mark.parametrize("filtered", [("run", "--exclude=/none/**"), ("watch", "--max-depth=1")])
def test_a_watcher_vouches_for_no_mirror_that_takes_in_what_it_leaves_out(
    filtered: tuple[str, ...], filled: Places, tmp_path: Path
) -> None:
    source, destination, state = filled
    same, other = tmp_path / "same", tmp_path / "other"
    command, *flags = filtered
    places = (source, destination) if command == "run" else (source,)
    with Service(command, *places, state=state, flags=tuple(flags)) as service:
        service.mirrors() if command == "run" else service.watches()
        sync(source, other, state)
        (source / "d1" / "f1").write_text("where the watcher does not look")
        assert "leaves out other directories" in sync(source, other, state)
        for said in ("comparing", "replaying"):  # it leaves out the same: the journal is enough
            done = call("sync", "-a", "-v", *flags, source, same, state=state)
            assert said in done.stderr


@pytest.mark.parametrize("damage", ["deleted", "overwritten", "truncated", "emptied"])
def test_a_journal_that_is_lost_costs_a_comparison(filled: Places, damage: str) -> None:
    source, destination, state = filled
    with Service("watch", source, state=state) as watch:
        watch.watches()
        sync(source, destination, state)
        (source / "d1" / "f1").write_text("changed")
        assert watch.stop() == 0
    journal = next(state.glob("sources/*/journal"))
    for file in journal.iterdir():
        match damage:
            case "overwritten":
                middle = file.stat().st_size // 2
                with open(file, "r+b") as bytes_:
                    bytes_.write(b"\xa5" * max(1, middle))
            case "truncated":
                with open(file, "r+b") as bytes_:
                    bytes_.truncate(17)
            case "emptied":
                file.write_bytes(b"")
    if damage == "deleted":
        shutil.rmtree(journal)
    with Service("watch", source, state=state) as watch:
        watch.watches()
        (source / "d2" / "f2").unlink()
        assert "comparing everything" in sync(source, destination, state)
        (source / "d2" / "f2").write_text("and the journal goes on")
        assert "replaying" in sync(source, destination, state)
        assert watch.stop() == 0


def test_a_journal_deleted_under_the_watcher(filled: Places) -> None:
    source, destination, state = filled
    with Service("watch", source, state=state) as watch:
        watch.watches()
        sync(source, destination, state)
        shutil.rmtree(next(state.glob("sources/*/journal")))
        (source / "d1" / "f1").write_text("changed")
        call("sync", "-a", source, destination, state=state)
        assert differences(source, destination) == []


def test_a_checkpoint_that_is_lost_costs_a_comparison(filled: Places) -> None:
    source, destination, state = filled
    with Service("watch", source, state=state) as watch:
        watch.watches()
        sync(source, destination, state)
        checkpoint = next(state.glob("mirrors/*/checkpoint"))
        (source / "d1" / "f1").write_text("changed")
        checkpoint.write_bytes(checkpoint.read_bytes()[:-3] + b"\xa5\xa5\xa5")
        assert "comparing everything" in sync(source, destination, state)
        assert "replaying" in sync(source, destination, state)


def test_a_mirror_is_found_from_wherever_one_asks(
    filled: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, destination, state = filled
    (tmp_path / "elsewhere" / source.name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    given = Path(source.name), Path(destination.name)
    with Service("run", *given, state=state) as run:
        run.mirrors()
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert f"{source} → {destination}" in call("status", source, state=state).stdout
        assert "no such mirror" in call("status", given[0], state=state, code=1).stdout
        assert run.stop() == 0


def test_a_second_watcher_is_refused(filled: Places) -> None:
    source, _, state = filled
    with Service("watch", source, state=state) as watch:
        watch.watches()
        assert "being watched already" in call("watch", source, state=state, code=7).stderr


def test_a_journal_in_the_hands_of_others_is_refused(filled: Places) -> None:
    source, destination, state = filled
    with Service("watch", source, state=state) as watch:
        watch.watches()
        sync(source, destination, state)
        assert watch.stop() == 0
        journal = next(state.glob("sources/*/journal"))
        journal.rename(journal.with_name("moved"))
        journal.symlink_to("moved")
        for command in (("sync", "-a", source, destination), ("watch", source)):
            refused = call(*command, state=state, code=7)
            assert "not a directory of ours" in refused.stderr
            assert "Traceback" not in refused.stderr
