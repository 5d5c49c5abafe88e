"""`run --prometheus-file`: whole at every moment, for everybody, and outside the trees."""

import os
import stat
import threading
from pathlib import Path

import pytest
import trio
from live.conftest import Places
from status.test_prometheus import read
from support.process import Service, call, until

from mirrorfs.errors import FatalError, SettingError
from mirrorfs.output import promfile
from mirrorfs.output.promfile import PrometheusFile, refuse_inside
from mirrorfs.run import News
from mirrorfs.status.status import Phase, Status


class Condition:
    """As far as the file knows one."""

    def __init__(self) -> None:
        self.status = Status("/source", "/destination", phase=Phase.IN_SYNC)

    def look(self) -> None:
        self.status.actions += 1


def value(file: Path, name: str) -> float | None:
    samples = read(file.read_text())[f"mirrorfs_{name}"]
    return samples[0].value if samples else None


async def test_a_reader_sees_whole_files(tmp_path, monkeypatch):
    """Written without a pause, while somebody reads without one."""
    monkeypatch.setattr(promfile, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(promfile, "LONGEST_SECONDS", 0.0)
    file, condition, said = tmp_path / "mirrors.prom", Condition(), []
    place = tmp_path / "mirrors" / "one"
    kept = PrometheusFile(
        str(file), [(condition, str(place))], home=str(tmp_path), news=News(), said=said.append
    )
    seen: list[float | None] = []
    over = threading.Event()

    def look() -> None:
        until(file.exists, "the file")
        while not over.is_set() and len(set(seen)) < 20:
            seen.append(value(file, "actions_total"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(kept.keep)
        try:
            await trio.to_thread.run_sync(look, abandon_on_cancel=True)
        finally:
            over.set()
            nursery.cancel_scope.cancel()
    assert seen == sorted(seen)
    assert said == []
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert value(file, "up") == 1
    kept.end()
    assert (value(file, "up"), value(file, "healthy")) == (0, 0)
    assert value(file, "actions_total") is None
    assert os.listdir(tmp_path) == ["mirrors.prom"]


def test_a_place_that_cannot_be_written_is_told_of_once(tmp_path):
    said: list[str] = []
    above = tmp_path / "there"
    above.mkdir()
    kept = PrometheusFile(
        str(above / "m.prom"),
        [(Condition(), str(tmp_path / "one"))],
        home=str(tmp_path),
        news=News(),
        said=said.append,
    )
    above.rmdir()
    kept.end()
    kept.end()
    assert len(said) == 1
    assert "m.prom" in said[0]
    above.mkdir()
    (above / ".m.prom.new").symlink_to(tmp_path / "elsewhere")
    kept.end()
    assert not (tmp_path / "elsewhere").exists()
    assert value(above / "m.prom", "up") == 0


def test_it_lies_in_no_tree(tmp_path):
    tree = tmp_path / "tree"
    (tree / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tree / "deep")
    for inside in (tree / "m.prom", tree / "deep" / "m.prom", tmp_path / "link" / "m.prom"):
        with pytest.raises(FatalError, match="lies inside"):
            refuse_inside(str(inside), [str(tmp_path / "other"), str(tree)])
    for nowhere in (tmp_path / "none" / "m.prom", tmp_path):
        with pytest.raises(SettingError):
            refuse_inside(str(nowhere), [str(tree)])
    refuse_inside(str(tmp_path / "tree.prom"), [str(tree)])


def test_of_a_run(places: Places) -> None:
    file = places.state.with_name("m.prom")
    (places.source / "a").write_text("a")
    flags = ("--prometheus-file", str(file))
    inside = ("--prometheus-file", places.source / "m.prom")
    refused = call("run", places.source, places.destination, *inside, state=places.state, code=7)
    assert "lies inside" in refused.stderr
    with Service("run", places.source, places.destination, state=places.state, flags=flags) as run:
        run.reaches("in sync")
        until(lambda: file.exists() and value(file, "copied_files_total") == 1, "the figures")
        assert value(file, "up") == value(file, "healthy") == 1
        assert run.stop() == 0
    assert value(file, "up") == 0
    assert not list(places.state.parent.glob(".*.new"))
