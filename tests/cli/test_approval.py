"""A refused plan from the command line: kept, shown, approved exactly or not at all, discarded."""

import json
from typing import Any

import pytest


@pytest.fixture
def refused(call: Any, place: Any) -> str:
    """A sync of `place` refused by --max-delete; the id of the plan."""
    done = call("sync", "--max-delete=1", "--exclude=kept", place.source, place.destination)
    assert done.code == 7
    assert "--max-delete threshold reached: 2 deletions are more than" in done.err
    shown = json.loads(call("held", place.destination, "--json").out)
    assert shown["approve"] in done.err
    assert shown["approve"] == f"mirrorfs approve {place.destination} {shown['id']}"
    return str(shown["id"])


def test_a_refused_plan_is_shown(call: Any, place: Any, refused: str) -> None:
    text = call("held", place.destination).out
    assert f"plan {refused}" in text
    for line in ("delete      gone", "delete      e/gone", "update      changed"):
        assert line in text
    assert "new" not in text.replace("newer", ""), "new files were copied all the same"
    shown = json.loads(call("held", place.destination, "--json").out)
    assert {a["path"] for a in shown["actions"] if a["verb"] == "delete"} >= {"gone", "e/gone"}
    assert shown["totals"]["update"] == 1
    listed = json.loads(call("status", "--json").out)
    assert [(m["held"]["id"], m["held"]["danger"]) for m in listed] == [(refused, "max-delete")]
    assert listed[0]["held"]["totals"] == shown["totals"]
    for said in (refused, "2 deletions are more", "mirrorfs approve"):
        assert said in call("status").out
    name = listed[0]["name"]
    assert refused in call("held", name).out, "the name of its state directory will do"


def test_the_approved_plan_is_carried_out_with_the_flags_it_was_made_with(
    call: Any, place: Any, refused: str
) -> None:
    place.write(place.destination, {"kept": "excluded"})
    place.write(place.source, {"newer": "may come"})
    done = call("approve", place.destination, refused, "-v")
    assert done.code == 0, done.err
    assert "gone: Deleted" in done.err
    assert place.read(place.destination) == place.read(place.source) | {"kept": "excluded"}
    assert call("held", place.destination).code == 2, "nothing is left behind"
    assert call("approve", place.destination, refused).code == 2


@pytest.mark.parametrize(
    ("where", "files", "difference"),
    [
        ("destination", {"more": "of somebody"}, "1 more: more"),
        ("destination", {"gone": "another version"}, "1 changed: gone"),
        ("source", {"gone": "is back"}, "1 changed: gone"),
        ("source", {"e/gone": "old, too"}, "2 fewer: e, e/gone"),
        ("source", {"same": "S"}, "1 more: same"),
    ],
)
def test_drift_asks_again(
    call: Any, place: Any, refused: str, where: str, files: dict[str, str], difference: str
) -> None:
    before = place.read(place.destination)
    if where == "source" and "same" in files:
        (place.source / "same").write_text("S")
    else:
        place.write(getattr(place, where), files)
    expected = before | (files if where == "destination" else {})
    done = call("approve", place.destination, refused)
    assert done.code == 7
    assert difference in done.err
    assert place.read(place.destination) == expected, "nothing was removed or replaced"
    shown = json.loads(call("held", place.destination, "--json").out)
    assert shown["id"] != refused
    assert shown["danger"] == "drift"
    assert call("approve", place.destination, refused).code == 2, "that plan is no more"
    assert call("approve", place.destination, shown["id"]).code == 0
    assert place.read(place.destination) == place.read(place.source)


def test_a_discarded_plan_cannot_be_approved(call: Any, place: Any, refused: str) -> None:
    before = place.read(place.destination)
    assert call("discard", place.destination, "12345678").code == 2
    assert call("discard", place.destination, refused).code == 0
    assert call("approve", place.destination, refused).code == 2
    assert place.read(place.destination) == before
    again = call("sync", "--max-delete=1", "--exclude=kept", place.source, place.destination)
    assert again.code == 7
    assert refused in again.err, "who asks again gets it again"


def test_a_sync_that_is_not_refused_ends_the_hold(call: Any, place: Any, refused: str) -> None:
    assert call("sync", place.source, place.destination).code == 0
    assert call("approve", place.destination, refused).code == 2


def test_rules_from_files_are_those_of_the_plan(call: Any, place: Any, tmp_path: Any) -> None:
    rules = tmp_path / "rules"
    rules.write_text("- kept\n")
    place.write(place.destination, {"kept": "excluded"})
    flags = ("--max-delete=1", f"--filter-from={rules}", "-vv", "--transfers", "1")
    assert call("sync", *flags, place.source, place.destination).code == 7
    rules.write_text("")
    plan = json.loads(call("held", place.destination, "--json").out)["id"]
    assert call("approve", place.destination, plan).code == 0
    assert place.read(place.destination) == place.read(place.source) | {"kept": "excluded"}


def test_the_environment_counts_as_when_the_plan_was_made(
    call: Any, place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write(place.destination, {"a.kept": "excluded", "b.kept": "excluded"})
    monkeypatch.setenv("MIRRORFS_EXCLUDE", "a.kept,b.kept")
    assert call("sync", "--max-delete=1", place.source, place.destination).code == 7
    monkeypatch.delenv("MIRRORFS_EXCLUDE")
    plan = json.loads(call("held", place.destination, "--json").out)["id"]
    assert call("approve", place.destination, plan).code == 0
    assert {"a.kept", "b.kept"} <= set(place.read(place.destination))


def test_one_destination_of_two_sources_is_named_by_its_plan_or_not_at_all(
    call: Any, place: Any, refused: str, tmp_path: Any
) -> None:
    other = tmp_path / "other"
    place.write(other, {"same": "s"})
    assert call("sync", "--max-delete=1", other, place.destination).code == 7
    asked = call("held", place.destination)
    assert asked.code == 2
    assert "several sources" in asked.err
    assert call("approve", place.destination, refused).code == 0
    assert place.read(place.destination) == place.read(place.source)


def test_a_damaged_plan_is_an_error_and_can_be_discarded(
    call: Any, place: Any, refused: str, tmp_path: Any
) -> None:
    (file,) = tmp_path.glob("state/mirrorfs/mirrors/*/held")
    file.write_bytes(file.read_bytes()[:-3])
    before = place.read(place.destination)
    done = call("approve", place.destination, refused)
    assert done.code == 7
    assert "not a plan that was kept" in done.err
    assert place.read(place.destination) == before
    file.write_bytes(b"garbage")
    assert call("status").code == 1
    name = file.parent.name
    assert call("approve", name, refused).code == 7
    assert call("discard", name, refused).code == 0
    assert not file.exists()


def test_a_plan_that_cannot_be_kept_is_refused_all_the_same(call: Any, place: Any) -> None:
    state = place.destination / "state"
    flags = ("--max-delete=1", f"--state-dir={state}")
    done = call("sync", *flags, place.source, place.destination)
    assert done.code == 7
    assert "the plan is not kept: the state directory" in done.err
    assert "gone" in place.read(place.destination)
    assert not state.exists()
