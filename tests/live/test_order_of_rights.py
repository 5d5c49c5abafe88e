"""In which order rights are given, by strace: nobody sees content he may not see for a moment, and
nothing is setuid before it has its owner."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from live.conftest import Places
from support.calls import strace, traced
from support.process import MIRRORFS

pytestmark = pytest.mark.root

CAPABILITY = bytes.fromhex("0100000200000000000000000000000000000000")
CALLS = (
    "openat,mknodat,mkdirat,symlinkat,fchown,chown,lchown,fchownat,fchmod,chmod,fchmodat,"
    "fsetxattr,setxattr,lsetxattr,ftruncate,write,copy_file_range,utimensat,"
    "renameat,renameat2,linkat"
)


def populate(source: Path) -> None:
    (source / "private").write_bytes(b"secret")
    (source / "private").chmod(0o600)
    (source / "program").write_bytes(b"program")
    os.chown(source / "program", 1234, 1234)
    os.setxattr(source / "program", "security.capability", CAPABILITY)
    (source / "program").chmod(0o6755)
    os.mkfifo(source / "fifo")
    os.chown(source / "fifo", 1234, 1234)
    (source / "fifo").chmod(0o6755)
    (source / "directory").mkdir()
    os.chown(source / "directory", 1234, 1234)
    (source / "directory").chmod(0o3770)


def calls(places: Places, *flags: str) -> list[tuple[str, str]]:
    """What a sync asked for below the destination."""
    log = places.state.parent / "trace"
    command = (*MIRRORFS, "sync", "-a", *flags, places.source, places.destination)
    subprocess.run(
        [*strace(log, CALLS), *command, "--state-dir", places.state], check=True, timeout=120
    )
    return [(call, words) for call, words in traced(log) if str(places.destination) in words]


def of(seen: list[tuple[str, str]], what: str) -> list[tuple[str, str]]:
    return [(call, words) for call, words in seen if re.search(what, words)]


def first(seen: list[tuple[str, str]], *names: str, matching: str = "") -> int:
    found = [
        index
        for index, (call, words) in enumerate(seen)
        if call in names and re.search(matching, words)
    ]
    assert found, (names, seen)
    return found[0]


OWN = ("fchown", "chown", "lchown", "fchownat")
MODE = ("fchmod", "chmod", "fchmodat")
XATTR = ("fsetxattr", "setxattr")
PUBLISH = ("renameat", "renameat2")


def test_a_file_is_complete_before_it_has_its_name(places: Places) -> None:
    populate(places.source)
    seen = calls(places)
    made = [words for call, words in seen if call == "openat" and "O_CREAT" in words]
    assert made
    assert all(
        "O_EXCL" in words and words.split(")")[0].rstrip("<>").find("0600") > 0 for words in made
    )
    linked = next(words for call, words in seen if call == "linkat" and '"private"' in words)
    steps = of(seen, re.search(r"#\d+", linked)[0] + "|O_TMPFILE")
    assert steps[0][0] == "openat"
    assert "0600" in steps[0][1]
    assert [call for call, _ in steps][-1] == "linkat"
    assert {"write", "utimensat"} < {call for call, _ in steps}
    for name in ("program", "fifo"):
        published = next(words for call, words in seen if call in PUBLISH and f'"{name}"' in words)
        temporary = re.search(r'"(\.mirrorfs-[^"]+)"', published)[1]
        steps = of(seen, re.escape(temporary) + "|" + re.escape(f'"{temporary}"'))
        assert steps[-1][0] in PUBLISH
        assert steps[0][0] in ("openat", "mknodat")
        assert "0600" in steps[0][1]
        modes = [words for call, words in steps if call in MODE]
        if name == "program":
            assert first(steps, *OWN) < first(steps, *MODE) < first(steps, *XATTR)
        if name in ("program", "fifo"):
            setuid = first(seen, *MODE, matching="06755")
            assert first(seen, *OWN) < setuid
            assert all(not re.search(r"0[2-7]\d{3}\b", words) for words in modes[:-1])
    directory = of(seen, r'destination/directory>|"directory"')
    assert directory[0][0] == "mkdirat"
    assert "0700" in directory[0][1]
    assert first(directory, *OWN) < first(directory, *MODE)


def test_a_file_written_in_place_is_closed_before_and_opened_after(places: Places) -> None:
    populate(places.source)
    places.destination.mkdir()
    for name in ("private", "program"):
        (places.destination / name).write_bytes(b"older content")
        (places.destination / name).chmod(0o6777)
    seen = calls(places, "--inplace")
    for name, mode in (("private", "0600"), ("program", "0755")):
        steps = of(seen, f"destination/{name}>")
        closed = first(steps, *MODE)
        assert mode in steps[closed][1]
        assert closed < first(steps, "write", "copy_file_range") < first(steps, *OWN)
        last = [words for call, words in steps if call in MODE][-1]
        assert ("06755" if name == "program" else "0600") in last
        assert max(i for i, (call, _) in enumerate(steps) if call in OWN) < max(
            i for i, (call, _) in enumerate(steps) if call in MODE
        )
