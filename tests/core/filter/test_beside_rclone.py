"""The filter beside rclone itself, on random flags and one tree that has a bit of everything."""

import random
import shutil
import subprocess

import pytest

from mirrorfs.core.filter import Filter, FilterError, FilterOptions, Source

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("rclone"), reason="rclone is not installed"),
]

FILES = [
    "a", "b.o", "A.O", "a.b", "skip", "d/a", "d/b.o", "d/e/a", "d/e/f/b.o", "d/e/f/.mark", "e/d/a",
    "e/skip", "build/x", "build/d/a.b", "D/a", "d [1]/a", "{x}", "x*y", "e/e/e/e/e", "a+b", "d$/a$",
]  # fmt: skip
DIRECTORIES = ["empty", "d/empty", "build/empty/empty"]
PIECES = [
    "a", "b", "d", "e", "*", "**", "?", "/", "/", "/", ".o", "{a,b}", "{d/e,a}", "[ab]", "[^a]",
    "[!d]", "{{[a-e]+}}", "build", "skip", "\\{x\\}", "x\\*y", "+", "$", "[[:upper:]]", "empty",
    "{d,e}/", "**/",
]  # fmt: skip


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    for number, name in enumerate(FILES):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * (number * 100))
    for name in DIRECTORIES:
        (root / name).mkdir(parents=True)
    return root


def draw(dice):
    """Flags, and the same as options."""
    flags, sources, others = [], [], {}
    for _ in range(dice.randint(1, 4)):
        pattern = "".join(dice.choices(PIECES, k=dice.randint(1, 4)))
        flag = dice.choice(["--filter", "--filter", "--filter", "--include", "--exclude"])
        value = f"{dice.choice('+-')} {pattern}" if flag == "--filter" else pattern
        flags.append(f"{flag}={value}")
        sources.append(Source(flag, value))
    if dice.random() < 0.2:
        others["ignore_case"] = True
        flags.append("--ignore-case")
    if dice.random() < 0.2:
        others["max_depth"] = dice.randint(1, 4)
        flags.append(f"--max-depth={others['max_depth']}")
    if dice.random() < 0.2:
        others["max_size"] = 700
        flags.append("--max-size=700b")
    if dice.random() < 0.2:
        others["exclude_if_present"] = (".mark",)
        flags.append("--exclude-if-present=.mark")
    return flags, FilterOptions(tuple(sources), **others)


def listing(found, root, directory=""):
    """What a walk that enters only what it may comes to, in the manner of `rclone lsf -R`."""
    here = root / directory
    if found.marked({entry.name for entry in here.iterdir() if entry.is_file()}):
        return
    for entry in here.iterdir():
        path = str(entry.relative_to(root))
        if entry.is_file():
            if found.includes(path, size=entry.stat().st_size):
                yield path
        elif found.includes(path, is_directory=True):
            marked = found.marked({inner.name for inner in entry.iterdir() if inner.is_file()})
            if not marked:
                yield path + "/"
            if found.descends(path):
                yield from listing(found, root, path)


@pytest.mark.parametrize("seed", range(30))
def test_lists_what_rclone_lists(tree, seed):
    flags, options = draw(random.Random(seed))
    command = ["rclone", "lsf", "-R", "--config=/dev/null", "--max-depth=-1", *flags, str(tree)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    try:
        found = Filter.build(options)
    except FilterError:
        assert run.returncode, flags
        return
    assert run.returncode == 0, (flags, run.stderr)
    assert sorted(listing(found, tree)) == sorted(run.stdout.splitlines()), flags
