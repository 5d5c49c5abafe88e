"""sync and copy from end to end, said and done as rclone says and does it."""

import io
import json
import os
import re
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from mirrorfs.cli.stopping import Stopping
from mirrorfs.output.stats import Stats

WANTED = {"new": "n", "same": "s", "changed": "version 2", "d/deep": "deep"}


def messages(err: str) -> list[str]:
    """Log lines without their time; statistics left out."""
    lines = [line for line in err.splitlines() if re.match(r"\d{4}/\d\d/\d\d ", line)]
    return [line.split(" ", 2)[2] for line in lines if not line.endswith(": ")]


def test_sync_makes_the_destination_identical(call: Any, place: Any) -> None:
    done = call("sync", place.source, place.destination, "-v")
    assert done.code == 0
    assert place.read(place.destination) == WANTED
    said = messages(done.err)
    for line in (
        "INFO  : new: Copied (new)",
        "INFO  : d/deep: Copied (new)",
        "INFO  : changed: Copied (replaced existing)",
        "INFO  : gone: Deleted",
        "INFO  : e: Removing directory",
    ):
        assert line in said
    assert "Transferred:            3 / 3, 100%" in done.err
    assert "Deleted:                2 (files), 1 (dirs), 11 B (freed)" in done.err
    again = call("sync", place.source, place.destination, "-v")
    assert "INFO  : There was nothing to transfer" in messages(again.err)


def test_copy_deletes_nothing(call: Any, place: Any) -> None:
    assert call("copy", place.source, place.destination).code == 0
    assert place.read(place.destination) == WANTED | {"gone": "old", "e/gone": "old, too"}


def test_nothing_is_said_without_a_reason(call: Any, place: Any) -> None:
    assert call("sync", place.source, place.destination) == (0, "", "")


def test_dry_run_says_all_and_does_nothing(call: Any, place: Any) -> None:
    before = place.read(place.destination)
    done = call("sync", place.source, place.destination, "--dry-run")
    assert done.code == 0
    assert place.read(place.destination) == before
    said = messages(done.err)
    for line in (
        "NOTICE: new: Skipped copy as --dry-run is set (size 1)",
        "NOTICE: d: Skipped make directory as --dry-run is set",
        "NOTICE: gone: Skipped delete as --dry-run is set (size 3)",
        "NOTICE: e: Skipped remove directory as --dry-run is set",
    ):
        assert line in said
    assert "Transferred:   \t" in done.err


def did(err: str) -> set[str]:
    """The paths that were, or would be, copied or removed."""
    done = r"(?:INFO  |NOTICE): (.+): (?:Copied|Deleted|Removing|Skipped (?:copy|delete|remove))"
    return {found[1] for line in messages(err) if (found := re.match(done, line))}


def test_dry_run_follows_no_link_of_the_destination(call: Any, place: Any, tmp_path: Path) -> None:
    place.write(tmp_path / "elsewhere", {"precious": "p"})
    (place.source / "l").symlink_to("new")
    for name, target in (("l", "same"), ("dangling", "none"), ("out", tmp_path / "elsewhere")):
        (place.destination / name).symlink_to(target)
    dry = call("sync", "-L", place.source, place.destination, "-n")
    assert dry.code == 0
    done = call("sync", "-L", place.source, place.destination, "-v")
    assert did(dry.err) == did(done.err) >= {"l", "dangling", "out"}


def test_dry_run_removes_nothing_after_an_error(call: Any, place: Any, tmp_path: Path) -> None:
    """As a run does it: neither what is gone, nor what stands where something else belongs."""
    (place.source / "loop").symlink_to("loop")
    place.write(place.destination, {"d": "a file in the way"})
    words = ("sync", "-L", place.source, place.destination, "--retries=1", "-v")
    dry = call(*words, "-n", f"--combined={tmp_path / 'dry'}")
    assert dry.code == 1
    assert "not deleting files as there were IO errors" in dry.err
    done = call(*words, f"--combined={tmp_path / 'done'}")
    assert did(dry.err) == did(done.err) == {"new", "changed"}
    assert lines(tmp_path / "dry") == lines(tmp_path / "done")
    (place.destination / "new").unlink()
    dry = call(*words, "-n", "--ignore-errors")
    assert did(dry.err) == {"new", "d", "d/deep", "gone", "e", "e/gone"}


def test_dry_run_reports_what_is_equal(call: Any, place: Any, tmp_path: Path) -> None:
    words = ("sync", place.source, place.destination)
    assert call(*words, "-n", f"--combined={tmp_path / 'dry'}").code == 0
    assert call(*words, f"--combined={tmp_path / 'done'}").code == 0
    assert "= same" in lines(tmp_path / "dry") == lines(tmp_path / "done")


def lines(report: Path) -> list[str]:
    return sorted(report.read_text().splitlines())


def test_dry_run_makes_no_destination(call: Any, place: Any, tmp_path: Path) -> None:
    assert call("sync", place.source, tmp_path / "none", "-n").code == 0
    assert not (tmp_path / "none").exists()


def test_destination_is_made_with_its_parents(call: Any, place: Any, tmp_path: Path) -> None:
    assert call("sync", place.source, tmp_path / "a" / "b").code == 0
    assert place.read(tmp_path / "a" / "b") == WANTED


def test_a_single_file_goes_into_the_directory(call: Any, place: Any) -> None:
    before = place.read(place.destination)
    done = call("sync", place.source / "new", place.destination, "--exclude=*")
    assert done.code == 0
    assert place.read(place.destination) == before | {"new": "n"}


@pytest.mark.parametrize(
    ("source", "destination", "code", "message"),
    [
        ("none", "dst", 3, "Failed to sync: directory not found: "),
        ("src", "src", 7, "Failed to sync: "),
        ("src", "src/inner", 7, "Failed to sync: "),
        ("src", "link", 7, "Failed to sync: "),
        ("src", "src/new", 7, "Failed to sync: "),
    ],
)
def test_what_cannot_be_synced(
    call: Any, place: Any, tmp_path: Path, source: str, destination: str, code: int, message: str
) -> None:
    (tmp_path / "link").symlink_to("src")
    before = place.read(place.source)
    done = call("sync", tmp_path / source, tmp_path / destination)
    assert done.code == code
    (line,) = messages(done.err)
    assert line.startswith("ERROR : " + message)
    assert place.read(place.source) == before


def test_copy_onto_itself_is_nothing(call: Any, place: Any) -> None:
    done = call("copy", place.source, place.source)
    assert done.code == 0
    assert messages(done.err) == ["NOTICE: Nothing to do as source and destination are the same"]


@pytest.mark.parametrize("flags", [[], ["--dry-run"]], ids=["run", "dry"])
def test_max_delete_deletes_nothing_when_exceeded(call: Any, place: Any, flags: list[str]) -> None:
    done = call("sync", place.source, place.destination, "--max-delete", "1", *flags)
    assert done.code == 7
    assert "--max-delete threshold reached" in done.err
    assert (place.destination / "gone").exists()
    assert (place.destination / "e/gone").exists()


@pytest.mark.parametrize("dry", [[], ["--dry-run"]], ids=["run", "dry"])
@pytest.mark.parametrize(
    ("flag", "why"),
    [
        ("--ignore-existing", "Destination exists, skipping"),
        ("--update", "Destination is newer than source, skipping"),
    ],
)
def test_what_the_user_keeps_is_said_to_who_wants_to_hear_it(
    call: Any, place: Any, tmp_path: Path, flag: str, why: str, dry: list[str]
) -> None:
    os.utime(place.destination / "changed", ns=(2 * 10**18, 2 * 10**18))
    words = ("sync", place.source, place.destination, "--exclude=/new", flag, *dry)
    done = call(*words, "-vv", f"--combined={tmp_path / 'all'}")
    assert f"DEBUG : changed: {why}" in messages(done.err)
    assert "= changed" in lines(tmp_path / "all")
    quiet = call(*words)
    assert quiet.code == 0
    assert "changed" not in quiet.err
    assert (place.destination / "changed").read_text() == "v1"


def test_error_on_no_transfer(call: Any, place: Any) -> None:
    words = ("sync", place.source, place.destination, "--error-on-no-transfer")
    assert call(*words).code == 0
    assert call(*words).code == 9


def test_what_was_renamed_meanwhile_arrives_under_its_new_name(
    call: Any, place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mirrorfs.trees.local import LocalTree

    plain = LocalTree.held

    def renamed(tree: LocalTree, path: str) -> Any:
        if (old := place.source / "new").exists():
            old.rename(place.source / "newer")
        return plain(tree, path)

    monkeypatch.setattr(LocalTree, "held", renamed)
    done = call("sync", place.source, place.destination)
    assert done.code == 0
    assert place.read(place.destination) == place.read(place.source)
    assert "newer" in place.read(place.destination)


def test_failed_paths_are_retried_and_the_run_fails(call: Any, place: Any) -> None:
    (place.source / "loop").symlink_to("loop")
    done = call("sync", "-L", place.source, place.destination, "--retries=2")
    assert done.code == 1
    said = messages(done.err)
    attempts = [line for line in said if "Attempt" in line]
    assert [line.split(" and: ")[0] for line in attempts] == [
        "ERROR : Attempt 1/2 failed with 1 errors",
        "ERROR : Attempt 2/2 failed with 1 errors",
    ]
    assert said[-1].startswith("ERROR : Failed to sync: loop: ")
    assert "not deleting files as there were IO errors" in done.err
    assert (place.destination / "gone").exists()
    assert (place.destination / "new").exists()


def test_a_link_that_leads_nowhere_may_be_excluded(call: Any, place: Any) -> None:
    for name, target in (("broken", "none"), ("loop", "loop"), ("d/above", ".")):
        (place.source / name).symlink_to(target)
    words = ("sync", "-L", place.source, place.destination, "--exclude=above/**", "--exclude=loop")
    assert call(*words, "--retries=1").code == 1
    assert call(*words, "--exclude=/broken") == (0, "", "")
    assert place.read(place.destination) == WANTED


def test_a_limit_of_the_user_is_not_retried(call: Any, place: Any) -> None:
    done = call("sync", place.source, place.destination, "--immutable")
    assert done.code == 6
    assert "Attempt 1/3 failed" in done.err
    assert "Attempt 2/3" not in done.err
    assert (place.destination / "changed").read_text() == "v1"


def test_reports(call: Any, place: Any, tmp_path: Path) -> None:
    names = ("combined", "match", "differ", "missing-on-src", "missing-on-dst", "error")
    flags = [f"--{name}={tmp_path / name}" for name in names]
    assert call("sync", place.source, place.destination, *flags).code == 0
    written = {name: sorted((tmp_path / name).read_text().splitlines()) for name in names}
    assert written == {
        "combined": ["* changed", "+ d/deep", "+ new", "- e/gone", "- gone", "= same"],
        "match": ["same"],
        "differ": ["changed"],
        "missing-on-src": ["e/gone", "gone"],
        "missing-on-dst": ["d/deep", "new"],
        "error": [],
    }


def test_a_report_that_cannot_be_written_stops_the_run(call: Any, place: Any) -> None:
    before = place.read(place.destination)
    done = call("sync", place.source, place.destination, "--combined=/none/x")
    assert done.code == 1
    assert "cannot write the report /none/x: No such file or directory" in done.err
    assert place.read(place.destination) == before


def test_dest_after(call: Any, place: Any) -> None:
    done = call(
        "sync", place.source, place.destination, "--dest-after=-", "-F", "phs", "--csv",
        "--separator=,", "--exclude=same", "--absolute",
    )  # fmt: skip
    assert done.out.splitlines() == [
        f"/changed,{md5('version 2')},9",
        f"/new,{md5('n')},1",
        f"/d/deep,{md5('deep')},4",
    ]


def md5(text: str) -> str:
    import hashlib

    return hashlib.md5(text.encode()).hexdigest()


def test_json_log(call: Any, place: Any) -> None:
    done = call("sync", place.source, place.destination, "-v", "--use-json-log")
    records = [json.loads(line) for line in done.err.splitlines()]
    copied = next(record for record in records if record.get("object") == "new")
    assert (copied["level"], copied["msg"]) == ("info", "Copied (new)")
    assert records[-1]["stats"]["transfers"] == 3
    assert records[-1]["stats"]["deletes"] == 2


def test_log_file_gets_everything_and_is_appended_to(call: Any, place: Any, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("older line\n")
    done = call("sync", place.source, place.destination, "-v", f"--log-file={tmp_path / 'log'}")
    assert done == (0, "", "")
    text = (tmp_path / "log").read_text()
    assert text.startswith("older line\n")
    assert "INFO  : new: Copied (new)" in text


def test_names_cannot_forge_lines_or_reach_the_terminal(call: Any, place: Any) -> None:
    name = b"evil\n2026-01-01 00:00:00 INFO  : \x1b[31m\xff"
    Path(os.fsdecode(os.fsencode(place.source) + b"/" + name)).touch()
    done = call("sync", place.source, place.destination, "-v")
    assert "\x1b" not in done.err
    assert r"evil\n2026-01-01 00:00:00 INFO  : \x1b[31m\xff: Copied (new)" in done.err
    assert (Path(os.fsdecode(os.fsencode(place.destination) + b"/" + name))).exists()


def test_progress_without_a_terminal_prints_the_figures_once(call: Any, place: Any) -> None:
    done = call("sync", place.source, place.destination, "-P")
    assert done.err == ""
    assert "Transferred:            3 / 3, 100%" in done.out


@pytest.mark.parametrize(
    ("answers", "wanted", "code"),
    [
        ("\n" * 9, WANTED, 0),
        ("n\n" * 9, {"same": "s", "changed": "v1", "gone": "old", "e/gone": "old, too"}, 0),
        ("!\ns\n", WANTED | {"gone": "old", "e/gone": "old, too"}, 0),
        ("q\n", {"same": "s", "changed": "v1", "gone": "old", "e/gone": "old, too"}, 0),
        ("x\ny\nq\n", {"same": "s", "changed": "v1", "gone": "old", "e/gone": "old, too"}, 0),
        ("", {"same": "s", "changed": "v1", "gone": "old", "e/gone": "old, too"}, 1),
    ],
    ids=["yes", "no", "all copies, no deletes", "quit", "again", "end"],
)
def test_interactive(
    call: Any,
    place: Any,
    monkeypatch: pytest.MonkeyPatch,
    answers: str,
    wanted: dict[str, str],
    code: int,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answers))
    done = call("sync", "-i", place.source, place.destination)
    assert done.code == code
    assert place.read(place.destination) == wanted
    assert (place.destination / "d").exists() == ("new" in wanted)


def test_interactive_asks_in_rclones_words(
    call: Any, place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("!\ns\n"))
    done = call("sync", "-i", place.source, place.destination)
    assert 'mirrorfs: copy "' in done.out
    assert "y/n/s/!/q> " in done.out
    assert "Doing all copy operations from now on without asking" in done.out
    assert "Skipping all delete operations from now on without asking" in done.out
    assert "gone: Skipped delete as --interactive is set (size 3)" in done.err
    assert "e: Removing" not in done.err


def test_interactive_leaves_out_what_needs_a_refused_change(
    call: Any, place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.destination / "new").mkdir()
    (place.destination / "d").write_text("in the way")
    monkeypatch.setattr("sys.stdin", io.StringIO("s\n!\n" + "y\n" * 9))
    done = call("sync", "-i", place.source, place.destination, "--retries=1")
    assert done.code == 0, done.err
    assert (place.destination / "d").read_text() == "in the way"
    assert (place.destination / "changed").read_text() == "version 2"


@pytest.mark.parametrize("flags", [["--transfers=1"], []], ids=["here", "in threads"])
def test_a_signal_ends_a_copy_in_the_middle(
    call: Any, place: Any, monkeypatch: pytest.MonkeyPatch, flags: list[str]
) -> None:
    """The first piece of content is copied, then SIGTERM comes."""
    noted = threading.Event()
    hear = Stopping._hear

    def heard(stopping: Stopping, number: int, frame: FrameType | None) -> None:
        try:
            hear(stopping, number, frame)
        finally:
            noted.set()

    def signalled(stats: Stats, count: int) -> None:
        if first.acquire(blocking=False):
            os.kill(os.getpid(), signal.SIGTERM)
        assert noted.wait(10)

    first = threading.Lock()
    monkeypatch.setattr(Stopping, "_hear", heard)
    monkeypatch.setattr(Stats, "moved", signalled)
    before = place.read(place.destination)
    done = call("sync", place.source, place.destination, *flags)
    assert (done.code, done.err) == (143, "")
    left = place.read(place.destination)
    assert {name: left[name] for name in before} == before
    assert set(left) <= set(before) | set(WANTED), "a temporary was left behind"
