"""What copying many small files costs, beside cp and rsync.

    python benchmarks/copying.py [FILES] [DIRECTORY]

FILES (20,000) files of 4 KiB in directories of 100 are copied into empty directories below
DIRECTORY (the default place for temporary files); CPU is that of the process and its children, user
and system. The same work as `mirrorfs.apply` does: a batch per directory, one thread. The best of
three; ratios: mirrorfs = 1. Nothing is removed before the end: ext4 avoids inodes that were freed a
moment ago and searches long for others, which would be everyone's largest cost.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mirrorfs.core.options import Options, archive
from mirrorfs.core.plan import Action, Stage, Status, Verb
from mirrorfs.core.tree import join
from mirrorfs.trees.local import LocalTree

PER_DIRECTORY = 100
SIZE = 4096


def make(root: Path, files: int) -> None:
    content = os.urandom(SIZE)
    for index in range(files):
        directory = root / f"d{index // PER_DIRECTORY:05}"
        if index % PER_DIRECTORY == 0:
            directory.mkdir(parents=True)
        (directory / f"file-{index:06}.dat").write_bytes(content)


def mirror(source: Path, target: Path, options: Options) -> None:
    with LocalTree(source, options) as tree, LocalTree(target, options, writable=True) as copy:
        for name, entry in sorted(tree.read("").entries.items()):
            made = Action(Verb.CREATE, Stage.DIRECTORIES, name, entry, None, "new")
            outcomes = copy.create_directories([made])
            actions = [
                Action(Verb.CREATE, Stage.CONTENT, join(name, child), found, None, "new")
                for child, found in tree.read(name).entries.items()
            ]
            outcomes += copy.transfer(actions, tree)
            outcomes += copy.set_attributes([made])
            bad = [outcome for outcome in outcomes if outcome.status is not Status.DONE]
            assert not bad, bad[0]


def command(*words: str) -> Callable[[Path, Path], None]:
    def run(source: Path, target: Path) -> None:
        subprocess.run([*words, f"{source}/.", str(target)], check=True)

    return run


def cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    where = sys.argv[2] if len(sys.argv) > 2 else None
    plain = Options()
    faithful = archive(Options())
    contenders: dict[str, Callable[[Path, Path], None]] = {
        "mirrorfs": lambda source, target: mirror(source, target, plain),
        "mirrorfs archive": lambda source, target: mirror(source, target, faithful),
        "cp -a": command("cp", "-a"),
        "cp -r": command("cp", "-r"),
        "rsync -a": command("rsync", "-a"),
        "rsync -aAX": command("rsync", "-aAX"),
    }
    with tempfile.TemporaryDirectory(dir=where) as scratch:
        source = Path(scratch, "source")
        make(source, files)
        base = (0.0, 0.0)
        print(f"{'':18}{'files/s':>9}{'wall s':>8}{'CPU s':>8}{'wall':>7}{'CPU':>7}")
        for name, contender in contenders.items():
            best = (1e9, 1e9)
            for attempt in range(3):
                target = Path(scratch, f"{name}-{attempt}")
                target.mkdir()
                os.sync()
                began, used = time.perf_counter(), cpu()
                contender(source, target)
                best = min(best, (time.perf_counter() - began, cpu() - used))
            wall, used = best
            base = best if not base[0] else base
            ratios = f"{wall / base[0]:>7.2f}{used / base[1]:>7.2f}"
            print(f"{name:18}{files / wall:>9.0f}{wall:>8.2f}{used:>8.2f}{ratios}")


if __name__ == "__main__":
    main()
