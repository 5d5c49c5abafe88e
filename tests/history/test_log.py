"""`mirrorfs log`: which records, in which order, for people and for programs."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from support.names import NAMES
from support.process import MIRRORFS, until

from mirrorfs.core import carry
from mirrorfs.core.filter import EVERYTHING
from mirrorfs.core.plan import Action, Outcome, Stage, Status, Verb
from mirrorfs.core.tree import Entry, Failure, Kind, Trouble
from mirrorfs.core.walk import Batch
from mirrorfs.history import History, Record, Wanted, newest_first
from mirrorfs.mirror.leftout import Extent
from mirrorfs.mirror.record import Recorder
from mirrorfs.output.escape import printable
from mirrorfs.state import State
from mirrorfs.status.status import Status as Said

FILE, DIRECTORY = Entry(Kind.FILE, 5), Entry(Kind.DIRECTORY)


def done(path, verb=Verb.CREATE, *, moved=5, why="new", origin="", stage=Stage.CONTENT):
    return Outcome(Action(verb, stage, path, FILE, None, why, origin), Status.DONE, None, moved)


def failed(path, why="no", status=Status.FAILED):
    action = Action(Verb.UPDATE, Stage.CONTENT, path, FILE, None, "differs")
    return Outcome(action, status, Failure(path, Trouble.DENIED, why))


class Kept:
    """A mirror with a history, and nothing else."""

    def __init__(self, base: Path, name: str = "dst") -> None:
        self.source, self.destination = base / "src", base / name
        state = State(str(base / "state" / "mirrorfs"))
        self.place = state.mirror(str(self.source), str(self.destination))
        self.history = History(self.place)
        self.history.event("started")
        Said(str(self.source), str(self.destination)).store(self.place)

    def records(self) -> list[Record]:
        return [*newest_first(self.place, Wanted())][::-1]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_a_batch_is_as_many_records_as_it_had_outcomes(kept):
    kept.history.done(
        [
            done("a", stage=Stage.DIRECTORIES, moved=0),
            *(done(f"a/{number}", moved=number) for number in range(300)),
            done("b/new", Verb.RENAME, origin="b/old", moved=0, why="renamed"),
            failed("b/x", "permission denied"),
            failed("b/y", "something else is there", Status.DRIFT),
            Outcome(done("c").action, Status.SKIPPED, Failure("", Trouble.LIMIT, "held")),
            done("a", Verb.ATTRIBUTES, stage=Stage.DIRECTORY_ATTRIBUTES, why="its content changes"),
            done("a", Verb.ATTRIBUTES, stage=Stage.DIRECTORY_ATTRIBUTES, why="the mode differs"),
        ]
    )
    first, *copied, renamed, denied, drifted, mode = kept.records()[1:]
    assert first[1:] == ("create", "a", "", 0, "done", "new")
    assert [one.path for one in copied] == [f"a/{number}" for number in range(300)]
    assert [one.bytes for one in copied] == [*range(300)]
    assert renamed[1:] == ("rename", "b/new", "b/old", 0, "done", "renamed")
    assert denied[1:] == ("update", "b/x", "", 0, "failed", "permission denied")
    assert drifted[1:] == ("update", "b/y", "", 0, "drift", "something else is there")
    assert mode.why == "the mode differs"
    assert len({one.at_ns for one in (first, *copied, mode)}) == 1


def test_what_goes_on_to_fail_is_written_once(kept):
    for _ in range(3):
        kept.history.done([failed("a", "busy")])
        kept.history.planned(Batch("", failures=[Failure("b", Trouble.DENIED, "closed")]))
    kept.history.done([failed("a", "denied")])
    kept.history.done([done("a")])
    kept.history.done([failed("a", "denied")])
    assert [(one.verb, one.path, one.why) for one in kept.records()[1:]] == [
        ("update", "a", "busy"),
        ("read", "b", "closed"),
        ("update", "a", "denied"),
        ("create", "a", "new"),
        ("update", "a", "denied"),
    ]


def test_no_history_is_kept_where_none_is_wanted(tmp_path):
    history = History(str(tmp_path / "mirrors" / "one"), 0)
    history.done([done("a")])
    history.event("started")
    assert list(tmp_path.iterdir()) == []


def shown(call, *words) -> list[str]:
    """What the command says, without the moments and sizes."""
    said = call("log", *words)
    assert said.code == 0, said.err
    lines = [line[21:] for line in said.out.splitlines()]
    return [" ".join(line.partition("  (")[0].split()) for line in lines]


def test_filters(call, kept):
    for outcome in (
        done("a/one"),
        done("a/two", Verb.RENAME, origin="b/two"),
        done("ab"),
        done("b"),
    ):
        kept.history.done([outcome])
    kept.history.event("held", "plan 1234")
    everything = ["started", "create a/one", "rename b/two -> a/two", "create ab", "create b"]
    everything.append("held plan 1234")
    below = ["create a/one", "rename b/two -> a/two"]
    assert shown(call) == everything
    assert shown(call, "-n2") == everything[-2:]
    assert shown(call, "-n", 1, kept.source / "a") == below[-1:]
    for word in (os.path.basename(kept.place), kept.source, kept.destination):
        assert shown(call, word) == everything
        assert shown(call, word, "a") == shown(call, word, "./a/") == below
        assert shown(call, word, "b/two") == below[1:]
        assert shown(call, word, kept.destination / "a") == below
        assert shown(call, word, ".") == everything[1:-1]
    assert shown(call, kept.source / "a" / "one") == below[:1]
    assert shown(call, kept.destination / "gone" / "long ago") == []


def test_moments(call, kept, tmp_path):
    begin = kept.records()[0].at_ns
    from mirrorfs.history.keep import NAME
    from mirrorfs.history.record import line

    (segment,) = Path(kept.place, NAME).iterdir()
    hour = 3600 * 10**9
    segment.write_bytes(
        b"".join(
            line(begin - back * hour, "create", "new", names=[f"{back}"])
            for back in range(99, -1, -1)
        )
    )
    assert len(shown(call)) == 50
    assert shown(call, "--since", "150m") == ["create 2", "create 1", "create 0"]
    assert len(shown(call, "--since", "99h")) == 99
    assert shown(call, "--since", "99h", "-n2") == ["create 1", "create 0"]
    assert shown(call, "--until", "98h") == ["create 99", "create 98"]
    assert shown(call, "--since", "5h", "--until", "3h") == ["create 4", "create 3"]
    assert len(shown(call, "--since", "1999-12-31", "--until", "2199-12-31")) == 100
    assert shown(call, "--since", "2199-12-31") == []
    wrong = call("log", "--since", "yesterday")
    assert wrong.code == 2
    assert "2006-01-02" in wrong.err


def test_nobody_knows_the_mirror(call, kept, tmp_path):
    for words in (["elsewhere"], ["elsewhere", "a"], [kept.source, tmp_path / "x"]):
        said = call("log", *words)
        assert (said.code, said.out) == (2, "")
        assert "mirrorfs status" in said.err


def test_several_mirrors_are_one_story(call, kept, tmp_path):
    other = Kept(tmp_path, "other")
    kept.history.done([done("a")])
    other.history.done([done("b")])
    kept.history.done([done("c")])
    lines = [line.split() for line in call("log", kept.source).out.splitlines()]
    names = {place: os.path.basename(place) for place in (kept.place, other.place)}
    assert [words[2:] for words in lines[2:]] == [
        [names[kept.place], "create", "a", "(5", "B,", "new)"],
        [names[other.place], "create", "b", "(5", "B,", "new)"],
        [names[kept.place], "create", "c", "(5", "B,", "new)"],
    ]


def test_whatever_names_hold(call, kept):
    names = [os.fsdecode(name) for name in NAMES]
    kept.history.done([done(f"d/{name}", why=name) for name in names])
    kept.history.done([done(name, Verb.RENAME, origin=f"d/{name}") for name in names])
    kept.history.event("held", names[0])
    number = 2 * len(names) + 2
    text = call("log", "-n", number).out
    lines = text.split("\n")
    assert lines.pop() == ""
    assert len(lines) == number
    assert [line for line in lines if printable(line) != line] == []
    said = call("log", "--json", "-n", number).out
    said.encode("ascii")
    records = [carry.loads(line) for line in said.splitlines()][1:-1]
    assert [one["path"] for one in records] == [f"d/{name}" for name in names] + names
    assert [one["why"] for one in records[: len(names)]] == names
    assert [one["origin"] for one in records[len(names) :]] == [f"d/{name}" for name in names]
    for name in names[::40]:
        assert call("log", "--json", kept.source / "d" / name).out.count("\n") == 2


def test_json_is_what_it_is_said_to_be(call, kept):
    kept.history.done([done("caf\udce9")])
    event, created = map(json.loads, call("log", "--json").out.splitlines())
    name = os.path.basename(kept.place)
    assert {**event, "at_ns": 0} == {"mirror": name, "at_ns": 0, "verb": "started", "why": ""}
    assert {**created, "at_ns": 0} == {
        "mirror": name,
        "at_ns": 0,
        "verb": "create",
        "path": "caf\\xe9",
        "path_b64": "Y2Fm6Q==",
        "bytes": 5,
        "outcome": "done",
        "why": "new",
    }


def test_what_comes_is_followed(kept, tmp_path):
    command = [*MIRRORFS, "log", "-f", "--json", kept.source, "a"]
    command += ["--state-dir", tmp_path / "state" / "mirrorfs"]
    kept.history.done([done("a/before"), done("b")])
    seen = tmp_path / "seen"
    with (
        seen.open("wb") as out,
        subprocess.Popen(command, stdout=out) as process,
    ):
        try:
            until(seen.read_text, "what was there")
            kept.history.done([done("a/then"), done("b/no")])
            until(lambda: "a/then" in seen.read_text(), "what came")
        finally:
            process.terminate()
    assert [json.loads(line)["path"] for line in seen.read_text().splitlines()] == [
        "a/before",
        "a/then",
    ]


def test_sync_writes_where_a_journal_is_kept_and_else_nothing(call, tmp_path):
    source, destination = tmp_path / "src", tmp_path / "dst"
    source.mkdir()
    (source / "a").write_text("a")
    assert call("sync", source, destination).code == 0
    assert not (tmp_path / "state").exists()
    state = State(str(tmp_path / "state" / "mirrorfs"))
    with Recorder(str(source), state=state, extents=[Extent(EVERYTHING)]) as recorder:
        assert recorder.watcher.ready.wait(60)
        (source / "b").write_text("b")
        assert call("sync", "--dry-run", source, destination).code == 0
        assert not Path(state.mirror(str(source), str(destination))).exists()
        assert call("sync", source, destination).code == 0
        assert shown(call, destination) == ["create b"]
        (source / "a").unlink()
        assert call("sync", "--max-delete", 0, source, destination).code == 7
        created, held = shown(call, destination)
        assert (created, held.split()[0]) == ("create b", "held")
    assert call("sync", "--history-size", "off", source, destination).code == 0
    assert not (destination / "a").exists()
    assert len(shown(call, destination)) == 2
