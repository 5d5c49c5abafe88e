"""Two processes that mirror one source: the second follows what the first writes down, and watches
when the first has ended, however that was.
"""

import json
import shutil
from pathlib import Path

from live.conftest import Places
from live.test_several import fill, without
from support.process import until
from support.serving import Serving, target


def test_the_second_follows_and_takes_over(places: Places, tmp_path: Path) -> None:
    source, one, state = places
    other = tmp_path / "other"
    fill(source)
    with (
        Serving(source, [target(one)], state, backend="inotify") as first,
        Serving(source, [target(other)], state, backend="inotify", begins=False) as second,
    ):
        first.mirrors(one)
        second.start()
        second.mirrors(other)
        assert "what it writes down is followed" in second.said.read_text()
        assert second.watches() < 5 < first.watches()
        (source / "d1" / "new").write_text("new")
        assert second.ask(other, "wait", seconds=60)["complete"]
        assert (other / "d1" / "new").read_text() == "new"
        first.mirrors(one)
        first.kill()
        (source / "d2" / "nobody watched").write_text("then")
        until(lambda: second.watches() > 5, "it watches by itself")
        second.mirrors(other)
        (source / "d3" / "later").write_text("later")
        assert second.ask(other, "wait", seconds=60)["complete"]
        second.mirrors(other)
        first.start()
        first.mirrors(one)
        assert first.watches() < 5
        shutil.rmtree(source / "d4")
        first.mirrors(one)
        second.mirrors(other)
        assert second.stop() == 0
        until(lambda: first.watches() > 5, "it watches again")
        (source / "last").write_text("last")
        first.mirrors(one)
        assert first.stop() == 0


def test_a_barrier_outlives_the_one_who_was_asked(places: Places, tmp_path: Path) -> None:
    """The first is stopped, so it answers nothing, and then killed: the second answers."""
    source, one, state = places
    other = tmp_path / "other"
    fill(source, 20)
    with (
        Serving(source, [target(one)], state) as first,
        Serving(source, [target(other)], state, begins=False) as second,
    ):
        first.mirrors(one)
        second.start()
        second.mirrors(other)
        first.freeze()
        (source / "new").write_text("new")
        with second.asking(other, "wait") as asked:
            until(lambda: list(state.glob("sources/*/cookies/*")), "the barrier is laid")
            first.kill()
            answer = json.loads(asked.readline())
        assert answer["complete"], answer
        assert (other / "new").read_text() == "new"
        assert second.stop() == 0


def test_who_needs_more_than_is_watched_is_refused(places: Places, tmp_path: Path) -> None:
    source, one, state = places
    fill(source, 20)
    with (
        Serving(source, [target(one, filter=without("/d1/**"))], state) as first,
        Serving(source, [target(tmp_path / "other")], state, begins=False) as second,
    ):
        first.reaches(one, "in sync")
        second.start()
        assert second.over() == 70
        assert "leaves out directories that are to be mirrored here" in second.said.read_text()
        assert first.stop() == 0
