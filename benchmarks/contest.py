"""Contenders that mirror one tree and end: costs, system calls and memory of each, side by side.

Law: everybody gets the same tree, a fresh place to remember things in, and a destination in the
same state.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from benchmarks.answer import Answer
from benchmarks.measure import Cost, Failed, Work, calls, interleaved, peak, spend
from benchmarks.memory import fill
from benchmarks.peers import Peer
from benchmarks.places import Place, remove

Bars = Mapping[tuple[str, str], Mapping[str, float]]
"""(ours, theirs) -> bar of the ratio by "wall" or "cpu"."""


def first(place: Place, peer: Peer, source: Path, *, keep: bool) -> Work:
    """Mirror to an empty directory. ``keep``: the copy stays until the end."""

    def work() -> Cost:
        target, memory = place.empty("target"), place.empty("memory")
        place.settle()
        fill()
        words = peer.command(source, target, memory)
        cost = spend(words, env=peer.environment(memory), codes=peer.codes)
        if not keep:
            remove(target)
        return cost

    return work


def again(place: Place, peer: Peer, source: Path, target: Path) -> Work:
    """Mirror to where everything is already. What the peer remembers is what its own first run
    left; mirrorfs has no journal here, so it compares everything."""
    memory = place.empty("memory")
    words = peer.command(source, target, memory)
    spend(words, env=peer.environment(memory), codes=peer.codes)

    def work() -> Cost:
        place.settle()
        return spend(words, env=peer.environment(memory), codes=peer.codes)

    return work


def contest(
    answer: Answer, place: Place, works: Mapping[str, Work], rounds: int, shape: str
) -> dict[str, list[Cost]]:
    """Run them in turn and note their medians; those that cannot do it are named, and left out."""
    unable: dict[str, str] = {}

    def tried(name: str, work: Work) -> Cost:
        try:
            return work()
        except Failed as error:
            unable[name] = str(error)
            return Cost(0, 0)

    costs = interleaved({name: partial(tried, name, work) for name, work in works.items()}, rounds)
    answer.notes += [f"{name} on {shape}, {place.name}: {why}" for name, why in unable.items()]
    costs = {name: found for name, found in costs.items() if name not in unable}
    for name, found in costs.items():
        answer.add(name, f"{shape}: wall", place.name, "s", [cost.wall for cost in found])
        answer.add(name, f"{shape}: CPU", place.name, "s", [cost.cpu for cost in found])
    return costs


def compared(
    answer: Answer, place: Place, costs: Mapping[str, list[Cost]], bars: Bars, shape: str
) -> None:
    """The ratios that have a bar, or stand beside one."""
    for (ours, theirs), wanted in bars.items():
        if ours not in costs or theirs not in costs:
            continue
        for what, label in (("cpu", "CPU"), ("wall", "wall")):
            pairs = tuple([getattr(cost, what) for cost in costs[name]] for name in (ours, theirs))
            names = (ours, theirs)
            answer.compare(names, f"{shape}: {label}", place.name, pairs, wanted.get(what))


def counted(
    answer: Answer, place: Place, peer: Peer, words: list[str], memory: Path, files: int
) -> None:
    """System calls for each file, in a run of their own."""
    found = calls(words, env=peer.environment(memory))
    answer.add(
        peer.name, "system calls per file", place.name, "calls", [sum(found.values()) / files]
    )


def remembered(
    answer: Answer,
    place: Place,
    peer: Peer,
    words: list[str],
    memory: Path,
    what: str,
    rounds: int,
    bar: float | None = None,
) -> None:
    """The most memory that a run held."""
    env = peer.environment(memory)
    most = [peak(words, env=env, codes=peer.codes) / 1e6 for _ in range(min(rounds, 3))]
    answer.add(peer.name, what, place.name, "MB", most, bar)
