"""4. A storm on a mirror that runs: many files are made by cp, renamed one by one, removed by rm.

The clock starts with cp, mv or rm and ends when everything of it is on the destination; the bar is
a ratio to how long cp, mv or rm took themselves, in the same run. mirrorfs is asked whether it has
caught up, and the destination is looked at afterwards; peers cannot be asked, so their destination
is looked at twice a second. The mirror holds other files, too: a plan that removes more than half
of a mirror is held for a person to look at.
"""

import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import trees
from benchmarks.answer import Answer
from benchmarks.live import Gone, answers, begin, caught_up, serving, until
from benchmarks.measure import Failed, processor, spend
from benchmarks.peers import LIVE, Peer, installed
from benchmarks.places import Place, remove
from benchmarks.scale import Scale

if TYPE_CHECKING:
    from collections.abc import Callable

TITLE = "A storm"
BAR = 1.3
START = 1800.0  # seconds in which the first comparison must be over
ROUNDS = 3


class Taken(NamedTuple):
    """Seconds until all was mirrored, and until it was done; processor seconds of the mirror."""

    mirrored: float
    done: float
    cpu: float


def ask(scale: Scale, places: dict[str, Place]) -> Answer:
    answer = Answer(4, TITLE, f"{scale.storm:,} files, beside {scale.million:,} others")
    place = next(iter(places.values()))
    peers, lost = installed(LIVE, ["mirrorfs run", "lsyncd, delay 0"])
    answer.notes += lost
    for peer in peers:
        for deed, taken in _blown(answer, scale, place, peer).items():
            bar = BAR if peer.name.startswith("mirrorfs") else None
            whole, done = [one.mirrored for one in taken], [one.done for one in taken]
            answer.add(f"{peer.name}, mirrored", deed, place.name, "s", whole)
            answer.add(f"{peer.name}, done", deed, place.name, "s", done)
            answer.compare((f"{peer.name}, mirrored", "done"), deed, place.name, (whole, done), bar)
            cpu = [one.cpu / scale.storm * 1e6 for one in taken]
            answer.add(peer.name, f"{deed}: CPU per file", place.name, "µs", cpu)
    return answer


def _blown(answer: Answer, scale: Scale, place: Place, peer: Peer) -> dict[str, list[Taken]]:
    ours = peer.name == "mirrorfs run"
    model = place.tree("storm", partial(trees.many, files=scale.storm, size=1000))
    memory = place.empty("memory")
    if ours:
        source, target = place.million(scale.million)
    else:
        source, target = place.empty("source"), place.empty("target")
    storm = source / "storm"
    deeds: dict[str, Callable[[], object]] = {
        "create": lambda: spend(["cp", "-a", model, storm]),
        "rename": lambda: _rename(storm),
        "remove": lambda: spend(["rm", "-rf", storm]),
    }
    found: dict[str, list[Taken]] = {}
    with serving(peer.command(source, target, memory), place.fresh("storm.log")) as service:
        try:
            _begun(source, target, memory if ours else None)
            for _ in range(min(scale.rounds, ROUNDS) if ours else 1):
                for deed, act in deeds.items():
                    used, began = processor(service.pid), time.perf_counter()
                    act()
                    done = time.perf_counter() - began
                    patience = scale.patience + 10 * done
                    _converged(source, target, memory if ours else None, patience)
                    mirrored = time.perf_counter() - began
                    if trees.names(storm) != trees.names(target / "storm"):
                        raise Failed(f"{peer.name}, {deed}: the destination is not the source")
                    taken = Taken(mirrored, done, processor(service.pid) - used)
                    found.setdefault(deed, []).append(taken)
        except Gone as error:
            answer.notes.append(f"{peer.name}, after {', '.join(found) or 'its start'}: {error}")
    for root in (source, target):
        remove(root / "storm")
    return found


def _begun(source: Path, target: Path, memory: Path | None) -> None:
    begin(source, target, START)
    if memory is not None:
        until(partial(answers, memory), START)
    _converged(source, target, memory, START)


def _converged(source: Path, target: Path, memory: Path | None, patience: float) -> None:
    """By asking who has ``memory``, else by looking. Raises Gone."""
    if memory is not None:
        if not caught_up(memory, patience):
            raise Gone(f"not caught up within {patience:.0f} s")
    else:
        until(lambda: trees.names(source) == trees.names(target), patience, pause=0.5)


def _rename(storm: Path) -> None:
    """One after the other, within its directory, as mv does."""
    for folder, _, files in os.walk(storm):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name in files:
                os.rename(name, f"renamed-{name}", src_dir_fd=handle, dst_dir_fd=handle)
        finally:
            os.close(handle)
