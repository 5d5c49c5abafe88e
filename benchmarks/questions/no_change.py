"""2. A full comparison that finds nothing: what a mirror costs when there is no journal to ask."""

from functools import partial

from benchmarks import trees
from benchmarks.answer import Answer
from benchmarks.contest import Bars, again, compared, contest, counted, remembered
from benchmarks.measure import spend
from benchmarks.peers import ONCE, installed
from benchmarks.places import Place
from benchmarks.questions.first_sync import shapes
from benchmarks.scale import Scale

TITLE = "Full comparison without a difference"
BARS: Bars = {
    ("mirrorfs -a", "rsync -a"): {"wall": 0.5},
    ("mirrorfs, as rsync -a", "rsync -a"): {"wall": 0.5},
    ("mirrorfs", "rclone"): {"wall": 0.25},
    ("mirrorfs -a", "rsync -aHAX"): {},
    ("mirrorfs -a", "floor: find, both trees"): {},
}
BESIDE: Bars = {("mirrorfs -a", "rsync -a"): {}}
MEMORY = 100.0  # MB at 1,000,000 files


def ask(scale: Scale, places: dict[str, Place]) -> Answer:
    answer = Answer(2, TITLE, f"{scale.small:,} files")
    peers, lost = installed(
        ONCE,
        [
            "mirrorfs -a",
            "mirrorfs, as rsync -a",
            "mirrorfs",
            "rsync -a",
            "rsync -aHAX",
            "rclone",
            "unison",
            "floor: find, both trees",
        ],
    )
    answer.notes += lost
    for place in places.values():
        source = place.tree("small", partial(trees.many, files=scale.small))
        target = place.empty("target")
        trees.copied(source, target)
        works = {peer.name: again(place, peer, source, target) for peer in peers}
        costs = contest(answer, place, works, scale.rounds, "small files")
        compared(answer, place, costs, BARS, "small files")
    few, _ = installed(ONCE, ["mirrorfs -a", "rsync -a"])
    place = next(iter(places.values()))
    for shape, make in shapes(scale).items():
        source, target = place.tree(shape, make), place.empty("target")
        trees.copied(source, target)
        works = {peer.name: again(place, peer, source, target) for peer in few}
        costs = contest(answer, place, works, min(scale.rounds, 3), shape)
        compared(answer, place, costs, BESIDE, shape)
    files = scale.counted
    source, target = place.tree("counted", partial(trees.many, files=files)), place.empty("target")
    spend(["cp", "-a", f"{source}/.", target])
    for peer in peers:
        memory = place.empty("memory")
        words = peer.command(source, target, memory)
        spend(words, env=peer.environment(memory), codes=peer.codes)
        counted(answer, place, peer, words, memory, files)
    million, target = place.million(scale.million)
    for peer in peers:
        if peer.name in ("unison", "floor: find, both trees"):
            continue  # one would have to make its archive first, the other compares nothing
        memory = place.empty("memory")
        words = peer.command(million, target, memory)
        what = f"memory at {scale.million:,} files"
        bar = MEMORY if peer.name.startswith("mirrorfs") and scale.whole else None
        remembered(answer, place, peer, words, memory, what, scale.rounds, bar)
    return answer
