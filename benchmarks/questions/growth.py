"""9. Growth: the time per file, of trees ten times as large each.

What a sync costs that has nothing to do is taken off: it would make the small trees look dear.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import trees
from benchmarks.answer import Answer
from benchmarks.contest import again, first
from benchmarks.measure import interleaved
from benchmarks.peers import ONCE
from benchmarks.places import Place
from benchmarks.scale import Scale

if TYPE_CHECKING:
    from benchmarks.measure import Work

TITLE = "Growth"
FLAT = 1.2  # of the largest tree's time per file to the smallest's
ROUNDS = 3


def ask(scale: Scale, places: dict[str, Place]) -> Answer:
    answer = Answer(9, TITLE, " / ".join(f"{files:,}" for files in scale.growth) + " files")
    place = next(iter(places.values()))
    for name, most in (("mirrorfs -a", ROUNDS), ("rsync -a", 1)):
        rounds = min(scale.rounds, most)
        for what in ("first sync", "comparison"):
            _grown(answer, scale, place, name, what, rounds)
    return answer


def _grown(answer: Answer, scale: Scale, place: Place, name: str, what: str, rounds: int) -> None:
    peer = ONCE[name]
    works: dict[str, Work] = {}
    for files in (0, *scale.growth):
        source, target = _pair(scale, place, files)
        if what == "comparison":
            works[str(files)] = again(place, peer, source, target)
        else:
            works[str(files)] = first(place, peer, source, keep=place.keeps)
    costs = interleaved(works, rounds)
    nothing = costs.pop("0")
    for clock, label in (("wall", "wall"), ("cpu", "CPU")):
        each: dict[int, list[float]] = {}
        for files in scale.growth:
            pairs = zip(costs[str(files)], nothing, strict=True)
            spent = [getattr(cost, clock) - getattr(base, clock) for cost, base in pairs]
            each[files] = [seconds / files * 1e6 for seconds in spent]
            who = f"{name}, {files:,}"
            answer.add(who, f"{what}: {label} per file", place.name, "µs", each[files])
        last, least = scale.growth[-1], scale.growth[0]
        bar = FLAT if name.startswith("mirrorfs") else None
        who = (f"{name}, {last:,}", f"{least:,}")
        answer.compare(who, f"{what}: {label} per file", place.name, (each[last], each[least]), bar)


def _pair(scale: Scale, place: Place, files: int) -> tuple[Path, Path]:
    if files == scale.million:
        return place.million(files)
    source = place.tree(f"growth {files}", partial(trees.many, files=files, size=0))
    return source, place.tree(f"growth {files}, copied", partial(_copied, source))


def _copied(source: Path, target: Path) -> None:
    target.mkdir()
    trees.copied(source, target)
