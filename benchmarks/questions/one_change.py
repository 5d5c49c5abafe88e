"""3. One changed file in a large tree: one sync by a valid journal, and how soon a running mirror
shows it.

The clock of the second part starts when close(2) of the changed file is over, and ends when the
destination shows all of it. The peers that run get a tree of 1,000 files, which is to their
advantage. Changes come one at a time, in turn to each service; each changes another file.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks import trees
from benchmarks.answer import Answer
from benchmarks.figures import percentile
from benchmarks.live import Eyes, Gone, begin, eyes, serving, size, until
from benchmarks.measure import interleaved, spend
from benchmarks.peers import LIVE, ONCE, Peer, installed, watch
from benchmarks.places import Place
from benchmarks.scale import Scale

TITLE = "One changed file"
WALL = 0.25  # seconds, in all
SHARE = 1 / 20  # of rsync
MEDIAN, LAST = 15.0, 60.0  # ms
PEERS_TREE = 1000
ROUNDS = 5
_lengths = count(1000)
START = 600.0  # seconds in which a service must have begun to mirror

Change = Callable[[Path, int], str]
"""(a directory, which) -> the name that changed, and is as it should be when the destination
shows the same of it."""


def ask(scale: Scale, places: dict[str, Place]) -> Answer:
    answer = Answer(3, TITLE, f"1 of {scale.million:,} files")
    place = next(iter(places.values()))
    source, target = place.million(scale.million)
    _once(answer, scale, place, source, target)
    _running(answer, scale, place, source, target)
    return answer


# ---- one sync ----------------------------------------------------------------------------------


def _once(answer: Answer, scale: Scale, place: Place, source: Path, target: Path) -> None:
    peers, lost = installed(ONCE, ["mirrorfs -a", "rsync -a"])
    answer.notes += lost
    memory = place.empty("memory")
    log = place.fresh("watch.log")
    with serving(watch(source, memory), log):
        until(lambda: "watching" in log.read_text(), START)
        works = {}
        for peer in peers:
            words = peer.command(source, target, memory)
            env = peer.environment(memory)
            spend(words, env=env)

            def work(words: list[str] = words, env: dict[str, str] = env) -> object:
                _rewrite(source / "000" / "00", next(numbers))
                return spend(words, env=env)

            works[peer.name] = work
        numbers = iter(range(10**6))
        costs = interleaved(works, max(scale.rounds, min(scale.repeats, ROUNDS)))
    for name, found in costs.items():
        wall = [cost.wall for cost in found]
        bar = WALL if name.startswith("mirrorfs") else None
        answer.add(name, "one sync: wall", place.name, "s", wall, bar)
        answer.add(name, "one sync: CPU", place.name, "s", [cost.cpu for cost in found])
    if len(costs) == 2:
        for what in ("wall", "cpu"):
            pair = tuple([getattr(cost, what) for cost in found] for found in costs.values())
            label = f"one sync: {'CPU' if what == 'cpu' else 'wall'}"
            answer.compare(tuple(costs), label, place.name, pair, SHARE)


# ---- a mirror that runs ------------------------------------------------------------------------


def _running(answer: Answer, scale: Scale, place: Place, source: Path, target: Path) -> None:
    peers, lost = installed(
        LIVE, ["mirrorfs run", "lsyncd, delay 0", "inotifywait + rsync", "floor: inotify + copy"]
    )
    answer.notes += lost
    with ExitStack() as stack:
        watched: dict[str, tuple[Path, Eyes]] = {}
        for peer in peers:
            where = (source, target) if peer.name == "mirrorfs run" else _own(place)
            if (seen := _started(answer, stack, place, peer, *where)) is not None:
                watched[peer.name] = (where[0] / "000" / "00", seen)
        for what, change in KINDS.items():
            taken: dict[str, list[float]] = {name: [] for name in watched}
            for number in range(scale.repeats):
                order = list(watched.items())
                for name, (directory, seen) in order if number % 2 == 0 else reversed(order):
                    changed = change(directory, number)
                    wanted = size(directory / changed)
                    look = partial(_shows, seen.directory / changed, wanted)
                    try:
                        taken[name].append(seen.until(look, scale.patience) * 1000)
                    except Gone:
                        answer.notes.append(f"{name}, {what}: not within {scale.patience:.0f} s")
            for name, found in taken.items():
                _note(answer, place, name, what, found)


def _own(place: Place) -> tuple[Path, Path]:
    source, target = place.fresh("own"), place.empty("target")
    trees.many(source, PEERS_TREE, size=0)
    spend(["cp", "-a", f"{source}/.", target])
    return source, target


def _started(
    answer: Answer, stack: ExitStack, place: Place, peer: Peer, source: Path, target: Path
) -> Eyes | None:
    """A service that mirrors, and eyes on the directory in which files will change."""
    memory = place.empty("memory")
    words = peer.command(source, target, memory)
    stack.enter_context(serving(words, place.fresh(f"{peer.program.rpartition('/')[2]}.log")))
    try:
        begin(source / "000" / "00", target / "000" / "00", START)
    except Gone:
        answer.notes.append(f"{peer.name} did not begin to mirror")
        return None
    return stack.enter_context(eyes(target / "000" / "00"))


def _note(answer: Answer, place: Place, name: str, what: str, found: list[float]) -> None:
    if not found:
        return
    ours = name.startswith("mirrorfs") and what in ("new file", "file written again")
    answer.add(name, f"{what}: latency", place.name, "ms", found, MEDIAN if ours else None)
    last = [percentile(found, 0.99)] * len(found)
    answer.add(name, f"{what}: 99th percentile", place.name, "ms", last, LAST if ours else None)


def _shows(path: Path, wanted: int) -> bool:
    return size(path) == wanted


def _create(directory: Path, number: int) -> str:
    name = f"new-{number:05}"
    trees.write(directory / name, b"x" * 100)
    return name


def _rewrite(directory: Path, number: int) -> str:
    """A file that was there, one of a hundred; of a length that none had before."""
    name = sorted(directory.glob("file-*.dat"))[number % 100].name
    trees.write(directory / name, b"y" * next(_lengths))
    return name


def _rename(directory: Path, number: int) -> str:
    name = f"renamed-{number:05}"
    os.rename(directory / f"new-{number:05}", directory / name)
    return name


def _remove(directory: Path, number: int) -> str:
    name = f"renamed-{number:05}"
    os.unlink(directory / name)
    return name


KINDS: dict[str, Change] = {
    "new file": _create,
    "file written again": _rewrite,
    "rename": _rename,
    "removal": _remove,
}
