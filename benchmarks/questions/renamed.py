"""5. A directory that holds many files is renamed: how soon the destination shows it whole."""

import os
from functools import partial
from pathlib import Path

from benchmarks import trees
from benchmarks.answer import Answer
from benchmarks.live import Gone, answers, begin, caught_up, eyes, serving, until
from benchmarks.measure import spend
from benchmarks.peers import LIVE, Peer, installed
from benchmarks.places import Place, remove
from benchmarks.scale import Scale

TITLE = "A directory renamed"
BAR = 100.0  # ms
START = 600.0
MOST = 20  # rounds; a peer that copies everything anew gets three


def ask(scale: Scale, places: dict[str, Place]) -> Answer:
    answer = Answer(5, TITLE, f"{scale.renamed:,} files in it")
    place = next(iter(places.values()))
    peers, lost = installed(LIVE, ["mirrorfs run", "lsyncd, delay 0", "inotifywait + rsync"])
    answer.notes += lost
    for peer in peers:
        ours = peer.name == "mirrorfs run"
        taken = _taken(answer, place, peer, scale, min(scale.repeats, MOST if ours else 3))
        if taken:
            bar = BAR if ours else None
            answer.add(peer.name, "rename to mirrored", place.name, "ms", taken, bar)
    return answer


def _taken(answer: Answer, place: Place, peer: Peer, scale: Scale, rounds: int) -> list[float]:
    """Milliseconds of each round: the new name is there with all that is in it, the old is gone."""
    source, target, memory = place.empty("source"), place.empty("target"), place.empty("memory")
    trees.many(source / "0", scale.renamed, size=100)
    spend(["cp", "-a", f"{source}/.", target])
    inside = trees.count(source / "0")
    patience = scale.patience + scale.renamed / 1000
    found: list[float] = []
    words = peer.command(source, target, memory)
    with serving(words, place.fresh("rename.log")), eyes(target) as at:
        try:
            begin(source, target, START)
            for number in range(rounds):
                old, new = str(number), str(number + 1)
                moved = partial(_moved, target / old, target / new, inside)
                if peer.name == "mirrorfs run":
                    until(partial(answers, memory), START)
                    caught_up(memory, START)
                    os.rename(source / old, source / new)
                    found.append(at.until(moved, patience))
                else:  # it fills the directory file by file, of which the one above hears nothing
                    os.rename(source / old, source / new)
                    found.append(until(moved, patience))
        except Gone as error:
            answer.notes.append(f"{peer.name}: {error}")
    remove(source)
    remove(target)
    return [seconds * 1000 for seconds in found]


def _moved(old: Path, new: Path, inside: int) -> bool:
    """Counted only where the names are as they should be."""
    return new.exists() and not old.exists() and trees.count(new) == inside
