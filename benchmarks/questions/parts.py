"""8. The parts by themselves: the journal, the watcher, the view."""

from benchmarks.answer import Answer
from benchmarks.parts import journal, view, watcher
from benchmarks.places import Place
from benchmarks.scale import Scale

TITLE = "Journal, watcher and view"


def ask(scale: Scale, places: dict[str, Place]) -> Answer:
    answer = Answer(8, TITLE, f"{scale.records:,} records, {scale.seen:,} files in the view")
    for place in places.values():
        journal.measure(answer, place, scale.records, scale.rounds)
    place = next(iter(places.values()))
    watcher.measure(answer, place, scale.watched // 5, scale.storm, scale.rounds)
    view.measure(answer, place, scale.seen, scale.large, scale.rounds)
    return answer
