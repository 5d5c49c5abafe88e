"""Prometheus' text, read by Prometheus' own client."""

import os
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.names import NAMES

from mirrorfs.output.escape import printable
from mirrorfs.output.prometheus import FAMILIES, text
from mirrorfs.state import State
from mirrorfs.status.account import account
from mirrorfs.status.status import Phase, Status


def read(said: str) -> dict[str, list]:
    """Samples by name. What the parser is lenient about is held to the format here."""
    said.encode()
    lines = said.split("\n")
    assert lines.pop() == ""
    assert len(set(lines)) == len(lines)
    samples: dict[str, list] = {}
    names = []
    for family in text_string_to_metric_families(said):
        name = family.name + "_total" * (family.type == "counter")
        names.append(name)
        assert family.documentation
        assert family.type in ("gauge", "counter")
        assert {sample.name for sample in family.samples} <= {name}
        samples[name] = family.samples
    assert len(set(names)) == len(names)
    heads = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert heads == names == [line.split()[2] for line in lines if line.startswith("# HELP")]
    return samples


@pytest.fixture
def mirror(tmp_path: Path) -> dict:
    state = State(str(tmp_path / "state"))
    place = state.mirror("/source", "/destination")
    os.makedirs(place)
    status = Status("/source", "/destination", phase=Phase.IN_SYNC, bytes=1 << 60, actions=3)
    status.last = (1_500_000_000, "create", "a")
    status.synced_ns = 2_250_000_000
    status.behind_ns = status.started_ns
    status.store(place)
    said = account(place, state.home)
    assert said is not None
    return said


def test_each_family_is_what_it_says(mirror):
    samples = read(text([mirror]))
    assert len(samples) == len(FAMILIES) + 1

    def value(name: str) -> float:
        (sample,) = samples[f"mirrorfs_{name}"]
        assert sample.labels["source"] == "/source"
        assert sample.labels["destination"] == "/destination"
        return float(sample.value)

    assert value("up") == value("healthy") == 1
    assert value("copied_bytes_total") == 1 << 60
    assert value("last_action_timestamp_seconds") == 1.5
    assert value("last_in_sync_timestamp_seconds") == 2.25
    assert 0 < value("lag_seconds") < 600
    assert samples["mirrorfs_last_audit_timestamp_seconds"] == []
    phases = {one.labels["phase"]: one.value for one in samples["mirrorfs_phase"]}
    assert sum(phases.values()) == phases["in sync"] == 1
    assert set(phases) >= set(Phase)


def test_who_does_not_run_has_no_figures(mirror):
    samples = read(text([{**mirror, "running": False, "healthy": False, "phase": "not running"}]))
    assert [one.value for one in samples["mirrorfs_up"]] == [0]
    assert [one.value for one in samples["mirrorfs_healthy"]] == [0]
    assert samples["mirrorfs_lag_seconds"] == []
    phases = {one.labels["phase"]: one.value for one in samples["mirrorfs_phase"]}
    assert phases["not running"] == 1


def test_several_mirrors_and_none(mirror):
    others = [{**mirror, "name": f"{number}"} for number in range(3)]
    samples = read(text(others))
    assert [one.labels["mirror"] for one in samples["mirrorfs_up"]] == ["0", "1", "2"]
    assert len(samples["mirrorfs_phase"]) == 3 * len(Phase)
    assert all(not found for found in read(text([])).values())


def test_whatever_the_places_are_called(mirror):
    names = [os.fsdecode(name) for name in NAMES]
    others = [{**mirror, "source": f"/s/{name}", "destination": name} for name in names]
    samples = read(text(others))
    found = [(one.labels["source"], one.labels["destination"]) for one in samples["mirrorfs_up"]]
    assert found == [(printable(f"/s/{name}"), printable(name)) for name in names]
