"""What a mirror does, in forks that can be judged: a sync, a replay, a run with its watcher."""

import os
import signal
import socket
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from crash.states import become, leftovers, temporaries_of_state
from support.following import Following
from support.forked import call
from support.inject import Call, changes
from support.portrait import portrait, unlike
from support.process import until

from mirrorfs.cli import main
from mirrorfs.mirror.noticing import Noticing


def spread(calls: list[Call], most: int) -> list[int]:
    """Numbers of calls that change something, all kinds of calls and places among them."""
    kinds: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, each in enumerate(filter(changes, calls), 1):
        where = ("state" if "/state/" in path else ".mirrorfs-" in path for path in each.paths)
        kinds[each.name, *map(str, where)].append(number)
    picked: list[int] = []
    queues = [sorted(numbers, key=lambda n: n * 7919 % 101) for numbers in kinds.values()]
    while any(queues) and len(picked) < most:
        picked += [queue.pop() for queue in queues if queue]
    return sorted(picked[:most])


def words(source: Path, room: Path, *flags: str) -> list[str]:
    places = (str(source), str(room / "mirror"), "--state-dir", str(room / "state"))
    return ["sync", "-a", *flags, *places]


def check_ended(source: Path, room: Path) -> None:
    """The next run ends the work."""
    done = call(words(source, room), room)
    assert done.code == 0 and "ERROR" not in done.err, done.err
    seen = portrait(room / "mirror")
    assert unlike(portrait(source), seen) == [], done.err
    assert not leftovers(seen)
    assert temporaries_of_state(room / "state") == []


def follow(source: Path, room: Path, turn: Callable[[], bool], backend: str = "auto") -> int:
    """What `run` does, without its pauses: watch, compare, then cycle after cycle for as long as
    ``turn`` changes the source. 0 when everything is as it should be, else what is not is told."""
    with Following(
        source, room / "mirror", room / "state", noticing=Noticing(backend)
    ) as following:
        follower, recorder = following.follower, following.recorder
        follower.vouch()
        while turn():
            if not following.answers():
                print(f"Failed: nobody watches {source}")
                return 1
            while follower.cycle() is not None:
                pass
            follower.vouch()
            recorder.retain()
        for path, owed in follower.owed.items():
            print(f"Failed: {path or room}: {owed}")
        for path, why in (unwatched := recorder.watcher.status().failures):
            print(f"Failed: {path or room} is not watched: {why}")
        return 1 if follower.owed or unwatched else 0


@contextmanager
def watched(source: Path, room: Path) -> Iterator[None]:
    """`watch`, in a fork: everything that changes inside is in the journal."""
    log = room / "watch.log"
    said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    child = os.fork()
    if child == 0:
        try:
            os.dup2(said, 1)
            os.dup2(said, 2)
            sys.stdout, sys.stderr = (open(to, "w", closefd=False) for to in (1, 2))  # noqa: SIM115
            os._exit(main(["watch", str(source), "--state-dir", str(room / "state")]))
        finally:
            os._exit(70)
    os.close(said)
    try:
        until(lambda: b"NOTICE: watching" in log.read_bytes(), f"watching, see {log}")
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


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
