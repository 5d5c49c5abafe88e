"""A watcher that is killed is continued by the next one: whatever changed is told of."""

import os
import pickle
import random
import shutil
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from support.mutator import Mutator
from support.process import until
from support.queues import short_queue
from watch.conftest import Seen, walk

from mirrorfs.core.change import Change, Cookie, Dirty, Epoch, Gap, Moved, Ready
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Identity, is_within
from mirrorfs.service.fdstore import Onward
from mirrorfs.watch import Watcher
from mirrorfs.watch.inotify import Inotify
from mirrorfs.watch.kept import SIZE, Flight, NotContinued, take
from mirrorfs.watch.session import Session

ROUNDS = 9

both = pytest.mark.backends("inotify", "fanotify")


class Store:
    """Keeps descriptors as a service manager does: in another process, which outlives the watcher.

    Used on both sides of a fork: the watcher sends, the test receives.
    """

    claim = "the same"

    def __init__(self) -> None:
        self.here, self._there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.kept: dict[str, int] = {}

    def take(self) -> dict[str, int]:
        return {name: os.dup(descriptor) for name, descriptor in self.kept.items()}

    def keep(self, descriptors: dict[str, int]) -> None:
        socket.send_fds(self._there, [" ".join(descriptors).encode()], descriptors.values())

    def receive(self) -> None:
        """Take over what was sent."""
        self.here.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                names, descriptors, _, _ = socket.recv_fds(self.here, 100, 2)
                self.close()
                self.kept = dict(zip(names.decode().split(), descriptors, strict=True))

    def close(self) -> None:
        for descriptor in self.kept.values():
            os.close(descriptor)
        self.kept = {}


class Killable:
    """A watcher in a process of its own, whose journal is a file."""

    def __init__(self, base: Path, backend: str) -> None:
        self.root, self.cookies = base / "source", base / "cookies"
        self._backend = backend
        self.root.mkdir()
        self.cookies.mkdir()
        self._journal = base / "journal"
        self._journal.touch()
        self._read = 0
        self._pid = 0
        self.dies_at = 0  # before it writes its n-th record
        self.store = Store()

    def begin(self) -> list[Change]:
        """The first one, until it can be continued; what was recorded."""
        self.start()
        seen: list[Change] = []

        def ready() -> bool:
            seen.extend(self.news())
            return Ready() in seen

        until(ready, "everything to be watched")
        return seen + self.until_now()

    def start(self) -> None:
        self.store.receive()
        self._pid = os.fork()
        if self._pid:
            return
        try:
            log = os.open(self._journal, os.O_WRONLY | os.O_APPEND)

            count = iter(range(1, 1 << 30))

            def emit(changes: list[Change]) -> None:
                if next(count) == self.dies_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                data = pickle.dumps(changes)
                os.write(log, len(data).to_bytes(4) + data)

            watcher = Watcher(
                str(self.root),
                emit,
                cookie_directory=str(self.cookies),
                identity=lambda: Identity("test", "test", 1, 0),
                keeper=self.store,
                backend=self._backend,
            )
            watcher.start()
            signal.pause()
        finally:
            os._exit(1)

    def kill(self) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._pid = 0

    def is_dead(self) -> bool:
        """Whether it died by itself."""
        if os.waitpid(self._pid, os.WNOHANG)[0]:
            self._pid = 0
        return not self._pid

    def news(self) -> list[Change]:
        """What was recorded since the last call."""
        changes: list[Change] = []
        with open(self._journal, "rb") as file:
            file.seek(self._read)
            while len(size := file.read(4)) == 4:
                data = file.read(int.from_bytes(size))
                if len(data) < int.from_bytes(size):
                    break  # being written, or torn by a kill
                changes += pickle.loads(data)
                self._read = file.tell()
        return changes

    def mend(self) -> None:
        """Cut off what a kill tore, as who opens a journal does."""
        os.truncate(self._journal, self._read)

    def until_now(self) -> list[Change]:
        """All that was recorded up to a barrier."""
        nonce = f"{random.getrandbits(64):x}"
        (self.cookies / nonce).touch()
        seen: list[Change] = []

        def passed() -> bool:
            seen.extend(self.news())
            return Cookie(nonce) in seen

        until(passed, "a barrier")
        (self.cookies / nonce).unlink()
        return seen


@pytest.fixture
def killable(tmp_path: Path, backend: str) -> Iterator[Killable]:
    made = Killable(tmp_path, backend)
    yield made
    made.kill()
    made.store.receive()
    made.store.close()
    made.store.here.close()
    made.store._there.close()


def untold(before: dict[str, Seen], after: dict[str, Seen], changes: list[Change]) -> list[str]:
    """Paths that differ and that no record covers; a directory that came or went stands for all
    below it."""
    scope = Scope()
    for change in changes:
        match change:
            case Dirty(path, recursive):
                scope.add(path, recursive=recursive)
            case Gap(path, _):
                scope.add(path, recursive=True)
            case Moved(origin, path):
                scope.add(origin, recursive=True)
                scope.add(path, recursive=True)
    differ = (path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
    return [
        path
        for path in differ
        if not scope.covers(path)
        and not any(
            scope.covers(above) and not (_is_directory(before, above, after))
            for above in _above(path)
        )
    ]


def _above(path: str) -> list[str]:
    names = path.split("/")
    return ["/".join(names[:end]) for end in range(1, len(names))]


def _is_directory(before: dict[str, Seen], path: str, after: dict[str, Seen]) -> bool:
    """Whether there was a directory at the path at both times, be it the same or not."""
    return all(path in state and stat.S_ISDIR(state[path][0]) for state in (before, after))


def _near(change: Change, path: str) -> bool:
    """Whether it may have to do with the path."""
    paths = [getattr(change, name) for name in ("path", "origin") if hasattr(change, name)]
    return not paths or any(is_within(path, of) or is_within(of, path) for of in paths)


def rounds(killable: Killable, seed: int, count: int) -> list[Change]:
    """Changes, a kill among them, changes without a watcher, and one that continues; the tree at
    rest is compared with what was told. All that was recorded but for what names a path."""
    print(f"seed {seed}")
    rng = random.Random(seed)
    mutator = Mutator(str(killable.root), seed)
    # What is written through a name that is gone again shows under another one: the syncer's part.
    mutator._kinds = [kind for kind in mutator._kinds if kind.__name__ != "link"]
    mutator.run(300)
    rest = killable.begin()
    before = walk(str(killable.root))
    for _ in range(count):
        changes: list[Change] = []
        mutator.run(rng.randrange(200))
        killable.kill()
        changes += killable.news()
        killable.mend()
        mutator.run(rng.choice((0, 1, 5, 50, 200)))
        at_work = threading.Thread(target=mutator.run, args=(rng.choice((0, 20, 200)),))
        killable.start()  # forks before the thread begins: only one may live in a forked process
        at_work.start()
        at_work.join()
        changes += killable.until_now()
        after = walk(str(killable.root))
        missing = untold(before, after, changes)
        for path in missing[:2]:
            print(path, before.get(path), after.get(path))
            print(*(change for change in changes if _near(change, path)), sep="\n")
        assert missing == []
        before = after
        rest += [change for change in changes if not isinstance(change, Dirty | Moved | Cookie)]
    return rest


@both
def test_killed_while_everything_changes_nothing_is_untold(killable: Killable) -> None:
    rest = rounds(killable, random.randrange(2**31), ROUNDS)
    epochs = [change for change in rest if isinstance(change, Epoch)]
    assert [epoch.continued for epoch in epochs] == [False] + [True] * ROUNDS
    assert rest.count(Ready()) == 1
    assert [change for change in rest if isinstance(change, Gap) and not change.path] == []


@both
def test_what_took_a_name_while_nobody_was_there_is_looked_at_whole(killable: Killable) -> None:
    """The map is made of what is there now; the queue tells how it came to be."""
    for name in ("a", "b", "gone"):
        (killable.root / name / "deep").mkdir(parents=True)
        (killable.root / name / "deep" / f"in {name}").touch()
    killable.begin()
    before = walk(str(killable.root))
    killable.kill()
    killable.news()
    shutil.rmtree(killable.root / "b")
    (killable.root / "a").rename(killable.root / "b")
    shutil.rmtree(killable.root / "gone")
    (killable.root / "gone" / "new").mkdir(parents=True)
    (killable.root / "gone" / "new" / "file").touch()
    killable.start()
    changes = killable.until_now()
    assert untold(before, walk(str(killable.root)), changes) == []
    assert [change.path for change in changes if isinstance(change, Gap)] == []


@both
def test_killed_with_changes_in_its_hands_it_loses_none(killable: Killable) -> None:
    """It has read them, and dies before they stand in the journal."""
    mutator = Mutator(str(killable.root), 1)
    mutator._kinds = [kind for kind in mutator._kinds if kind.__name__ != "link"]
    killable.begin()
    before = walk(str(killable.root))
    for record in range(1, 7):
        killable.kill()
        changes = killable.news()
        killable.dies_at = record
        killable.start()
        until(lambda: mutator.run(5) or killable.is_dead(), "its death")
        killable.dies_at = 0
        killable.start()
        changes += killable.until_now()
        after = walk(str(killable.root))
        assert untold(before, after, changes) == []
        assert not any(isinstance(change, Gap) for change in changes)
        before = after


@both
@pytest.mark.root
def test_a_queue_that_was_too_short_while_nobody_read_is_a_gap(
    killable: Killable, backend: str
) -> None:
    with short_queue(backend):
        killable.begin()
    killable.kill()
    killable.news()
    for number in range(100):
        (killable.root / str(number)).touch()
    killable.start()
    changes = killable.until_now()
    assert [change.continued for change in changes if isinstance(change, Epoch)] == [True]
    # Once or more: with fanotify what others do on the file system fills the queue, too.
    assert {change.path for change in changes if isinstance(change, Gap)} == {""}


@both
def test_a_barrier_that_is_found_waits_for_what_is_queued(
    tmp_path: Path, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was laid after changes that are not read yet."""
    root, cookies = tmp_path / "source", tmp_path / "cookies"
    root.mkdir()
    cookies.mkdir()
    keeper = Onward().of(str(tmp_path))
    told: list[Change] = []
    options: dict[str, Any] = {"identity": lambda: Identity("test", "test", 1, 0)}
    options |= {"cookie_directory": str(cookies), "keeper": keeper, "backend": backend}
    find = Session._find_cookies

    def just_before(session: Session) -> None:
        (root / "changed").touch()
        (cookies / "laid").touch()
        find(session)

    with Watcher(str(root), told.extend, **options) as watcher:
        until(watcher.ready.is_set, "the first one to be ready")
    monkeypatch.setattr(Session, "_find_cookies", just_before)
    told.clear()
    with Watcher(str(root), told.extend, **options):
        until(lambda: Cookie("laid") in told, "the barrier")
        before = told[: told.index(Cookie("laid"))]
    assert Dirty("changed") in before
    keeper.let_go()


CLAIM = {"another boot": "boot", "another source": "source"}


def flight(root: int = 1) -> Flight:
    made = Flight.new(CLAIM, root)
    made.continues(True)
    return made


def test_the_memory_outlives_who_wrote_it(tmp_path: Path) -> None:
    inotify, watched = Inotify(), tmp_path / "watched"
    watched.mkdir()
    descriptor = os.open(watched, os.O_RDONLY)
    wd = inotify.watch(descriptor)
    made = flight(wd)
    (watched / "one").touch()
    one = made.read(inotify.fd)
    (watched / "two").touch()
    two = made.read(inotify.fd)
    assert one and two

    def next_one() -> Flight:
        return Flight.left(os.dup(made.fd), CLAIM, "inotify")

    with closing(next_one()) as left:
        assert left.events() == one + two, "whoever read it may not have lived to count it"
        assert (left.root, left.settled, left.waiting()) == (wd, 0, [])
    for names in ([], [(7, b"a"), (8, b"b" * 255)], [(9, b"\xff")]):
        made.landed(names, [(5, b"")], 3)
        with closing(next_one()) as left:
            assert (left.events(), left.settled) == (b"", 3)
            assert left.waiting() == [*((*key, False) for key in names), (5, b"", True)]
    made.landed([(n, b"x" * 200) for n in range(1000)], [], None)
    with closing(next_one()) as left:
        assert left.waiting() is None, "too many to say"
    made.continues(False)
    with pytest.raises(NotContinued, match="had not watched everything"):
        Flight.left(made.fd, CLAIM, "inotify")
    made.continues(True)
    with pytest.raises(NotContinued, match="another source"):
        Flight.left(made.fd, {**CLAIM, "another source": "other"}, "inotify")
    made.close()
    os.close(descriptor)
    inotify.close()


def test_what_is_not_ours_is_let_go_of(tmp_path: Path) -> None:
    assert take(Given({}), CLAIM) is None
    with open(tmp_path / "file", "w+b") as file:
        for kind in ("inotify", "fanotify"):
            for size in (0, SIZE):
                file.truncate(size)
                before = len(os.listdir("/proc/self/fd"))
                keeper = Given({kind: os.dup(file.fileno()), "flight": os.dup(file.fileno())})
                with pytest.raises(NotContinued, match="not known"):
                    take(keeper, CLAIM)
                assert len(os.listdir("/proc/self/fd")) == before


class Given:
    """A keeper that has what it is given."""

    claim = ""

    def __init__(self, descriptors: dict[str, int]) -> None:
        self._descriptors = descriptors

    def take(self) -> dict[str, int]:
        return self._descriptors

    def keep(self, descriptors: dict[str, int]) -> None:
        raise AssertionError(descriptors)


@both
@pytest.mark.torture
def test_killed_a_thousand_times(killable: Killable) -> None:
    rest = rounds(killable, random.randrange(2**31), 1000)
    epochs = [change for change in rest if isinstance(change, Epoch)]
    lost = [epoch for epoch in epochs if not epoch.continued]
    gaps = [change for change in rest if isinstance(change, Gap) and not change.path]
    print(f"{len(epochs)} epochs, {len(lost)} not continued, {len(gaps)} gaps of the whole")
    assert len(lost) == 1 and len(gaps) <= 20
