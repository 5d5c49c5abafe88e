"""The other commands, and what ends any of them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mirrorfs
from mirrorfs.cli import COMMANDS
from mirrorfs.cli.helping import MEANINGS
from mirrorfs.errors import ExitCode

HEAVY = {"msgpack", "pyfuse3", "rich", "trio", "watchdog"}


def test_plan_as_text(call: Any, place: Any) -> None:
    done = call("plan", place.source, place.destination)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].startswith("comparing everything: ")
    assert "create      new  (1 B, new in the source)" in lines
    assert "delete      e/  (gone from the source)" in lines
    assert lines[-1] == (
        "3 to create, 1 to update, 3 to delete, attributes of 1; 14 B to copy, 11 B to free"
    )
    assert (place.destination / "gone").exists()


def test_plan_as_json(call: Any, place: Any) -> None:
    done = call("plan", place.source, place.destination, "--json", "--max-delete=0")
    document = json.loads(done.out)
    by_path = {action["path"]: action for action in document["actions"]}
    assert by_path["changed"] == {
        "verb": "update", "stage": "content", "path": "changed", "kind": "file",
        "reason": "the size differs", "size": 9,
    }  # fmt: skip
    assert document["totals"]["create"] == 3
    assert document["held"]["danger"] == "max-delete"


def test_plan_of_equal_trees_is_empty(call: Any, place: Any) -> None:
    call("sync", place.source, place.destination)
    assert call("plan", place.source, place.destination).out.endswith("\nnothing to do\n")


def test_check(call: Any, place: Any, tmp_path: Path) -> None:
    done = call("check", place.source, place.destination, f"--combined={tmp_path / 'out'}")
    assert done.code == 1
    assert sorted((tmp_path / "out").read_text().splitlines()) == [
        "* changed", "+ d/deep", "+ new", "- e/gone", "- gone", "= same",
    ]  # fmt: skip
    assert "5 differences found" in done.err
    assert "1 matching files" in done.err
    one_way = call("check", "--one-way", place.source, place.destination)
    assert "3 differences found" in one_way.err
    call("sync", place.source, place.destination)
    assert call("check", place.source, place.destination).code == 0


def test_check_sees_what_size_and_time_hide(call: Any, place: Any) -> None:
    call("sync", place.source, place.destination)
    place.write(place.destination, {"same": "S"})
    assert call("check", place.source, place.destination).code == 1
    assert call("check", "--size-only", place.source, place.destination).code == 0
    assert (place.destination / "same").read_text() == "S"


def test_check_of_a_single_file(call: Any, place: Any) -> None:
    """It is compared with the one of its name in the directory, whatever else is there."""
    words = (place.destination, "--exclude=*", "--combined=-")
    assert call("check", place.source / "same", *words)[:2] == (0, "= same\n")
    assert call("check", place.source / "changed", *words)[:2] == (1, "* changed\n")
    assert call("check", place.source / "new", *words)[:2] == (1, "+ new\n")


def test_check_of_what_is_not_there(call: Any, place: Any, tmp_path: Path) -> None:
    done = call("check", place.source, tmp_path / "none")
    assert done.code == 1
    assert "4 files missing" in done.err
    assert not (tmp_path / "none").exists()
    assert call("check", tmp_path / "none", place.destination).code == 3


@pytest.mark.parametrize(
    ("path", "code", "out"),
    [
        ("a.o", 1, "excluded: matches: - *.o (--exclude)\n"),
        ("a.c", 0, "included: no rule matches\n"),
        ("tmp/x", 1, "excluded: directory tmp/ matches: - tmp/ (--exclude)\n"),
        ("tmp/", 1, "excluded: directory tmp/ matches: - tmp/ (--exclude)\n"),
    ],
)
def test_explain(call: Any, path: str, code: int, out: str) -> None:
    assert call("explain", path, "--exclude=*.o", "--exclude", "tmp/") == (code, out, "")


def test_explain_refuses_what_is_no_path(call: Any) -> None:
    assert call("explain", "../x").code == 2


def test_dump_filters(call: Any, place: Any) -> None:
    done = call("plan", place.source, place.destination, "--dump=filters", "--exclude=*.o")
    assert done.out.startswith(
        "--- start filters ---\n--- File filter rules ---\n- (^|/)[^/]*\\.o$"
    )
    assert call("plan", place.source, place.destination, "--dump=bodies").code == 1


def test_dedupe_and_move_say_why(call: Any, place: Any) -> None:
    assert call("dedupe", place.source).code == 0
    assert call("dedupe", place.source, "--dedupe-mode=odd").code == 2
    assert call("dedupe", place.source, "--by-hash").code == 2
    done = call("move", place.source, place.destination, "--dry-run")
    assert done.code == 2
    assert "mirrorfs never writes a source" in done.err


def test_version(call: Any) -> None:
    wanted = f"mirrorfs {mirrorfs.__version__}\n"
    for words in (["--version"], ["-V"], ["version"], ["sync", "--version"], ["version", "-v"]):
        assert call(*words) == (0, wanted, "")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(call: Any, command: str) -> None:
    done = call(command, "--help")
    assert done == call("help", command)
    assert done.code == 0
    assert f"Usage: mirrorfs {command}" in done.out
    assert "EXIT STATUS\n    0  done\n" in done.out
    assert max(map(len, done.out.splitlines())) <= 100


def test_every_exit_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ExitCode)


def test_help_of_all(call: Any) -> None:
    top = call("--help")
    assert top == call("help") == call("-h")
    assert all(f"\n  {command} " in top.out for command in COMMANDS)
    assert call() == (2, "", top.out)
    assert "--dry-run" in call("help", "flags").out
    assert call("help", "nonsense").code == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_help_imports_nothing_heavy(command: str) -> None:
    program = (
        "import sys; from mirrorfs.cli import main; code = main(); "
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, command, "--help"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    modules = {name.partition(".")[0] for name in done.stderr.split()}
    assert "mirrorfs" in modules
    assert HEAVY.isdisjoint(modules)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(call: Any, shell: str, tmp_path: Path) -> None:
    done = call("completion", shell)
    assert done.code == 0
    assert "fsync" in done.out
    if shell == "bash":
        program = (
            f"{done.out}\nCOMP_WORDS=(mirrorfs sync --dry) COMP_CWORD=2\n_mirrorfs\n"
            'echo "${COMPREPLY[@]}"\nCOMP_WORDS=(mirrorfs sync --fsync "") COMP_CWORD=3\n'
            '_mirrorfs\necho "${COMPREPLY[@]}"\n'
        )
        said = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
        assert said.stdout == "--dry-run\nnever checkpoint replace always\n"


def test_completion_for_unknown_shell(call: Any) -> None:
    assert call("completion", "tcsh").code == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["synk", "a", "b"], "unknown command 'synk' (did you mean sync?)"),
        (["-v"], "no command was given (see `mirrorfs --help`)"),
        (["sync", "a"], "sync takes exactly 2 arguments, not 1 ('a') (usage: mirrorfs sync SRC"),
        (["sync", "a", "b", "c"], "sync takes exactly 2 arguments, not 3"),
        (["sync", "a", "b", "--nope"], "unknown flag: --nope"),
        (["sync", "a", "b", "--bwlimit=bad"], "invalid argument 'bad' for --bwlimit"),
        (["status", "a", "b", "c"], "status takes at most 2 arguments, not 3"),
    ],
)
def test_usage_errors_end_with_2(call: Any, words: list[str], message: str) -> None:
    done = call(*words)
    assert (done.code, done.out) == (2, "")
    assert f"ERROR : {message}" in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-v", "-q"], "Can't set -v and -q (leave one out)"),
        (["-v", "--log-level=DEBUG"], "Can't set -v and --log-level (leave one out)"),
        (["--log-file=/none/log"], "Failed to open log file /none/log: No such file or directory"),
    ],
)
def test_bad_logging_flags(call: Any, words: list[str], message: str) -> None:
    done = call("sync", "a", "b", *words)
    assert done.code == 1
    assert message in done.err


def test_flags_may_come_before_the_command(call: Any, place: Any) -> None:
    done = call("--transfers", "2", "-n", "sync", place.source, place.destination)
    assert done.code == 0
    assert "Skipped copy" in done.err


def test_unknown_variable_is_said(call: Any, place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRRORFS_DRYRUN", "true")
    done = call("plan", place.source, place.destination)
    assert "NOTICE: MIRRORFS_DRYRUN sets no option of mirrorfs" in done.err


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["TERM", "INT"]
)
def test_signals_end_a_run_cleanly(place: Any, tmp_path: Path, number: int, code: int) -> None:
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    with subprocess.Popen(
        [sys.executable, "-m", "mirrorfs", "sync", "-i", place.source, place.destination],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        while not process.stdout.readline().startswith(b"q) Exit"):
            pass
        process.send_signal(number)
        assert process.wait(20) == code
        assert process.stderr.read() == b""


def test_nobody_reading_is_no_traceback(place: Any, tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "mirrorfs", "plan", place.source, place.destination],
        stdout=writer, stderr=subprocess.PIPE, env=environment, check=False,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")
