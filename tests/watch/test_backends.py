"""Whatever tells of events: what happens in the source is reported, each mount by what suits it."""

import os
import resource
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pytest
from support.mounting import make, mount, mounted, umount
from support.queues import short_queue

from mirrorfs.core.change import Coverage, Dirty, Gap, Moved
from mirrorfs.core.tree import Identity
from mirrorfs.errors import PermanentError
from mirrorfs.trees.local.patience import keeps
from mirrorfs.watch import Pace, Watcher
from mirrorfs.watch.backends.choice import RIGHTS, refusal
from mirrorfs.watch.fanotify import handle_of

from .conftest import Watched, watching

QUICK = Pace(poll=0.2, retry=0.05)
NOBODY = 65534

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="fanotify and mounting need the rights of root"),
]


def create(root: Path, aside: Path) -> None:
    (root / "file").write_text("1")
    (root / "link").symlink_to("nowhere")
    os.link(root / "file", root / "second")
    (root / "a" / "b" / "c").mkdir(parents=True)
    (root / "a" / "b" / "c" / "deep").write_text("2")


def change(root: Path, aside: Path) -> None:
    (root / "second").unlink()
    (root / "file").write_text("longer")
    (root / "a").chmod(0o700)
    os.utime(root / "a" / "b" / "c" / "deep", (1, 1))
    os.utime(root)


def rename(root: Path, aside: Path) -> None:
    (root / "a").rename(root / "A")
    (root / "A" / "b" / "c" / "after").write_text("3")
    (root / "A" / "b").rename(root / "B")
    (root / "B" / "c" / "later").write_text("4")
    (root / "a").mkdir()
    (root / "B").rename(root / "a" / "b")
    (root / "a" / "b" / "c" / "last").write_text("5")


def move_out_and_in(root: Path, aside: Path) -> None:
    (root / "a").rename(aside / "a")
    (aside / "a" / "b" / "made outside").write_text("6")
    (aside / "a" / "b" / "c" / "deep").write_text("7")
    (aside / "a").rename(root / "again")
    (root / "again" / "b" / "c" / "within").write_text("8")


def replace(root: Path, aside: Path) -> None:
    shutil.rmtree(root / "again")
    (root / "again").write_text("a file now")
    os.replace(root / "file", root / "again")
    (root / "link").unlink()
    (root / "link").mkdir()
    (root / "link" / "inner").touch()


def remove(root: Path, aside: Path) -> None:
    for path in root.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


ACTS = (create, change, rename, move_out_and_in, replace, remove)


@pytest.mark.backends("inotify", "fanotify", "poll")
def test_whatever_happens_is_reported(places: tuple[Path, Path], backend: str) -> None:
    root, cookies = places
    aside = cookies.parent / "aside"
    aside.mkdir()
    with watching(root, cookies, backend=backend) as watched:
        for act in ACTS:
            act(root, aside)
            watched.assert_complete()
        assert [part.backend for part in watched.watcher.status().serving] == [backend]
        assert watched.watcher.status().failed == 0


def test_a_rename_is_told_as_one_and_the_rest_of_the_disk_not_at_all(start: Callable) -> None:
    watched = start(backend="fanotify")
    root, outside = watched.root, watched.cookies.parent / "outside"
    (root / "d" / "below").mkdir(parents=True)
    watched.assert_complete()
    before = watched.watcher.status().events
    (outside / "d").mkdir(parents=True)
    for number in range(100):
        (outside / "d" / str(number)).touch()
    shutil.rmtree(outside)
    assert watched.barrier() == []
    assert watched.watcher.status().events == before
    (root / "d").rename(root / "e")
    assert Moved("d", "e") in watched.barrier()


def test_a_renamed_directory_is_looked_at_whole_after_the_rename_was_told(start: Callable) -> None:
    watched = start(backend="fanotify")
    root = watched.root
    (root / "d" / "below").mkdir(parents=True)
    watched.assert_complete()
    batches: list[list[object]] = []
    watched.mirror.stall = lambda changes: batches.append([*changes])
    (root / "d").rename(root / "e")
    watched.wait(Moved("d", "e"), Dirty("d", True), Dirty("e", True))
    (told,) = (batch for batch in batches if Moved("d", "e") in batch)
    assert Dirty("e") in told
    assert Dirty("e", True) not in told, "a mirror renames before it looks"
    (root / "e").rename(root / "f")
    assert {Moved("e", "f"), Dirty("e", True), Dirty("f", True)} <= set(watched.barrier())


def test_what_is_left_out_is_not_told_of(start: Callable) -> None:
    watched = start(backend="fanotify", exclude=lambda path: path == "out")
    (watched.root / "out" / "d").mkdir(parents=True)
    watched.barrier()
    (watched.root / "out" / "d" / "file").touch()
    assert watched.barrier() == []
    (watched.root / "out").rename(watched.root / "in")
    assert Dirty("in", True) in watched.barrier()
    (watched.root / "in" / "d" / "more").touch()
    assert Dirty("in/d/more") in watched.barrier()


def make_deep(place: Path) -> int:
    """An open directory with a path longer than a page."""
    fd = os.open(place, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("x" * 200, dir_fd=fd)
        fd, above = os.open("x" * 200, os.O_RDONLY, dir_fd=fd), fd
        os.close(above)
    return fd


def test_paths_longer_than_a_page(start: Callable) -> None:
    watched = start(backend="fanotify")
    fd = make_deep(watched.root)
    watched.barrier()
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)
    changes = watched.barrier()
    assert any(isinstance(each, Dirty) and each.recursive for each in changes)
    subprocess.run(["rm", "-rf", watched.root / ("x" * 200)], check=True)
    watched.assert_complete()


def test_paths_longer_than_a_page_beside_a_part_that_is_mounted(
    tmp_path: Path, source: Path, start: Callable
) -> None:
    """From there no way leads up to the mount."""
    part = tmp_path / "part"
    part.mkdir()
    with mounted(("--bind", part), source):
        watched = start(backend="fanotify")
        fd = make_deep(tmp_path)
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
        os.close(fd)
        (source / "file").touch()
        assert watched.barrier() == [Dirty("file")]
        watched.watcher.close()
    subprocess.run(["rm", "-rf", tmp_path / ("x" * 200)], check=True)


def test_a_handle_is_one_of_its_file_system(tmp_path: Path) -> None:
    """The directory of barriers may have the same one as a directory of the source."""
    root, state = tmp_path / "source", tmp_path / "state"
    with ExitStack() as stack:
        for place, name in ((root, "s"), (state, "c")):
            place.mkdir()
            stack.enter_context(mounted(make("btrfs", tmp_path / name), place))
        handles = []
        for place in (root, state):
            (place / "twin").mkdir()
            fd = os.open(place / "twin", os.O_RDONLY)
            handles.append(handle_of(fd)[0])
            os.close(fd)
        assert handles[0] == handles[1], "each is the first directory of its file system"
        with watching(root, state / "twin", backend="fanotify") as watched:
            (root / "twin" / "file").touch()
            watched.assert_complete()
            assert Dirty("twin/file") in watched.log


def test_an_overflow_is_a_gap_and_nothing_is_lost(start: Callable, source: Path) -> None:
    for number in range(5):
        (source / f"d{number}" / "below").mkdir(parents=True)
    with short_queue("fanotify"):
        watched: Watched = start(backend="fanotify")
    with watched.mirror.news:  # the reader waits here
        for number in range(100):
            (source / f"d{number % 5}" / "below" / str(number)).touch()
            (source / f"new{number}").mkdir()
        for number in range(5):
            (source / f"d{number}").rename(source / f"e{number}")
    watched.gapped("", "overflow")
    watched.assert_complete()
    assert watched.watcher.status().overflows > 0
    for number in range(5):
        (source / f"e{number}" / "below" / "after").touch()
    watched.assert_complete()


class Exhausted:
    """No descriptor can be had, until whoever keeps some is asked for them."""

    def __enter__(self) -> Self:
        self.before = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.asked = False
        free = os.dup(0)
        os.close(free)
        keeps(self)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, self.before[1]))
        return self

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, self.before)

    def forget(self) -> bool:
        first, self.asked = not self.asked, True
        resource.setrlimit(resource.RLIMIT_NOFILE, self.before)
        return first


def test_descriptors_used_up_for_a_moment_are_no_gap(start: Callable, source: Path) -> None:
    """Those who keep some for later are asked for them, as wherever a tree is read."""
    (source / "d" / "below").mkdir(parents=True)
    watched: Watched = start(backend="fanotify")
    with Exhausted() as exhausted:
        os.symlink("nowhere", source / "d" / "below" / "link")
        watched.wait(Dirty("d/below/link"))
        assert exhausted.asked
    watched.assert_complete()
    assert not [change for change in watched.log if isinstance(change, Gap)]


def test_what_is_remembered_is_bounded(
    start: Callable, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mirrorfs.watch.places.MOST", 10)
    watched = start(backend="fanotify")
    for number in range(50):
        (source / str(number) / "d").mkdir(parents=True)
        with (source / str(number) / "d" / "open").open("w") as file:
            file.write("x")
            if not number % 10:
                watched.assert_complete()
    watched.assert_complete()
    session = watched.watcher._session
    assert len(session.members[0].part.watches.nodes) < 50


@pytest.mark.parametrize("kind", ["overlay", "subvolume"])
def test_where_fanotify_cannot_serve_inotify_does(tmp_path: Path, kind: str) -> None:
    point = tmp_path / "point"
    point.mkdir()
    how = make("overlay" if kind == "overlay" else "btrfs", tmp_path / "base")
    with mounted(how, point):
        root = point / "root"
        if kind == "subvolume":
            subprocess.run(["btrfs", "-q", "subvolume", "create", root], check=True)
        else:
            root.mkdir()
        (tmp_path / "state").mkdir()
        with watching(root, tmp_path / "state", backend="auto") as watched:
            for act in ACTS[:3]:
                act(root, tmp_path)
                watched.assert_complete()
            (part,) = watched.watcher.status().serving
            assert part.backend == "inotify"
            assert part.why == f"no fanotify: {refusal(str(root))}"
        refused = Watcher(
            str(root), print, identity=lambda: Identity("t", "t", 1, 0), backend="fanotify"
        )
        with pytest.raises(PermanentError, match="fanotify cannot serve"):
            refused.start()


def test_each_mount_is_served_by_what_suits_it(tmp_path: Path) -> None:
    root, state = tmp_path / "source", tmp_path / "state"
    state.mkdir()
    for name in ("memory", "layers", "volume"):
        (root / name).mkdir(parents=True)
    with ExitStack() as stack:
        stack.enter_context(mounted(make("tmpfs", tmp_path / "m"), root / "memory"))
        stack.enter_context(mounted(make("overlay", tmp_path / "o"), root / "layers"))
        volumes = make("btrfs", tmp_path / "b")
        with mounted(volumes, root / "volume"):
            subprocess.run(
                ["btrfs", "-q", "subvolume", "create", root / "volume" / "home"], check=True
            )
        home = ("-o", "loop,subvol=home", volumes[-1])
        stack.enter_context(mounted(home, root / "volume"))
        watched = stack.enter_context(watching(root, state, backend="auto", pace=QUICK))
        serving = {
            part.path: (part.backend, part.kind) for part in watched.watcher.status().serving
        }
        assert serving["memory"] == ("fanotify", "tmpfs")
        assert serving["layers"] == ("inotify", "overlay")
        assert serving["volume"] == ("inotify", "btrfs")
        assert serving[""][0] == "fanotify"
        for number in range(3):
            for name in ("", "memory", "layers", "volume"):
                (root / name / f"d{number}").mkdir()
                (root / name / f"d{number}" / "file").write_text(str(number))
            watched.assert_complete()
        umount(root / "layers")
        watched.gapped("layers", "unmounted")
        watched.assert_complete()
        mount("-t", "tmpfs", "tmpfs", root / "layers")
        watched.gapped("layers", "watched from now on")
        (root / "layers" / "file").touch()
        watched.assert_complete()
        serving = {part.path: part.backend for part in watched.watcher.status().serving}
        assert serving["layers"] == "fanotify"
        # A directory above a mount gets another name.
        (root / "up").mkdir()
        umount(root / "memory")
        (root / "up" / "memory").mkdir()
        mount("-t", "tmpfs", "tmpfs", root / "up" / "memory")
        for place in ("up", "aside"):
            again = ["umount", "-l", root / place / "memory"]
            stack.callback(subprocess.run, again, check=False, capture_output=True)
        watched.gapped("up/memory", "watched from now on")
        (root / "up").rename(root / "aside")
        watched.gapped("aside/memory", "watched from now on")
        (root / "aside" / "memory" / "file").touch()
        watched.assert_complete()


def test_the_same_file_system_mounted_twice(tmp_path: Path) -> None:
    """Its events come twice, and those of what is not below the source are not told of."""
    root, state = tmp_path / "source", tmp_path / "state"
    (tmp_path / "elsewhere" / "d").mkdir(parents=True)
    (root / "bound").mkdir(parents=True)
    state.mkdir()
    with (
        mounted(("--bind", tmp_path / "elsewhere" / "d"), root / "bound"),
        watching(root, state, backend="auto", pace=QUICK) as watched,
    ):
        assert {part.path for part in watched.watcher.status().serving} == {"", "bound"}
        (tmp_path / "elsewhere" / "d" / "file").touch()
        (tmp_path / "elsewhere" / "other").touch()
        (root / "file").touch()
        looks = {each.path for each in watched.barrier() if isinstance(each, Dirty)}
        assert looks == {"file", "bound/file"}
        watched.assert_complete()


def test_without_rights_inotify_serves(tmp_path_factory: pytest.TempPathFactory) -> None:
    base = Path("/dev/shm") / f"mirrorfs-{os.getpid()}-rights"
    for name in ("source", "state"):
        (base / name).mkdir(parents=True)
        os.chown(base / name, NOBODY, NOBODY)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            with watching(base / "source", base / "state", backend="auto") as watched:
                (part,) = watched.watcher.status().serving
                assert (part.backend, part.why) == ("inotify", f"no fanotify: {RIGHTS}")
                create(base / "source", base)
                watched.assert_complete()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    shutil.rmtree(base)
    assert os.waitstatus_to_exitcode(status) == 0


DEAF = """
from conftest import *
from mirrorfs.watch import Pace
root, cookies = Path("{base}/source"), Path("{base}/state")
root.mkdir(), cookies.mkdir()
with watching(root, cookies, ready=False, backend="inotify", pace=Pace(poll=0.05)) as watched:
    parts = watched.watcher.status().serving
    assert [part.backend for part in parts] == ["inotify", "poll"], parts
    watched.mirror.wait(lambda log: watched.watcher.ready.is_set())
    (root / "file").touch()
    watched.mirror.wait(lambda log: "file" in watched.mirror.state)
print("polled")
"""


def test_a_kernel_that_tells_of_nothing_is_polled(child: Callable, tmp_path: Path) -> None:
    deaf = ("strace", "-f", "-o", "/dev/null", "-e", "inject=inotify_add_watch:retval=1")
    assert "polled" in child(DEAF.format(base=tmp_path), *deaf).stdout


def test_who_distrusts_the_events_has_the_part_polled(start: Callable, source: Path) -> None:
    watched = start(backend="fanotify", pace=QUICK)
    watched.watcher.distrust("some/path", "a full comparison found what no event told of")
    watched.wait(Coverage("", "polled", "a full comparison found what no event told of"))
    watched.gapped("", "watched from now on")
    (source / "file").touch()
    watched.assert_complete()
    assert [part.backend for part in watched.watcher.status().serving] == ["fanotify", "poll"]
    assert any(isinstance(change, Gap) for change in watched.log)
