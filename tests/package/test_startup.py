"""Help and version are answered at once: nothing heavy is imported before it is needed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"msgspec", "pyfuse3", "rich", "tomllib", "trio", "watchdog"}

# What is imported is counted, not the time it takes: that holds on a busy machine, too.
DRIVER = """
import json, sys
from mirrorfs.cli import main
sys.argv = ["mirrorfs", *sys.argv[1:]]
try:
    status = main()
except SystemExit as end:
    status = end.code
print(json.dumps([status or 0, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["sync", "--help"]], ids=" ".join)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, *arguments], capture_output=True, text=True, check=True
    )
    status, modules = json.loads(done.stdout.splitlines()[-1])
    assert status == 0
    assert "mirrorfs" in done.stdout
    assert HEAVY.isdisjoint(modules), HEAVY & set(modules)


def test_a_small_sync_imports_only_what_it_uses(tmp_path: Path) -> None:
    """Each of these takes as long as some twenty files take to be copied."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "file").touch()
    places = [str(tmp_path / name) for name in ("source", "destination")]
    words = ["sync", *places, "--state-dir", str(tmp_path / "state")]
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, *words], capture_output=True, text=True, check=True
    )
    status, modules = json.loads(done.stdout.splitlines()[-1])
    assert status == 0
    assert (tmp_path / "destination" / "file").exists()
    unused = HEAVY | {"asyncio", "concurrent", "logging", "socket", "subprocess", "uuid"}
    unused |= {"ast", "dataclasses", "inspect", "tokenize"}  # `mirrorfs.core.record` does without
    unused |= {"decimal", "ipaddress", "pathlib", "shlex", "urllib"}
    assert unused.isdisjoint(modules), unused & set(modules)
