"""Random trees and flags, beside rclone itself: the same tree, the same exit code.

Of the trees and flags where both mean to do the same (deviations.py has the others): a name is a
file, a directory or a link on both sides, nothing is filtered by size, age or marker, and what the
installed rclone does not know yet (times of directories) is not compared.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from support import forked, pictures

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("rclone"), reason="rclone is not installed"),
]

FILES = ["a", "b.o", "d/a", "d/b.o", "d/e/a", "d/e/c.d.o", "f/a", "Ä", "g h"]
DIRECTORIES = ["d", "d/e", "d/empty", "f", "i/j"]
LINKS = ["l", "d/l", "f/m"]
TIMES = [
    "2001-02-03T04:05:06.499999999Z",
    "2001-02-03T04:05:06.500000000Z",
    "2001-02-03T04:05:08Z",
    "2011-12-25T12:59:59.123456789Z",
]

features = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {"content": st.sampled_from(["", "a", "b", "cc", "dd"]), "mtime": st.sampled_from(TIMES)}
    ),
)
links = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {
            "type": st.just("symlink"),
            "target": st.sampled_from(["a", "b.o", "d/e/a", "nowhere"]),
            "mtime": st.sampled_from(TIMES),
        }
    ),
)
directories = st.one_of(st.none(), st.just({"type": "dir"}))
trees = st.fixed_dictionaries(
    dict.fromkeys(FILES, features)
    | dict.fromkeys(LINKS, links)
    | dict.fromkeys(DIRECTORIES, directories)
).map(lambda tree: {path: found for path, found in tree.items() if found is not None})

FLAGS = [
    "--size-only", "--checksum", "--ignore-times", "--ignore-size", "--ignore-existing",
    "--update", "--immutable", "--modify-window=2s", "--no-update-modtime", "--check-first",
    "--create-empty-src-dirs", "--ignore-errors", "--delete-excluded", "--ignore-case",
    "--max-depth=1", "--max-depth=2", "--transfers=1", "--order-by=size,desc",
    "--error-on-no-transfer", "--dry-run", "--backup-dir=@/b", "--backup-dir=@/b --suffix=.bak",
    "--suffix=.bak --exclude=*.bak", "--suffix=-1 --suffix-keep-extension --exclude=*-1*",
    "--compare-dest=@/c", "--no-traverse",
]  # fmt: skip
FILTERS = [
    "--exclude=*.o", "--exclude=/d/**", "--exclude=e/**", "--exclude=/f/", "--include=*.o",
    "--include=/d/**", "--filter=- [a-c]*", "--filter=+ /d/a", "--filter=- d/*", "--exclude=a",
    "--filter=- *.{o,x}", "--include={{[a-f]+}}",
]  # fmt: skip
DELETES = ["--delete-before", "--delete-during", "--delete-after"]


@st.composite
def commands(draw):
    """A command and its flags."""
    chosen = draw(st.lists(st.sampled_from(FLAGS), max_size=3, unique=True))
    chosen += draw(st.lists(st.sampled_from(FILTERS), max_size=2, unique=True))
    if "--immutable" in chosen:  # an error, after which rclone's other modes delete all the same
        chosen += draw(st.sampled_from([[], ["--delete-after"]]))
    else:
        chosen += draw(st.sampled_from([[], *([flag] for flag in DELETES)]))
    # rclone's link is a file with a suffix, whose content is the target.
    if not any("--suffix" in flag or flag == "--ignore-size" for flag in chosen):
        chosen += draw(st.sampled_from([[], [], ["--links"]]))
    words = [word for flag in chosen for word in (flag.split(" --") if " --" in flag else [flag])]
    words = [word if word.startswith("--") else f"--{word}" for word in words]
    return draw(st.sampled_from(["sync", "sync", "copy"])), [*words, "--retries=1"]


def shown(seen):
    """What is compared: names, kinds, contents, targets, and times of all but directories."""
    return {
        path: (found.type, found.data, found.type != "dir" and found.stat.st_mtime_ns)
        for path, found in (seen or {}).items()
    }


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(source=trees, destination=trees, other=trees, shared=st.sets(st.sampled_from(FILES + LINKS)),
       command=commands())  # fmt: skip
def test_ends_as_rclone_ends(source, destination, other, shared, command):
    destination = destination | {path: source[path] for path in shared if path in source}
    verb, flags = command
    ends = []
    for run in (by_rclone, by_mirrorfs):
        with tempfile.TemporaryDirectory(prefix="beside-") as name:
            root = Path(name)
            pictures.make(root / "s", source)
            pictures.make(root / "t", destination)
            pictures.make(root / "c", other)
            before = shown(pictures.look(root / "s"))
            words = [verb, "s", "t", *(flag.replace("@", name) for flag in flags)]
            code, said = run(words, root)
            assert shown(pictures.look(root / "s")) == before
            ends.append((code, shown(pictures.look(root / "t")), shown(pictures.look(root / "b"))))
            note(f"{run.__name__}: {code}\n{said}")
    theirs, ours = ends
    assert theirs[0] == ours[0]
    for name, one, two in zip(("t", "b"), theirs[1:], ours[1:], strict=True):
        assert {
            path: (one.get(path), two.get(path))
            for path in sorted(one.keys() | two.keys())
            if one.get(path) != two.get(path)
        } == {}, name


def by_rclone(words, root):
    environment = {"PATH": os.environ["PATH"], "HOME": str(root), "RCLONE_CONFIG": "/dev/null"}
    done = subprocess.run(
        ["rclone", *words, "-v"], cwd=root, env=environment, capture_output=True, timeout=60
    )
    return done.returncode, done.stderr.decode(errors="backslashreplace")


def by_mirrorfs(words, root):
    done = forked.call([*words, "-v"], root)
    return done.code, done.said
