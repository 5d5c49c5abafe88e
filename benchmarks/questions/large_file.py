"""6. One large file, beside cp; and where cp shares blocks, whether we do."""

import os
import subprocess
from pathlib import Path

from benchmarks import trees
from benchmarks.answer import Answer
from benchmarks.contest import Bars, compared, contest, first
from benchmarks.measure import spend
from benchmarks.peers import ONCE, installed
from benchmarks.places import Place, mounted, remove
from benchmarks.scale import GB, Scale

TITLE = "One large file"
BARS: Bars = {
    ("mirrorfs -a", "cp -a"): {"cpu": 1.05, "wall": 1.05},
    ("mirrorfs -a", "rsync -a"): {},
}
NAMES = ["mirrorfs -a", "cp -a", "rsync -a"]
ROUNDS = 6
SHARED = 0.01  # of the file's size may be new blocks where blocks are shared


def ask(scale: Scale, places: dict[str, Place]) -> Answer:
    answer = Answer(6, TITLE, f"{scale.huge / GB:.3g} GiB")
    peers, lost = installed(ONCE, NAMES)
    answer.notes += lost
    for place in list(places.values())[: None if scale.whole else 1]:
        if place.free() < 3 * scale.huge:
            answer.notes.append(f"{place.name}: no space for two copies")
            continue
        source = _source(place, scale.huge)
        works = {peer.name: first(place, peer, source, keep=False) for peer in peers}
        costs = contest(answer, place, works, min(scale.rounds, ROUNDS), "large file")
        compared(answer, place, costs, BARS, "large file")
        remove(source)
    for kind in ("btrfs", "xfs"):
        _reflink(answer, list(places.values())[-1], kind, scale.huge)
    return answer


def _source(place: Place, size: int) -> Path:
    source = place.empty("huge")
    trees.big(source / "huge", size)
    place.settle()
    return source


def _reflink(answer: Answer, place: Place, kind: str, size: int) -> None:
    """Blocks that a copy takes beyond those of the source, as a share of its size."""
    try:
        with mounted(place, kind, 3 * size + GB) as there:
            source = _source(there, size)
            for name in ("mirrorfs -a", "cp -a"):
                peer = ONCE[name]
                target, memory = there.empty("target"), place.empty("memory")
                before = _used(there)
                cost = spend(peer.command(source, target, memory), env=peer.environment(memory))
                taken = (_used(there) - before) / size * 100
                shared = SHARED * 100 if name.startswith("mirrorfs") else None
                answer.add(name, "new blocks of a copy", kind, "%", [taken] * 3, shared)
                answer.add(name, "large file: wall", kind, "s", [cost.wall])
    except (OSError, subprocess.CalledProcessError) as error:
        answer.notes.append(f"{kind} cannot be mounted here: {error}")


def _used(place: Place) -> int:
    place.settle()
    found = os.statvfs(place.root)
    return (found.f_blocks - found.f_bfree) * found.f_frsize
