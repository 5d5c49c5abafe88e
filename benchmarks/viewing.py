"""What looking through the view costs, beside the same in a directory.

    python benchmarks/viewing.py [FILES] [DIRECTORY]

FILES (100,000) empty files in directories of 100, all yet to be created, and one file of 512 MiB
are shown by `mirrorfs mount`. In turn, five times each: `find` by name, `find` by size (which asks
for every file's attributes), and reading the large file; in the source itself and in the view. The
first round finds the kernel with nothing of the view in its caches and is shown apart; the rest are
medians. Then how much memory the view takes. A ratio is view : directory.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PER_DIRECTORY = 100
LARGE = 512 << 20
ROUNDS = 5


def make(root: Path, files: int) -> None:
    for index in range(files):
        directory = root / f"d{index // PER_DIRECTORY:05}"
        if index % PER_DIRECTORY == 0:
            directory.mkdir(parents=True)
        (directory / f"file-{index:06}.dat").touch()
    with open(root / "large", "wb") as large:
        for _ in range(LARGE >> 20):
            large.write(b"\x5a" * (1 << 20))


def seconds(*words: str | Path) -> float:
    start = time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> None:
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    where = sys.argv[2] if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory(dir=where) as scratch:
        source, point = Path(scratch, "source"), Path(scratch, "view")
        make(source, files)
        for name in ("destination", "view"):
            Path(scratch, name).mkdir()
        command = [sys.executable, "-m", "mirrorfs", "mount", source, Path(scratch, "destination")]
        view = subprocess.Popen([*command, point, "--state-dir", Path(scratch, "state")])
        try:
            while not (point / "summary").exists():
                time.sleep(0.1)
            measure(source, point / "after", files)
            status = Path(f"/proc/{view.pid}/status").read_text()
            used = status.partition("VmHWM:")[2].split()[0]
            print(f"memory of the view: {int(used) // 1024} MiB, for {files:,} actions")
        finally:
            view.terminate()
            view.wait()


def measure(source: Path, after: Path, files: int) -> None:
    kinds: dict[str, list[str]] = {
        "find by name": ["find", ".", "-name", "*.nothing"],
        "find by size": ["find", ".", "-size", "+1G"],
        "read 512 MiB": ["cat", "large"],
    }
    print(f"{'':14}{'directory':>12}{'view, first':>12}{'then':>12}{'ratio':>8}")
    for what, words in kinds.items():
        took: dict[Path, list[float]] = {source: [], after: []}
        for _ in range(ROUNDS):
            for place, times in took.items():
                times.append(seconds("env", "-C", str(place), *words))
        first, rest = took[after][0], statistics.median(took[after][1:])
        native = statistics.median(took[source][1:])
        row = "".join(f"{value:>10.3f} s" for value in (native, first, rest))
        print(f"{what:14}{row}{rest / native:>8.1f}")


if __name__ == "__main__":
    main()
