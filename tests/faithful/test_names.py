"""Six hundred names that no one should choose: mirrored everywhere, and harmless where shown.

Shown to people a name is one line without a terminal's orders; shown to programs it is exact.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from unicodedata import category

import pytest
from faithful.conftest import Pair
from support.forked import Done, call
from support.names import NAMES, make_names
from support.portrait import portrait, unlike

from mirrorfs.core.carry import loads
from mirrorfs.core.filter import Filter, FilterOptions, Source

LINE = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d (NOTICE|INFO  |ERROR |DEBUG ): ")


def run(where: Path, *words: str | Path, code: int = 0) -> Done:
    done = call([str(word) for word in words], where)
    assert done.code == code, done.said
    return done


def shows_plainly(text: str) -> bool:
    """Whether a terminal would take nothing in it for an order, and every line is a line."""
    hidden = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return not any(char not in "\t\n" and category(char) in hidden for char in text)


def test_every_file_system_takes_them_and_gives_them_up(pair: Pair) -> None:
    make_names(pair.source)
    run(pair.home, "sync", "-a", pair.source, pair.mirror)
    assert unlike(portrait(pair.source), portrait(pair.mirror)) == []
    held = os.fsencode(pair.source)
    for number, name in enumerate(NAMES):
        os.rename(os.path.join(held, name), os.path.join(held, b"%d" % (number + 1000)))
    run(pair.home, "sync", "-a", "--track-renames", pair.source, pair.mirror, "--adopt")
    assert unlike(portrait(pair.source), portrait(pair.mirror)) == []


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    """A source full of them, and a mirror in which some are missing, changed or too many."""
    source, mirror = tmp_path / "source", tmp_path / "mirror"
    source.mkdir()
    make_names(source)
    run(tmp_path, "sync", "-a", source, mirror)
    held = os.fsencode(mirror)
    for number, name in enumerate(NAMES):
        path = os.path.join(held, name)
        if number % 9 == 0:
            os.unlink(path)
        elif number % 9 == 3:
            with open(path, "ab") as file:
                file.write(b"changed")
        elif number % 9 == 6:
            os.mkdir(os.path.join(os.fsencode(source), b"moved")) if number == 6 else None
            os.rename(
                os.path.join(os.fsencode(source), name),
                os.path.join(os.fsencode(source), b"moved", name),
            )
    return source, mirror


def touched() -> set[bytes]:
    """The names of files that a sync has something to do with."""
    files = [name for number, name in enumerate(NAMES) if number % 3 == 0]
    return set(files)


def test_a_plan_shows_each_on_a_line(trees: tuple[Path, Path], tmp_path: Path) -> None:
    said = run(tmp_path, "plan", "-a", "--adopt", *trees).out
    assert shows_plainly(said)
    assert len(said.splitlines()) >= len(touched())
    document = run(tmp_path, "plan", "-a", "--adopt", "--json", *trees).out
    assert document.isascii()
    assert "\\ud" not in document.replace("\\\\ud", "").replace("\\ud83d\\ude00", "").replace(
        "\\udbff\\udfff", ""
    )
    planned = {os.path.basename(os.fsencode(one["path"])) for one in loads(document)["actions"]}
    assert touched() <= planned


@pytest.mark.parametrize("flags", [("-vv",), ("-n",), ("-vv", "--log-systemd")], ids=" ".join)
def test_the_log_has_one_line_for_each(
    trees: tuple[Path, Path], tmp_path: Path, flags: tuple[str, ...]
) -> None:
    said = run(tmp_path, "sync", "-a", "--adopt", "--stats", "0", *flags, *trees).err
    assert shows_plainly(said)
    level = re.compile("<[3-7]>") if "--log-systemd" in flags else LINE
    figures = ("Transferred", "Checks", "Deleted", "Elapsed", "Renamed")
    odd = [line for line in said.split("\n") if not level.match(line)]
    assert all(line.startswith(figures) or not line for line in odd), odd


def test_the_json_log_is_exact(trees: tuple[Path, Path], tmp_path: Path) -> None:
    said = run(tmp_path, "sync", "-a", "--adopt", "-v", "--use-json-log", *trees).err
    records = [loads(line) for line in said.splitlines()]
    for line in said.splitlines():
        json.loads(line.encode("ascii"))
    spoken = {os.path.basename(os.fsencode(record.get("object", "."))) for record in records}
    assert touched() <= spoken


def test_lists_of_paths_have_a_line_for_each(trees: tuple[Path, Path], tmp_path: Path) -> None:
    """What holds a line break is written with escapes, and the line says so, as in sha256sum."""
    run(tmp_path, "check", "--combined", "all", "--differ", "differ", *trees, "-l", code=1)
    lines = (tmp_path / "all").read_bytes().split(b"\n")
    assert lines.pop() == b""
    paths = set()
    for line in lines:
        escaped = line.startswith(b"\\")
        sign, path = line[escaped : escaped + 1], line[escaped + 2 :]
        assert sign in b"=*+-!"
        if escaped:
            path = re.sub(rb"\\(.)", lambda found: {b"n": b"\n", b"\\": b"\\"}[found[1]], path)
        paths.add(os.path.basename(path))
    assert touched() <= paths
    assert len(lines) == len(set(lines))
    differ = (tmp_path / "differ").read_bytes().splitlines()
    assert differ


def literal(name: bytes) -> str:
    """A rule's text for exactly this name."""
    return re.sub(r"([\\*?\[\]{}])", r"\\\1", os.fsdecode(name))


def test_a_rule_means_the_name_it_spells() -> None:
    names = [os.fsdecode(name) for name in NAMES]
    for number, name in enumerate(names):
        rule = Source("--include", f"/{literal(os.fsencode(name))}")
        filter = Filter.build(FilterOptions((rule,)))
        others = [*names[number % 9 :: 9], f"{name}\n", f"\n{name}", f"{name}x", name[:-1] or "x"]
        let = [other for other in (name, *others) if filter.includes(other)]
        assert set(let) == {name}, rule


def test_a_rule_on_the_command_line_does_the_same(trees: tuple[Path, Path], tmp_path: Path) -> None:
    for name in NAMES[:36:9]:
        flags = ("--include", f"/{literal(name)}")
        said = run(tmp_path, "plan", "-a", "--json", *flags, trees[0], tmp_path / "no").out
        made = [os.fsencode(one["path"]) for one in loads(said)["actions"] if one["path"]]
        assert made == [name]


@pytest.mark.parametrize("name", [b"new\nline", b"\xff\xfe", b"\x1b[31m", b"trailing ", b"-n"])
def test_errors_and_answers_about_hostile_roots(tmp_path: Path, name: bytes) -> None:
    source = tmp_path / f"source {os.fsdecode(name)}"
    mirror = tmp_path / f"mirror {os.fsdecode(name)}"
    gone = run(tmp_path, "sync", source, mirror, code=3)
    assert shows_plainly(gone.said.strip("\n"))
    source.mkdir()
    for words in (
        ("sync", "-av", source, mirror),
        ("sync", source, source / "inside"),
        ("journal", "show", source),
        ("journal", "verify", source),
        ("status", source),
        ("explain", source),
        ("sync", "-a", source, mirror, "--log-file", source / "no" / "log"),
        ("sync", "-a", source, mirror, "--combined", source / "no" / "list"),
        ("sync", "-a", source, mirror, "--filter-from", source / "none"),
        ("sync", "-a", source, mirror, "--exclude", f"{{{{({source}"),
        (str(source), "x"),
    ):
        done = call([str(word) for word in words], tmp_path)
        assert done.code not in (70, -1), done.said
        assert shows_plainly(done.said.strip("\n")), words
    assert "Traceback" not in run(tmp_path, "journal", "path", source).said


@pytest.mark.slow
def test_what_a_locale_cannot_say_is_said_in_utf_8(tmp_path: Path) -> None:
    """And bytes of a path as they are: a script goes on with what `journal path` prints."""
    source, state = tmp_path / "é→", tmp_path / os.fsdecode(b"state \xff")
    source.mkdir()
    (source / "é").touch()
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    for words, said in (
        (("journal", "path", source, "--state-dir", state), os.fsencode(state)),
        (("plan", source, tmp_path / "no"), "é".encode()),
    ):
        command = [sys.executable, "-m", "mirrorfs", *map(str, words)]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert said in done.stdout
