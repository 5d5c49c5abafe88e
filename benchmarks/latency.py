"""How long a finished change takes to reach the destination of a running mirror.

    python benchmarks/latency.py [CHANGES]

Each change is made when the one before it has arrived: nothing else happens meanwhile. The clock
runs from the end of the change until the destination shows it, looked at without a pause; both
trees are in the temporary directory. Also: the CPU of an idle mirror.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

IDLE_SECONDS = 10.0
GIVE_UP_SECONDS = 30.0


def wait(there: Callable[[], bool]) -> float:
    """Seconds until it is so."""
    began = time.perf_counter()
    while not there():
        if time.perf_counter() - began > GIVE_UP_SECONDS:
            raise SystemExit("it does not arrive")
    return time.perf_counter() - began


def size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def cpu(pid: int) -> float:
    """Seconds of user and system time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def shown(what: str, seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]
    return (
        f"{what:<24} median {statistics.median(ordered) * 1000:6.1f} ms   "
        f"p99 {p99 * 1000:6.1f} ms   longest {ordered[-1] * 1000:6.1f} ms"
    )


def measure(source: Path, destination: Path, changes: int) -> None:
    """One kind of change after the other."""
    taken = []
    for number in range(changes):
        (source / f"new{number}").write_bytes(b"x" * 100)
        taken.append(wait(lambda number=number: size(destination / f"new{number}") == 100))
    print(shown("a new small file", taken))
    taken = []
    for number in range(changes):
        (source / "same").write_bytes(b"x" * (1 + number))
        taken.append(wait(lambda number=number: size(destination / "same") == 1 + number))
    print(shown("a file written again", taken))
    taken = []
    for number in range(changes):
        os.rename(source / f"new{number}", source / f"renamed{number}")
        taken.append(wait(lambda number=number: size(destination / f"renamed{number}") == 100))
    print(shown("a rename", taken))
    taken = []
    for number in range(changes):
        os.unlink(source / f"renamed{number}")
        taken.append(wait(lambda number=number: size(destination / f"renamed{number}") < 0))
    print(shown("a removal", taken))


def main() -> None:
    changes = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as directory:
        source, destination = Path(directory, "source"), Path(directory, "destination")
        source.mkdir()
        (source / "first").write_bytes(b"first")
        command = (sys.executable, "-m", "mirrorfs", "run", source, destination)
        run = subprocess.Popen([*command, "--state-dir", Path(directory, "state"), "-q"])
        try:
            wait(lambda: size(destination / "first") == 5)
            measure(source, destination, changes)
            (source / "last").touch()
            wait(lambda: size(destination / "last") == 0)
            time.sleep(2)  # the checkpoint follows
            before = cpu(run.pid)
            time.sleep(IDLE_SECONDS)
            print(f"idle for {IDLE_SECONDS:.0f} s: {cpu(run.pid) - before:.2f} s of CPU")
        finally:
            run.send_signal(signal.SIGTERM)
            run.wait()


if __name__ == "__main__":
    main()
