"""init: by flags, and by somebody at a terminal."""

import os
import tomllib
from pathlib import Path

import pytest
from config.conftest import Call, Place
from support.mounting import make, mounted

from mirrorfs.cli import COMMANDS
from mirrorfs.config.presets import BY_NAME

CACHES = [pattern for pattern, _ in BY_NAME["caches"].exclude]
TRASH = [pattern for pattern, _ in BY_NAME["trash"].exclude]


def written(place: Place, name: str) -> dict[str, object]:
    return tomllib.loads((place.files / f"{name}.toml").read_text())


def test_by_flags(place: Place, call: Call) -> None:
    done = call(
        *("init", "docs", "--source", place.source, "--destination", place.destination),
        *("--preset", "caches", "--preset", "trash", "--exclude", "*.tmp", "--max-delete", "10"),
        *("--archive=false", "--bwlimit", "20M", "--backup-dir", "old", "--yes"),
    )
    assert done.code == 0, done.said
    assert written(place, "docs") == {
        "source": str(place.source),
        "destination": str(place.destination),
        "archive": False,
        "exclude": [*CACHES, *TRASH, "*.tmp"],
        "exclude-if-present": ["CACHEDIR.TAG"],
        "max-delete": 10,
        "bwlimit": "20M",
        "backup-dir": str(place.source.parent / "old"),
    }
    assert "mirrorfs plan docs" in done.out
    assert ("mirrorfs service enable docs" in done.out) == ("service" in COMMANDS)
    assert call("config", "check", "docs").code == 0
    assert call("sync", "docs").code == 0
    assert {path.name for path in place.destination.iterdir()} == {"a.txt"}


def test_the_name_comes_from_the_source(place: Place, call: Call) -> None:
    second = place.destination.with_name("second")
    places = ("--destination", place.destination, "--destination", second)
    done = call("init", "--source", place.source, *places)
    assert done.code == 0, done.said
    made = written(place, "source")
    assert made["archive"] is True
    assert made["destination"] == [{"path": str(place.destination)}, {"path": str(second)}]
    assert oct((place.files / "source.toml").stat().st_mode)[-3:] == "644"
    assert os.listdir(place.files) == ["source.toml"], "no temporary is left"


def test_a_file_that_is_there_stays(place: Place, call: Call) -> None:
    file = place.write("docs", "mine")
    words = ("init", "docs", "--source", place.source, "--destination", place.destination)
    done = call(*words, "--yes")
    assert done.code == 2
    assert f"{file} is there already (take another name, or remove it first)" in done.err
    assert "nothing was written" in call(*words, answers="\nnone\n\n").out
    assert file.read_text() == "mine"
    assert call(*words, answers="\nnone\ny\n").code == 0
    assert written(place, "docs")["source"] == str(place.source)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--source is missing (give --source DIR)"),
        (["--source", "x"], "--destination is missing (give --destination DIR)"),
        (["../up", "--source", "x", "--destination", "y"], "'../up' is no name of a mirror"),
        (["--source", "x", "--destination", "y", "--preset", "cashes"],
         "there is no preset 'cashes' (one of caches, builds, trash, temporary, machines, none)"),
        (["--source", "x", "--destination", "y", "--exclude", "caf\udce9"],
         "it cannot stand in a TOML file (put patterns in an --exclude-from)"),
        (["--source", "x", "--destination", "UUID=:/y"], "names no folder of a drive"),
        (["--max-delete", "many"], "invalid argument 'many' for --max-delete"),
    ],
)  # fmt: skip
def test_what_is_missing_or_wrong(place: Place, call: Call, words: list[str], message: str) -> None:
    done = call("init", *words, "--yes")
    assert done.code == 2, done.said
    assert message in done.err
    assert os.listdir(place.files) == []


def test_somebody_answers(place: Place, call: Call) -> None:
    answers = [
        "/nowhere",  # is no folder: asked again
        str(place.source),
        "",  # a destination is needed
        str(place.destination),
        "",  # no other one
        "n",  # not everything
        "cashes",  # no such preset: asked again
        "2, trash",
        "docs",
        "",  # write it
    ]
    done = call("init", answers="".join(f"{answer}\n" for answer in answers))
    assert done.code == 0, done.said
    assert "/nowhere is no folder" in done.out
    assert "there is no preset 'cashes'" in done.out
    builds = [pattern for pattern, _ in BY_NAME["builds"].exclude]
    assert written(place, "docs") == {
        "source": str(place.source),
        "destination": str(place.destination),
        "archive": False,
        "exclude": [*builds, *TRASH],
        "exclude-if-present": ["CACHEDIR.TAG"],
    }
    assert (place.files / "docs.toml").read_text() in done.out, "it is shown before"


def test_nobody_answers_any_more(place: Place, call: Call) -> None:
    done = call("init", answers="\x04")
    assert done.code == 1
    assert "nobody answers (give --source, --destination and --yes)" in done.err
    assert os.listdir(place.files) == []


@pytest.mark.root
def test_a_drive_is_offered_by_its_uuid(place: Place, call: Call, tmp_path: Path) -> None:
    point = tmp_path / "drive"
    point.mkdir()
    with mounted(make("ext4", tmp_path / "images"), point):
        answers = f"{place.source}\n{point}/folder\n\n\n\nnone\ndocs\n\n"
        done = call("init", answers=answers)
        assert done.code == 0, done.said
        destination = str(written(place, "docs")["destination"])
        assert destination.startswith("UUID=")
        assert destination.endswith(":/folder")
        assert f"Find it as {destination}" in done.out
        assert call("config", "check").code == 0
        assert call("sync", "docs").code == 0
        assert (point / "folder" / "a.txt").read_text() == "a"
    assert "warning:" in call("config", "check").out, "the drive is away"


def test_what_mirrorfs_remembers_is_left_out(place: Place, call: Call) -> None:
    home = place.source.parent  # the state directory lies in it
    done = call("init", "home", "--source", home, "--destination", "/tmp/not-made", "--yes")
    assert done.code == 0, done.said
    assert written(place, "home")["exclude"] == ["/state/mirrorfs/**"]


def test_what_would_be_refused_is_not_written(place: Place, call: Call) -> None:
    inner = place.source / "inner"
    words = ("init", "docs", "--source", place.source, "--destination", inner)
    done = call(*words, "--yes")
    assert done.code == 2
    assert "overlapping" in done.err
    assert os.listdir(place.files) == []
    done = call(*words, answers="\nnone\nn\n")
    assert "this would be refused" in done.out
    assert os.listdir(place.files) == []
