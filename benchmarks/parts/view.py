"""What looking through the view costs, beside the same in a directory.

Empty files, all yet to be created, and a large one are shown by `mirrorfs mount`. `find` by name
lists; by size it asks for every file's attributes; and the large file is read. The first round
finds the kernel with nothing of the view in its caches and is shown apart.
"""

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import trees
from benchmarks.answer import Answer
from benchmarks.live import Gone, serving, until
from benchmarks.measure import memory
from benchmarks.places import Place

START = 600.0
KINDS = {
    "find by name": ["find", ".", "-name", "*.nothing"],
    "find by size": ["find", ".", "-size", "+1G"],
    "read a large file": ["cat", "large"],
}


def measure(answer: Answer, place: Place, files: int, large: int, rounds: int) -> None:
    if importlib.util.find_spec("pyfuse3") is None or not os.path.exists("/dev/fuse"):
        answer.notes.append("view: needs pyfuse3 and /dev/fuse")
        return
    source, target, point = place.fresh("seen"), place.empty("target"), place.empty("view")
    trees.many(source, files, size=0)
    trees.big(source / "large", large)
    state = ["--state-dir", str(place.empty("memory"))]
    words = [sys.executable, "-m", "mirrorfs", "mount", source, target, point, *state]
    with serving(words, place.fresh("view.log")) as view:
        try:
            until((point / "summary").exists, START)
        except Gone:
            answer.notes.append("view: it was not mounted")
            return
        _compared(answer, place, source, point / "after", rounds + 1)
        answer.add("view", f"memory, {files:,} files", place.name, "MB", [memory(view.pid) / 1e6])


def _compared(answer: Answer, place: Place, source: Path, after: Path, rounds: int) -> None:
    for what, words in KINDS.items():
        taken: dict[str, list[float]] = {"directory": [], "view": []}
        where = {"directory": source, "view": after}
        for number in range(rounds):
            order = where.items() if number % 2 == 0 else reversed(where.items())
            for name, root in order:
                taken[name].append(_seconds(root, words))
        answer.add("view, first look", what, place.name, "s", taken["view"][:1])
        rest = {name: found[1:] for name, found in taken.items()}
        for name, found in rest.items():
            answer.add(name, what, place.name, "s", found)
        answer.compare(("view", "directory"), what, place.name, (rest["view"], rest["directory"]))


def _seconds(root: Path, words: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(words, cwd=root, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began
