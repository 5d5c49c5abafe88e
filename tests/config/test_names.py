"""A mirror called by its name: every command, several destinations, and what is no name."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from config.conftest import Call, Place
from support import forked
from support.forked import NOBODY

FILE = 'source = "SRC"\ndestination = "DST"\nexclude = ["*.tmp"]\n'


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_a_name_stands_for_source_destination_and_options(place: Place, call: Call) -> None:
    place.write("docs", FILE + "archive = true\n")
    planned = json.loads(call("plan", "docs", "--json").out)
    assert [action["path"] for action in planned["actions"] if action["verb"] == "create"] == [
        "a.txt"
    ]
    assert call("sync", "docs").code == 0
    assert names(place.destination) == {"a.txt"}
    assert call("check", "docs").code == 0
    assert call("audit", "docs").code == 5, "nothing runs"
    assert "sources/source-" in call("journal", "path", "docs").out
    (place.source / "new").write_text("n")
    assert call("copy", "docs").code == 0
    assert "new" in names(place.destination)


def test_the_line_beats_the_environment_beats_the_file(
    place: Place, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = place.write("docs", FILE)
    assert call("sync", "docs", "--exclude", "a.*").code == 0
    assert names(place.destination) == {"b.tmp"}, "a list takes the place of a list"
    shown = json.loads(call("config", "show", "docs", "--json").out)
    (one,) = shown["destinations"]
    assert one["options"] == [{"key": "exclude", "values": ["*.tmp"], "from": f"{file}:3"}]
    text = call("config", "show", "docs").out
    assert text.splitlines() == [
        f"source = {place.source}",
        f"destination = {place.destination}",
        f"  exclude = *.tmp  # {file}:3",
    ]


def test_a_held_plan_is_known_by_the_name(place: Place, call: Call) -> None:
    place.write("docs", FILE + "max-delete = 0\n")
    place.destination.mkdir()
    (place.destination / "old").write_text("o")
    assert call("sync", "docs").code == 7
    held = json.loads(call("held", "docs", "--json").out)
    assert held["totals"]["delete"] == 1
    assert "plan" in call("status", "docs").out
    assert call("approve", "docs", held["id"]).code == 0
    assert names(place.destination) == {"a.txt"}


def two(place: Place, more: str = "") -> Path:
    second = place.destination.with_name("second")
    place.write(
        "both",
        'source = "SRC"\nexclude = ["*.tmp"]\n'
        f'[[destination]]\npath = "DST"\n[[destination]]\npath = "{second}"\nexclude = []\n{more}',
    )
    return second


def test_several_destinations_one_after_the_other(place: Place, call: Call) -> None:
    second = two(place)
    assert call("sync", "both").code == 0
    assert (names(place.destination), names(second)) == ({"a.txt"}, {"a.txt", "b.tmp"})
    assert call("check", "both").err.count("0 differences found") == 2
    assert call("plan", "both", "--json").out.count('"actions"') == 2
    done = call("mount", "both", place.source.parent / "point")
    assert done.code == 2
    assert "has several destinations, and the view shows one plan" in done.err


def test_one_that_fails_does_not_keep_the_next_from_its_turn(place: Place, call: Call) -> None:
    second = two(place, "max-delete = 0\n")
    place.destination.write_text("no directory")
    second.mkdir()
    (second / "old").write_text("o")
    done = call("sync", "both")
    assert done.code == 7
    assert done.err.count("Failed to sync") == 2, done.err
    (second / "old").unlink()
    assert call("sync", "both").code == 7, "the worst of them"
    assert names(second) == {"a.txt", "b.tmp"}


def test_a_path_is_no_name(place: Place, call: Call) -> None:
    place.write("source", 'source = "/nowhere"\ndestination = "DST"\n')
    done = call("journal", "path", "source")  # the directory of this name is there
    assert f"{place.state}" not in done.out or "nowhere" not in done.out
    assert "sources/source-" in done.out
    assert call("journal", "path", "./source").out == done.out
    assert call("plan", "source").code == 3, "one word for two places is a name"
    assert "takes exactly 2 arguments" in call("plan", "./source").err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "dosc"], "there is no {files}/dosc.toml; did you mean docs?"),
        (["run", "zzz"], "there is no {files}/zzz.toml"),
        (["config", "show", "dosc"], "no mirror is called dosc: there is no {files}/dosc.toml "
         "(did you mean docs?)"),
        (["config", "show", "zzz"], "(`mirrorfs init zzz` makes it; there are docs)"),
        (["config", "show", "../x"], "'../x' is no name of a mirror"),
        (["config", "look"], "config does not know 'look'"),
    ],
)  # fmt: skip
def test_what_is_no_name_is_said(place: Place, call: Call, words: list[str], message: str) -> None:
    place.write("docs", FILE)
    done = call(*words)
    assert done.code == 2
    assert message.format(files=place.files) in done.err
    assert len(done.err.splitlines()) == 1


# ---- config check and list ----------------------------------------------------------------------


def test_check_names_all_that_is_wrong(place: Place, call: Call) -> None:
    place.write("docs", FILE)
    done = call("config", "check")
    assert (done.code, done.out) == (0, f"1 file in {place.files}: nothing is wrong\n")
    place.write("bad", 'source = "SRC"\ndestnation = "DST"\n')
    done = call("config", "check")
    assert done.code == 2
    assert done.out.splitlines() == [
        f'wrong: {place.files}/bad.toml: destination is missing (add destination = "/…")',
        f"wrong: {place.files}/bad.toml, line 2: destnation: there is no such key "
        "(did you mean destination?)",
    ]
    assert call("config", "check", "docs").code == 0
    said = json.loads(call("config", "check", "--json").out)
    assert [problem["line"] for problem in said["problems"]] == [0, 2]
    listed = json.loads(call("config", "list", "--json").out)
    assert [record["name"] for record in listed] == ["bad", "docs"]


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ('source = "SRC/nowhere"\ndestination = "DST"', 0, "the source SRC/nowhere is not there"),
        ('source = "SRC"\ndestination = "/not/there/at/all"', 0, "neither /not/there/at/all nor"),
        ('source = "SRC"\ndestination = "UUID=0000-0000:/x"', 0, "UUID=0000-0000"),
        (FILE + "max-duration = 60", 0, "run goes on until it is stopped"),
        ('source = "SRC"\ndestination = "SRC/inner"', 2, "overlapping"),
        (FILE + "links = true\ncopy-links = true", 2, "can't use -l/--links with -L"),
        (FILE + 'filter = ["x"]', 2, "Failed to load filters"),
        (FILE + 'exclude-from = "SRC/nowhere"', 2, "load filters: --exclude-from SRC/nowhere"),
        (FILE + 'state-dir = "SRC/state"', 2, "the state directory"),
        ('source = "SRC"\n[[destination]]\npath = "DST"\n[[destination]]\npath = "DST/inner"', 2,
         "one lies in the other"),
    ],
)  # fmt: skip
def test_check_looks_at_the_machine(
    place: Place, call: Call, text: str, code: int, message: str
) -> None:
    place.write("docs", text)
    done = call("config", "check")
    assert done.code == code, done.said
    wanted = message.replace("SRC", str(place.source))
    (line,) = [line for line in done.out.splitlines() if wanted in line]
    assert line.startswith("wrong: " if code else "warning: ")


def test_a_file_that_others_may_write_is_not_used(place: Place, call: Call) -> None:
    place.write("docs", FILE).chmod(0o666)
    done = call("sync", "docs")
    assert done.code == 2
    assert f"everybody may write it; it is not used (chmod o-w {place.files}/docs.toml)" in done.err
    os.unlink(place.files / "docs.toml")
    os.mkfifo(place.files / "docs.toml")
    assert "it is not a file" in call("sync", "docs").err


def test_hostile_paths(place: Place, call: Call) -> None:
    """A name of any bytes, written as a URL; and one with everything that is special in TOML."""
    odd = os.fsencode(place.source.parent) + b"/caf\xe9 \"'\\\n#%"
    os.mkdir(odd)
    Path(os.fsdecode(odd), "file").write_text("f")
    done = call("init", "odd", "--source", os.fsdecode(odd), "--destination", place.destination)
    assert done.code == 0, done.said
    text = (place.files / "odd.toml").read_text()
    assert 'source = "file:///' in text
    assert "caf%E9%20" in text
    assert call("sync", "odd").code == 0
    assert names(place.destination) == {"file"}
    assert "caf\\xe9" in call("config", "list").out


@pytest.fixture
def open_path() -> Iterator[Path]:
    """Every user may go there; pytest's own directories are one user's."""
    with TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.mark.root
def test_whose_files_are_read(open_path: Path) -> None:
    """A user reads his own; root those in /etc, and neither the other's."""
    home = open_path / "home"
    (home / ".config" / "mirrorfs").mkdir(parents=True)
    (home / ".config" / "mirrorfs" / "mine.toml").write_text('source = "/s"\ndestination = "/d"\n')
    for path in (home, home / ".config", home / ".config" / "mirrorfs"):
        path.chmod(0o755)

    def listed(user: int | None, **environment: str) -> str:
        words = ["config", "list"]
        before = {name: os.environ.get(name) for name in ("HOME", "XDG_CONFIG_HOME", *environment)}
        os.environ.pop("XDG_CONFIG_HOME", None)
        os.environ |= {"HOME": str(home), **environment}
        try:
            done = forked.call(words, home, user=user)
            return done.out or done.err
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value

    assert "mine  /s → /d" in listed(NOBODY)
    assert "no mirrors in /etc/mirrorfs" in listed(None)
    there = str(home / ".config" / "mirrorfs")
    assert "mine  /s → /d" in listed(None, CONFIGURATION_DIRECTORY=f"{there}:/x")
    assert "no mirrors" in listed(NOBODY, XDG_CONFIG_HOME="/not/there")
