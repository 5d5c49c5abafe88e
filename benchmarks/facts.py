"""What machine the figures are of, and what else it did meanwhile."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import mirrorfs
from benchmarks.peers import versions
from benchmarks.trees import PROJECT


def machine() -> dict[str, object]:
    """What does not change during a run."""
    return {
        "kernel": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "python": platform.python_version(),
        "mirrorfs": mirrorfs.__version__,
        "commit": _commit(),
        "peers": versions(),
    }


def moment() -> dict[str, object]:
    """When, and how busy: processes that ran or waited for the disk, in the last 1, 5, 15 min."""
    return {"time": datetime.now(UTC).isoformat(timespec="seconds"), "load": os.getloadavg()}


def file_system(place: Path) -> str:
    """The kind of file system that a directory is on, as the kernel calls it."""
    device = os.stat(place).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        if fields[2] == wanted:
            return fields[fields.index("-") + 1]
    done = subprocess.run(
        ["stat", "-f", "-c", "%T", str(place)], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    words = ["git", "-C", str(PROJECT), "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
