"""Help and version are answered at once: nothing heavy is imported before it is needed."""

import json
import subprocess
import sys

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
