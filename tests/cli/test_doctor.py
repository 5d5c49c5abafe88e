"""`doctor` says what would notice changes, and what is wrong, with nothing running."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.forked import NOBODY, call

from mirrorfs.status.coverage import commands, coverage, makes_sense, shown
from mirrorfs.watch import Serving

as_root = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs the rights of root"),
]
LIMITS = {"max_user_watches": 8192, "max_user_instances": 128}


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A place another user can reach."""
    base = Path("/dev/shm") / f"mirrorfs-doctor-{os.getpid()}"
    (base / "source" / "d").mkdir(parents=True)
    for place in (base, base / "source"):
        place.chmod(0o755)
    yield base
    shutil.rmtree(base)


def test_a_source_that_can_be_watched_is_well(tmp_path: Path) -> None:
    (tmp_path / "source" / "d" / "e").mkdir(parents=True)
    done = call(["doctor", "source"], tmp_path)
    assert (done.code, done.err) == (0, "")
    assert "source: 3 directories" in done.out
    assert "all is well" in done.out


def test_it_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    assert call(["doctor", "source"], tmp_path).code == 0
    assert os.listdir(tmp_path) == ["source"]


def test_what_would_serve_is_said_as_json(tmp_path: Path) -> None:
    (tmp_path / "source" / "d").mkdir(parents=True)
    words = ["doctor", "source", "--json", "--watch-backend", "inotify"]
    said = json.loads(call(words, tmp_path).out)
    (part,) = said["covered"]["parts"]
    assert (part["path"], part["backend"], part["directories"]) == ("", "inotify", 2)
    assert said["directories"] == 2
    assert said["limits"]["max_user_watches"] > 0
    assert said["findings"] == []
    assert makes_sense(said["covered"])


def test_a_missing_source_is_an_error(tmp_path: Path) -> None:
    assert call(["doctor", "nowhere"], tmp_path).code == 3


@pytest.mark.parametrize("mark", [pytest.param(None, marks=as_root)])
def test_without_rights_it_says_what_would_help(open_place: Path, mark: None) -> None:
    (open_place / "source" / "closed").mkdir(mode=0o700)
    done = call(["doctor", str(open_place / "source")], open_place, user=NOBODY)
    assert done.code == 1, done.said
    assert "it needs CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH" in done.out
    assert "closed and everything below: permission denied" in done.out
    assert "AmbientCapabilities=CAP_DAC_READ_SEARCH" in done.out
    assert "AmbientCapabilities=CAP_SYS_ADMIN CAP_DAC_READ_SEARCH" in done.out


def test_the_command_that_raises_the_limit_is_exact() -> None:
    blind = {"d": "the limit of inotify watches is reached: raise fs.inotify.max_user_watches"}
    assert commands(blind, 20_000, LIMITS) == [
        "sysctl -w fs.inotify.max_user_watches=40000 && echo fs.inotify.max_user_watches=40000"
        " > /etc/sysctl.d/60-mirrorfs-max_user_watches.conf"
    ]


def test_lines_for_people() -> None:
    parts = (
        Serving("", "fanotify", "ext4", 0, 0.0, ""),
        Serving("m", "inotify", "overlay", 1234, 0.0, "no handles"),
        Serving("n", "poll", "nfs4", 5, 31.0, "nfs4 changes in silence"),
    )
    assert shown(coverage(parts, {"m/x": "permission denied"}, 31.0, LIMITS)) == [
        ". (ext4): watched as a whole by fanotify",
        "m (overlay): 1,234 directories watched by inotify; no handles",
        "n (nfs4): polled, found within 31 s; nfs4 changes in silence",
        "m/x and everything below: not watched, looked at every 31 s (permission denied)",
        "to do: give the user of mirrorfs permission to read there; or systemctl edit UNIT, and"
        " add [Service] AmbientCapabilities=CAP_DAC_READ_SEARCH",
    ]


@pytest.mark.parametrize(
    "garbage",
    [[], {"parts": 1}, {"parts": [1], "blind": {}, "help": [], "lag": 0}, {"parts": [{"path": 1}]}],
)
def test_garbage_makes_no_sense(garbage: object) -> None:
    assert not makes_sense(garbage)
