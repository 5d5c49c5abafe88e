"""What a process asks of the kernel, counted by strace."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

_CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+|\?)")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
_UNFINISHED = re.compile(r"^(\d+) +(.*?) *<unfinished \.\.\.>$")


def strace(log: Path, calls: str) -> tuple[str, ...]:
    """The words before a command; descriptors are written with the paths they lead to."""
    return ("strace", "-f", "-y", "-qq", "-s", "4096", "-o", os.fspath(log), "-e", f"trace={calls}")


def traced(log: Path) -> Iterator[tuple[str, str]]:
    """(call, arguments) of each that did not fail."""
    begun: dict[str, str] = {}
    for line in log.read_text(errors="surrogateescape").splitlines():
        if unfinished := _UNFINISHED.match(line):
            begun[unfinished[1]] = unfinished[2]
            continue
        if resumed := _RESUMED.match(line):
            line = begun.pop(resumed[1], "") + resumed[3]
        call = _CALL.match(line)
        if call and not call[3].startswith("-"):
            yield call[1], call[2]
