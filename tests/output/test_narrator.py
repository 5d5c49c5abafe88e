"""What is said and counted of each outcome."""

from types import SimpleNamespace

import pytest

from mirrorfs.core.plan import Action, Outcome, Stage, Status, Verb
from mirrorfs.core.tree import Entry, Failure, Kind, Trouble
from mirrorfs.core.walk import Batch, Notice
from mirrorfs.output.log import Level, Log
from mirrorfs.output.narrator import LINK, Narrator, Several
from mirrorfs.output.reports import Reports
from mirrorfs.output.stats import Stats
from mirrorfs.output.text import plain

FILE, DIRECTORY = Entry(Kind.FILE, size=1536), Entry(Kind.DIRECTORY)


class Heard:
    def __init__(self, level: Level = Level.DEBUG, silent: tuple[str, ...] = ()) -> None:
        self.lines: list[str] = []
        self.stats = Stats()
        log = Log(level, lambda lv, path, message, _: plain(lv, path, message), self.lines.append)
        self.narrator = Narrator(log, self.stats, place="/dst", silent=silent)


def action(verb: Verb, entry: Entry, reason: str = "") -> Action:
    stage = {Verb.RENAME: Stage.RENAME, Verb.DELETE: Stage.DELETE}.get(verb, Stage.CONTENT)
    if entry.kind is Kind.DIRECTORY and verb is Verb.CREATE:
        stage = Stage.DIRECTORIES
    origin = "old" if verb is Verb.RENAME else ""
    want = None if verb is Verb.DELETE else entry
    return Action(verb, stage, "p", want, entry if want is None else None, reason, origin)


@pytest.mark.parametrize(
    ("verb", "entry", "reason", "done", "skipped"),
    [
        (Verb.CREATE, FILE, "", "Copied (new)", "copy"),
        (Verb.UPDATE, FILE, "", "Copied (replaced existing)", "copy"),
        (Verb.DELETE, FILE, "", "Deleted", "delete"),
        (Verb.CREATE, DIRECTORY, "", "Making directory", "make directory"),
        (Verb.DELETE, DIRECTORY, "", "Removing directory", "remove directory"),
        (Verb.RENAME, FILE, "", 'Renamed from "old"', "move to p"),
        (
            Verb.ATTRIBUTES, FILE, "the modification time differs",
            "Updated modification time in destination", "update modification time",
        ),
        (
            Verb.ATTRIBUTES, FILE, "the mode differs",
            "Updated metadata in destination", "update metadata",
        ),
        (
            Verb.ATTRIBUTES, DIRECTORY, "its content changes",
            "Set directory modification time", "set directory modification time",
        ),
        (
            Verb.ATTRIBUTES, DIRECTORY, "the owner differs",
            "Updated directory metadata", "update directory metadata",
        ),
    ],
)  # fmt: skip
def test_words(verb: Verb, entry: Entry, reason: str, done: str, skipped: str) -> None:
    heard = Heard()
    it = action(verb, entry, reason)
    heard.narrator.done([Outcome(it, Status.DONE, None, 0)])
    heard.narrator.skipped(it, "--dry-run")
    subject = "old" if verb is Verb.RENAME else "p"
    size = " (size 1.500Ki)" if entry is FILE else ""
    assert heard.lines == [
        f"INFO  : p: {done}",
        f"NOTICE: {subject}: Skipped {skipped} as --dry-run is set{size}",
    ]


def test_figures() -> None:
    heard = Heard()
    create, update = action(Verb.CREATE, FILE), action(Verb.UPDATE, FILE)
    batch = Batch("", ready=[create], later=[update], equal=["same"], source_entries=3)
    heard.narrator.planned(batch)
    outcomes = [Outcome(each, Status.DONE, None, 1536) for each in (create, update)]
    outcomes += [
        Outcome(action(Verb.DELETE, entry), Status.DONE, None, 0) for entry in (FILE, DIRECTORY)
    ]
    outcomes.append(Outcome(action(Verb.RENAME, FILE), Status.DONE))
    heard.narrator.done(outcomes)
    stats = heard.stats
    assert (stats.total_transfers, stats.total_bytes) == (2, 3072)
    assert (stats.transfers, stats.bytes, stats.listed, stats.checks) == (2, 3072, 3, 1)
    assert (stats.deletes, stats.deleted_directories, stats.freed, stats.renames) == (1, 1, 1536, 1)
    assert "DEBUG : same: Unchanged skipping" in heard.lines


def test_failures_are_errors_under_their_path() -> None:
    heard = Heard()
    failure = Failure("p", Trouble.DENIED, "Permission denied\x1b")
    heard.narrator.done(
        [
            Outcome(action(Verb.CREATE, FILE), Status.FAILED, failure),
            Outcome(action(Verb.DELETE, DIRECTORY), Status.FAILED, failure),
            Outcome(action(Verb.UPDATE, FILE), Status.DRIFT, failure),
        ]
    )
    heard.narrator.planned(Batch("", failures=[failure]))
    assert heard.lines == [
        r"ERROR : p: Failed to copy: Permission denied\x1b",
        r"ERROR : p: Failed to remove directory: Permission denied\x1b",
        r"ERROR : p: Left alone: Permission denied\x1b",
        r"ERROR : p: Permission denied\x1b",
    ]
    assert heard.stats.errors == 4


def test_withheld_deletes_are_said_once_an_attempt() -> None:
    heard = Heard(Level.NOTICE)
    withheld = Failure("", Trouble.LIMIT, "not deleting files as there were IO errors")
    outcome = Outcome(action(Verb.DELETE, FILE), Status.SKIPPED, withheld)
    heard.narrator.done([outcome, outcome])
    assert heard.lines == [
        "ERROR : Local file system at /dst: not deleting files as there were IO errors"
    ]
    heard.narrator.attempt()
    heard.narrator.done([outcome])
    assert len(heard.lines) == 2


def test_what_vanished_is_a_notice_and_no_error() -> None:
    heard = Heard(Level.NOTICE)
    gone = Failure("p", Trouble.ABSENT, "vanished")
    heard.narrator.done([Outcome(action(Verb.CREATE, FILE), Status.SKIPPED, gone)])
    assert heard.lines == ["NOTICE: p: vanished"]
    assert heard.stats.errors == 0


def test_notices_can_be_silenced() -> None:
    notices = [Notice("l", f"{LINK} without -L/--copy-links"), Notice("x", "something else")]
    for silent, count in (((), 2), ((LINK,), 1)):
        heard = Heard(silent=silent)
        heard.narrator.planned(Batch("", notices=list(notices)))
        assert len(heard.lines) == count


def test_reports_list_no_path_twice_and_errors_only_if_they_stay(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    out = tmp_path_factory.mktemp("reports") / "combined"
    names = ("match", "differ", "missing_on_src", "missing_on_dst", "error")
    files = SimpleNamespace(combined=str(out), **dict.fromkeys(names, ""))
    one, two = (action(Verb.CREATE, FILE)._replace(path=path) for path in ("one", "two"))
    failure = Failure("one", Trouble.BUSY, "busy")
    with Reports(files) as reports:
        heard = Several([reports])
        heard.planned(Batch("d", equal=["same"]))
        heard.done([Outcome(one, Status.FAILED, failure), Outcome(two, Status.DONE)])
        reports.attempt()
        heard.planned(Batch("d", equal=["same"]))
        heard.planned(Batch("", equal=["two"], failures=[Failure("bad", Trouble.DENIED, "no")]))
        heard.done([Outcome(one, Status.DONE)])
    assert sorted(out.read_text().splitlines()) == ["! bad", "+ one", "+ two", "= d/same"]
