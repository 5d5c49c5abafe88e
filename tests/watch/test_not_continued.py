"""A kept watch is continued where it heard of everything; else the log says why all is compared.

The next watcher runs in the same process, which makes no difference to the kernel.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from support.mounting import drive, make, mount, mounted, umount
from support.process import until

from mirrorfs.core.change import Change, Dirty, Epoch, Gap, Ready
from mirrorfs.core.tree import Identity
from mirrorfs.service.fdstore import Onward
from mirrorfs.watch import Keeper, Watcher
from mirrorfs.watch.kept import Claim, Kept, take

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="fanotify and mounting need the rights of root"),
]
ANOTHER = (
    "its marks are not those of the source",
    "another directory is in the source's place",
    "other file systems are mounted",  # a device of another number
)
both = pytest.mark.backends("inotify", "fanotify")


class Again:
    """One watcher after the other on the same source, with one keeper."""

    def __init__(self, root: Path, cookies: Path, backend: str) -> None:
        self.root, self.cookies, self.backend = root, cookies, backend
        self.keeper = Onward().of("/somewhere/source")
        self.identity = Identity("test", "test", 1, 0)

    @contextmanager
    def watcher(self, backend: str = "") -> Iterator[tuple[Watcher, list[Change]]]:
        """Ready, and what it recorded."""
        told: list[Change] = []
        watcher = Watcher(
            str(self.root),
            told.extend,
            cookie_directory=str(self.cookies),
            identity=lambda: self.identity,
            backend=backend or self.backend,
            keeper=self.keeper,
        )
        with watcher:
            assert watcher.ready.wait(30)
            yield watcher, told

    def begin(self) -> None:
        with self.watcher() as (_, told):
            until(lambda: Ready() in told, "the first one to be ready")

    def is_new(self) -> None:
        """The next one begins anew: all is to be compared."""
        with self.watcher() as (_, told):
            until(lambda: Ready() in told, "the next one to be ready")
            assert [each.continued for each in told if isinstance(each, Epoch)] == [False]

    def goes_on(self, *missed: str) -> None:
        """The next one goes on, and tells of these and of no gap."""
        with self.watcher() as (_, told):

            def all_told() -> bool:
                return {each.path for each in told if isinstance(each, Dirty)} >= set(missed)

            until(all_told, "what was missed")
            assert [each.continued for each in told if isinstance(each, Epoch)] == [True]
            assert not any(isinstance(each, Gap | Ready) for each in told)


@pytest.fixture
def again(tmp_path: Path, backend: str) -> Iterator[Again]:
    root, cookies = tmp_path / "drive" / "source", tmp_path / "cookies"
    cookies.mkdir()
    (tmp_path / "drive").mkdir()
    made = Again(root, cookies, backend)
    yield made
    made.keeper.let_go()


@both
@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "tmpfs"])
def test_a_file_system_that_was_away_is_another_one(
    again: Again, tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What changed while it was mounted elsewhere nobody heard of, though all looks as ever."""
    how = make(kind, tmp_path)
    with mounted(how, tmp_path / "drive"):
        again.root.mkdir()
        again.begin()
        (again.root / "missed").touch()
        again.goes_on("missed")
        umount(tmp_path / "drive")
        mount(*how, tmp_path / "drive")
        again.root.mkdir(exist_ok=True)  # a tmpfs is empty
        again.is_new()
    assert any(f"cannot be continued: {why}" in caplog.text for why in ANOTHER)


@both
def test_mounted_lazily_elsewhere_it_is_the_same_one(again: Again, tmp_path: Path) -> None:
    """It was never gone: who still was in it was heard all the time."""
    how = make("ext4", tmp_path)
    with mounted(how, tmp_path / "drive"):
        again.root.mkdir()
        again.begin()
        inside = os.open(again.root, os.O_RDONLY)
        umount(tmp_path / "drive", "-l")
        os.mkdir("missed", dir_fd=inside)
        mount(*how, tmp_path / "drive")
        os.close(inside)
        again.goes_on("missed")


@both
def test_what_is_mounted_meanwhile_is_not_heard_of(
    again: Again, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (again.root / "below").mkdir(parents=True)
    again.begin()
    with mounted(("-t", "tmpfs", "tmpfs"), again.root / "below"):
        again.is_new()
    assert "other file systems are mounted" in caplog.text


def test_what_is_unmounted_in_the_moment_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim was that it is mounted; that it is not any more nobody would tell."""
    again = Again(tmp_path / "source", tmp_path / "cookies", "fanotify")
    again.cookies.mkdir()
    (again.root / "below").mkdir(parents=True)
    point = again.root / "below"
    with mounted(("-t", "tmpfs", "tmpfs"), point):
        again.begin()

        def take_and_unmount(keeper: Keeper, claim: Claim) -> Kept | None:
            kept = take(keeper, claim)
            umount(point)
            return kept

        monkeypatch.setattr("mirrorfs.watch.watcher.take", take_and_unmount)
        again.is_new()
    again.keeper.let_go()


@both
def test_it_is_said_what_is_not_as_it_was(again: Again, caplog: pytest.LogCaptureFixture) -> None:
    again.root.mkdir()
    again.begin()
    again.keeper.claim = "with another filter"
    again.is_new()
    assert "the journal, or what is left out, is another" in caplog.text
    again.goes_on()
    again.identity = Identity("test", "test", 2, 0)
    again.is_new()
    assert "the source is another directory" in caplog.text
    again.goes_on()
    again.backend = "fanotify" if again.backend == "inotify" else "inotify"
    again.is_new()
    assert "changes are to be noticed in another way" in caplog.text
    again.goes_on()
    os.rename(again.cookies, f"{again.cookies} of old")
    again.cookies.mkdir()
    before = caplog.text
    if again.backend == "fanotify":
        again.is_new()
        assert "its marks are not those of the source" in caplog.text.replace(before, "")


def test_one_file_system_is_had_by_fanotify_and_several_by_inotify(tmp_path: Path) -> None:
    """One queue is what is kept."""
    with ExitStack() as stack:
        again = Again(tmp_path / "source", tmp_path / "cookies", "auto")
        stack.callback(again.keeper.let_go)
        again.cookies.mkdir()
        (again.root / "below").mkdir(parents=True)
        for wanted in ("fanotify", "inotify"):
            for _ in range(2):
                with again.watcher() as (watcher, _):
                    assert {one.backend for one in watcher.status().serving} == {wanted}
                    (again.root / "below" / "new").touch()
            if wanted == "fanotify":
                point = stack.enter_context(drive("ext4", again.root / "below"))
                assert point.is_dir()
