"""1. The first sync: an empty destination, many small files; and trees of other shapes beside."""

from functools import partial

from benchmarks import trees
from benchmarks.answer import Answer
from benchmarks.contest import Bars, compared, contest, counted, first
from benchmarks.peers import ONCE, installed
from benchmarks.places import Place
from benchmarks.scale import Scale

TITLE = "First sync of many small files"
BARS: Bars = {
    ("mirrorfs -a", "rsync -a"): {"cpu": 0.5, "wall": 0.7},
    ("mirrorfs, as rsync -a", "rsync -a"): {"cpu": 0.5, "wall": 0.7},
    ("mirrorfs", "rclone"): {"cpu": 0.3},
    ("mirrorfs -a", "cp -a"): {"cpu": 1.1, "wall": 1.0},
    ("mirrorfs -a", "rsync -aHAX"): {},
}
NAMES = [
    "mirrorfs -a",
    "mirrorfs, as rsync -a",
    "mirrorfs",
    "rsync -a",
    "rsync -aHAX",
    "cp -a",
    "rclone",
]
SPACE = 8192  # bytes that a small file takes, with its inode and name
FEW = ["mirrorfs -a", "mirrorfs, as rsync -a", "rsync -a", "cp -a"]
BESIDE: Bars = {("mirrorfs -a", "rsync -a"): {}, ("mirrorfs -a", "cp -a"): {}}


def ask(scale: Scale, places: dict[str, Place]) -> Answer:
    answer = Answer(1, TITLE, f"{scale.small:,} files of 4 KiB")
    peers, lost = installed(ONCE, NAMES)
    answer.notes += lost
    for place in places.values():
        if place.keeps and not scale.whole:
            peers = [peer for peer in peers if peer.name in FEW]
            answer.notes.append(f"{place.name}: {', '.join(FEW)} only, at this scale")
        source = place.tree("small", partial(trees.many, files=scale.small))
        rounds = _rounds(answer, scale, place, len(peers))
        works = {peer.name: first(place, peer, source, keep=place.keeps) for peer in peers}
        costs = contest(answer, place, works, rounds, "small files")
        compared(answer, place, costs, BARS, "small files")
    few, _ = installed(ONCE, FEW)
    for shape, make in shapes(scale).items():
        for place in list(places.values())[: None if scale.whole else 1]:
            source = place.tree(shape, make)
            works = {peer.name: first(place, peer, source, keep=place.keeps) for peer in few}
            costs = contest(answer, place, works, min(scale.rounds, 3), shape)
            compared(answer, place, costs, BESIDE, shape)
    place = next(iter(places.values()))
    files = scale.counted
    source = place.tree("counted", partial(trees.many, files=files))
    for peer in installed(ONCE, NAMES)[0]:
        memory = place.empty("memory")
        words = peer.command(source, place.empty("target"), memory)
        counted(answer, place, peer, words, memory, files)
    return answer


def shapes(scale: Scale) -> dict[str, trees.Make]:
    known: dict[str, trees.Make] = {
        "few large": partial(trees.large, files=4, size=scale.large),
        "deep": partial(trees.deep, files=scale.shaped),
        "wide": partial(trees.wide, files=scale.shaped),
        "real": trees.real,
    }
    return {shape: known[shape] for shape in scale.shapes}


def _rounds(answer: Answer, scale: Scale, place: Place, peers: int) -> int:
    """As many as there is space for, where copies stay until the end."""
    room = (
        int(place.free() * 0.6) // (scale.small * SPACE * peers) - 1
        if place.keeps
        else scale.rounds
    )
    if room < scale.rounds:
        answer.notes.append(f"{place.name}: space for {max(room, 1)} rounds only")
    return max(1, min(scale.rounds, room))
