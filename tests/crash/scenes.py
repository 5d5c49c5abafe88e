"""What a mirror does, in forks that can be judged: a sync, a replay, a run with its watcher."""

import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from crash.states import become, leftovers, temporaries_of_state
from support.forked import call
from support.portrait import portrait, unlike

from journal import Reader
from mirrorfs.core.filter import EVERYTHING
from mirrorfs.core.options import Options, archive
from mirrorfs.follow import Follower
from mirrorfs.mirror import Mirror
from mirrorfs.record import Recorder
from mirrorfs.replay import watcher_answers
from mirrorfs.state import State
from mirrorfs.sync import Settings


def words(source: Path, room: Path, *flags: str) -> list[str]:
    places = (str(source), str(room / "mirror"), "--state-dir", str(room / "state"))
    return ["sync", "-a", *flags, *places]


def check_ended(source: Path, room: Path) -> None:
    """The next run ends the work."""
    done = call(words(source, room), room)
    assert done.code == 0 and "ERROR" not in done.err, done.err
    seen = portrait(room / "mirror")
    assert unlike(portrait(source), seen) == []
    assert not leftovers(seen)
    assert temporaries_of_state(room / "state") == []


def follow(source: Path, room: Path, turn: Callable[[], bool]) -> int:
    """What `run` does, without its pauses: watch, compare, then cycle after cycle for as long as
    ``turn`` changes the source."""
    state, names = State(str(room / "state")), (str(source), str(room / "mirror"))
    journal, cookies = Reader(state.journal(names[0])), state.cookies(names[0])
    kept, settings = archive(Options()), Settings(partial_suffix=".partial")
    with (
        Mirror(*names, options=kept, filter=EVERYTHING, settings=settings, state=state) as mirror,
        Recorder(names[0], state=state, filter=EVERYTHING) as recorder,
    ):
        assert recorder.watcher.ready.wait(60)
        follower = Follower(mirror)
        follower.start()
        while turn():
            assert watcher_answers(journal, cookies)
            follower.cycle()
            follower.vouch()
            recorder.retain()
    return 0


class Turns:
    """Another process, which nobody judges, changes the source whenever it is asked to; a context
    manager that ends it once it is done with what it does."""

    def __init__(self, source: Path, models: Sequence[Path]) -> None:
        self._ours, theirs = socket.socketpair()
        self._left = len(models)
        self._child = os.fork()
        if self._child == 0:
            try:
                self._ours.close()
                for model in models:
                    if theirs.recv(1):
                        become(source, model)
                        theirs.send(b".")
            finally:
                os._exit(0)
        theirs.close()

    def __call__(self) -> bool:
        if not self._left:
            return False
        self._left -= 1
        self._ours.send(b".")
        return self._ours.recv(1) == b"."

    def __enter__(self) -> "Turns":
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.close()
        os.waitpid(self._child, 0)
