"""Memory as it is on a machine that has been on for a while: what nobody needs holds page cache.

A virtual machine whose host takes free pages back pays for the first touch of each many times what
copying it costs: a matter of seconds, and of luck, for whoever needs them first. Pages that are
reclaimed from the cache cost everybody the same.
"""

import os
import tempfile
from functools import cache
from pathlib import Path

KEPT = 1 << 30  # bytes stay free: below, the kernel reclaims before anybody asks
STEP = 1 << 20


def fill() -> None:
    """Fill free memory with the pages of an empty file, once."""
    file, size = _nothing()
    step = bytearray(STEP)
    before = os.lseek(file, 0, os.SEEK_CUR)
    for _ in range(0, _free() - KEPT, STEP):
        os.preadv(file, [step], before)
        before = (before + STEP) % size
    os.lseek(file, before, os.SEEK_SET)


@cache
def _nothing() -> tuple[int, int]:
    """A file without a name that is one hole, on a disk; and its size."""
    size = 2 * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // STEP * STEP
    with tempfile.TemporaryFile(dir="/var/tmp") as file:
        file.truncate(size)
        return os.dup(file.fileno()), size


def _free() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemFree:"):
            return int(line.split()[1]) * 1024
    return 0
