"""A mirror that knows only what it was told to look at, and a watcher to tell it."""

import os
import stat
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from mirrorfs.core.change import Change, Cookie, Dirty, Epoch, Gap, Moved, Ready, decode, encode
from mirrorfs.core.tree import Identity, is_within, join
from mirrorfs.watch import Watcher

Seen = tuple[int, ...]

DEADLINE = 30.0


def look(root: str, path: str) -> Seen | None:
    """What one lstat shows; a directory's times and size are those of its names, and left out."""
    try:
        found = os.lstat(join(root, path) if path else root)
    except OSError:
        return None  # not there, or its path is too long for one call
    if stat.S_ISDIR(found.st_mode):
        return (found.st_mode, found.st_ino)
    return (found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns)


def walk(root: str, path: str = "") -> dict[str, Seen]:
    """Everything at and below ``path``; what goes away meanwhile is left out."""
    seen = look(root, path)
    if seen is None:
        return {}
    state = {path: seen}
    if stat.S_ISDIR(seen[0]):
        try:
            names = os.listdir(join(root, path) if path else root)
        except OSError:
            names = []
        for name in names:
            state |= walk(root, join(path, name))
    return state


class Mirror:
    """The state known by looking where the records say, at once, in the watcher's thread."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.state: dict[str, Seen] = {}
        self.log: list[Change] = []
        self.stall: Callable[[list[Change]], None] | None = None
        self.news = threading.Condition()

    def emit(self, changes: list[Change]) -> None:
        if self.stall is not None:
            self.stall(changes)
        with self.news:
            for change in changes:
                self.take(change)
            self.log += changes
            self.news.notify_all()

    def take(self, change: Change) -> None:
        assert decode(encode(change)) == change
        match change:
            case Dirty(path, recursive):
                self.look(path, recursive)
            case Moved(origin, path):
                self.look(origin, True)
                self.look(path, True)
            case Gap(path, _):
                self.look(path, True)
            case Ready() | Epoch(continued=False):
                self.look("", True)

    def look(self, path: str, recursive: bool) -> None:
        seen = look(self.root, path)
        if recursive or seen is None or not stat.S_ISDIR(seen[0]):
            for known in [known for known in self.state if is_within(known, path)]:
                del self.state[known]
            self.state |= walk(self.root, path)
        else:
            self.state[path] = seen

    def wait(self, wanted: Callable[[list[Change]], bool], deadline: float = DEADLINE) -> None:
        """Until the log so far satisfies ``wanted``."""
        with self.news:
            if not self.news.wait_for(lambda: wanted(self.log), deadline):
                pytest.fail(f"not reported; the last were {self.log[-20:]}")


class Watched:
    """A tree, its watcher and its mirror."""

    def __init__(self, root: Path, cookies: Path, watcher: Watcher, mirror: Mirror) -> None:
        self.root = root
        self.cookies = cookies
        self.watcher = watcher
        self.mirror = mirror

    @property
    def log(self) -> list[Change]:
        return self.mirror.log

    def barrier(self) -> list[Change]:
        """Everything done until now is reported; what was reported since the barrier before."""
        nonce = uuid.uuid4().hex
        cookie = self.cookies / nonce
        cookie.touch()
        self.mirror.wait(lambda log: Cookie(nonce) in log)
        cookie.unlink()
        end = self.log.index(Cookie(nonce))
        before = [n for n in range(end) if isinstance(self.log[n], Cookie | Ready)]
        return self.log[before[-1] + 1 if before else 0 : end]

    def wait(self, *wanted: Change) -> None:
        """Until each of these was reported."""
        self.mirror.wait(lambda log: all(change in log for change in wanted))

    def gapped(self, path: str, *words: str) -> None:
        """Until a gap at ``path`` was reported whose reason has any of ``words``."""
        self.mirror.wait(
            lambda log: any(
                isinstance(change, Gap)
                and change.path == path
                and any(word in change.reason for word in words)
                for change in log
            )
        )

    def assert_complete(self) -> None:
        """After a barrier nothing may differ between the tree and what the records led to."""
        self.barrier()
        with self.mirror.news:
            known = dict(self.mirror.state)
        real = walk(str(self.root))
        wrong = {path for path in real.keys() | known.keys() if real.get(path) != known.get(path)}
        shown = {path: (known.get(path), real.get(path)) for path in sorted(wrong)[:10]}
        assert not wrong, f"(known, real): {shown}; last records {self.log[-30:]}"


Start = Callable[..., Watched]


@contextmanager
def watching(root: Path, cookies: Path, ready: bool = True, **options: object) -> Iterator[Watched]:
    """A running watcher; at the end of the block it is closed."""
    mirror = Mirror(str(root))
    options.setdefault("backend", "inotify")
    watcher = Watcher(
        str(root),
        mirror.emit,
        cookie_directory=str(cookies),
        identity=lambda: Identity("test", "test", os.stat(root).st_ino, 0),
        **options,  # type: ignore[arg-type]
    )
    with watcher:
        if ready:
            assert watcher.ready.wait(DEADLINE)
        yield Watched(root, cookies, watcher, mirror)


@contextmanager
def stalled(watched: Watched) -> Iterator[None]:
    """The reader waits inside ``emit``, with something already read."""
    mirror, root = watched.mirror, watched.root
    inside, go = threading.Event(), threading.Event()

    def stall(_: list[Change]) -> None:
        inside.set()
        assert go.wait(30)

    mirror.stall = stall
    (root / "stall").mkdir()
    assert inside.wait(30)
    try:
        yield
    finally:
        mirror.stall = None
        go.set()
        (root / "stall").rmdir()


@pytest.fixture
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Where all is, for tests that are not told "memory": on the disk's file system."""
    if getattr(request, "param", "disk") == "disk":
        yield tmp_path
        return
    made = Path("/dev/shm") / f"mirrorfs-{uuid.uuid4().hex}"
    made.mkdir()
    try:
        yield made
    finally:
        _remove(made)


@pytest.fixture
def places(base: Path) -> tuple[Path, Path]:
    """(root, directory for cookies)."""
    root, cookies = base / "source", base / "state"
    root.mkdir()
    cookies.mkdir()
    return root, cookies


def _remove(base: Path) -> None:
    for directory, names, files in os.walk(base, topdown=False):
        for name in files:
            os.unlink(os.path.join(directory, name))
        for name in names:
            path = os.path.join(directory, name)
            os.unlink(path) if os.path.islink(path) else os.rmdir(path)
    base.rmdir()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`pytest.mark.backends(…)`: run with each of these; without it, with inotify.
    `pytest.mark.everywhere`: on the disk's file system and on tmpfs."""
    if "places" in metafunc.fixturenames or metafunc.definition.get_closest_marker("everywhere"):
        metafunc.parametrize("base", ["disk", "memory"], indirect=True)
    marker = metafunc.definition.get_closest_marker("backends")
    if marker is not None and "backend" in metafunc.fixturenames:
        metafunc.parametrize("backend", marker.args, indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """How events are had; fanotify needs the rights of root."""
    name: str = getattr(request, "param", "inotify")
    if name == "fanotify" and os.geteuid() != 0:
        pytest.skip("needs the rights of root")
    return name


@pytest.fixture
def start(base: Path, backend: str) -> Iterator[Start]:
    """`start(**options)`: a watcher on base/source, closed after the test."""
    with ExitStack() as stack:

        def begin(**options: object) -> Watched:
            root, cookies = base / "source", base / "state"
            root.mkdir(exist_ok=True)
            cookies.mkdir(exist_ok=True)
            options.setdefault("backend", backend)
            return stack.enter_context(watching(root, cookies, **options))  # type: ignore[arg-type]

        yield begin


@pytest.fixture
def source(base: Path) -> Path:
    """The tree `start` watches, to be filled before."""
    root = base / "source"
    root.mkdir()
    return root


@pytest.fixture
def child() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`child(script, *wrapper, **options)`: run a script that may import this file, under a wrapper
    command.
    """

    def run(script: str, *wrapper: str, **options: Any) -> subprocess.CompletedProcess[str]:
        here = Path(__file__).parent
        done = subprocess.run(
            [*wrapper, sys.executable, "-c", script],
            env={"PYTHONPATH": f"{here}:{here.parent.parent}", "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **options,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run
