"""A destination in trouble: full, read-only, gone; nothing torn, nothing lost, nothing forgotten.

What cannot be done is owed: listed by status with its reason, looked at again, and done without a
restart once the cause is gone. Everything else goes on.
"""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from live.conftest import Places
from support.forked import call as fork
from support.mounting import drive
from support.process import Service, call, until
from support.walker import differences, leftovers

pytestmark = pytest.mark.root

MB = 1 << 20
FITS, LARGE = 10, 4  # files that fit, and files that do not, whatever else is there


@pytest.fixture(params=["tmpfs", "ext4"])
def small(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A destination of 24 MB."""
    with drive(request.param, tmp_path, size="24M") as point:
        yield point / "destination"


def fill(source: Path) -> None:
    for number in range(FITS):
        (source / f"small{number}").write_bytes(os.urandom(100_000))
    for number in range(LARGE):
        (source / f"large{number}").write_bytes(os.urandom(9 * MB))


def whole_or_absent(source: Path, destination: Path) -> set[str]:
    """The names that are there; each must be whole. Temporaries are of attempts on their way."""
    there = {path.name for path in destination.iterdir() if path.name[0] != "."}
    for name in there:
        assert (destination / name).read_bytes() == (source / name).read_bytes(), name
    return there


def test_a_full_destination_under_run(places: Places, small: Path) -> None:
    source, _, state = places
    small.mkdir()
    (small / "foreign").write_bytes(bytes(MB))
    (small / "foreign").unlink()
    fill(source)
    with Service("run", source, small, state=state, flags=("--min-free", "off")) as run:
        until(lambda: run.status().get("owed_count"), "something is owed")
        run.reaches("in sync but for what is owed")

        def settled() -> dict[str, str]:
            """What is owed, once it adds up with what is there."""
            owed: dict[str, str] = run.status()["owed"]
            there = whole_or_absent(source, small)
            little = sum("small" in name for name in there)  # what came first may have been large
            return owed if little == FITS and len(there) + len(owed) == FITS + LARGE else {}

        owed = until(settled, "what is not there is owed")
        there = whole_or_absent(source, small)
        assert {name for name in there if "small" in name} == {f"small{i}" for i in range(FITS)}
        assert all("No space left on device" in reason for reason in owed.values())
        until(lambda: _is_told(run, state), "the status command tells as much")
        # Other changes go on: replaced, renamed, removed.
        (source / "small0").write_text("new")
        (source / "small1").rename(source / "renamed")
        (source / "small2").unlink()
        until(
            lambda: (
                (small / "renamed").exists()
                and not (small / "small2").exists()
                and (small / "small0").read_bytes() == b"new"
            ),
            "changes go on",
        )
        # Room is made, as a user would: by removing what is no longer wanted from the source.
        for name in sorted(name for name in there | owed.keys() if "large" in name)[1:]:
            (source / name).unlink()
        run.mirrors()
        until(lambda: not run.status()["owed_count"], "nothing is owed any more")
        assert run.stop() == 0
    assert leftovers(small) == []


def _is_told(run: Service, state: Path) -> bool:
    owed = run.status()["owed"]
    shown = call("status", state=state, code=1).stdout
    return f"{len(owed)} paths" in shown and all(f"{path}: " in shown for path in owed)


@pytest.mark.parametrize("small", ["ext4"], indirect=True)
def test_room_made_by_others_is_found_without_a_restart(places: Places, small: Path) -> None:
    source, _, state = places
    small.mkdir()
    hog = small.parent / "hog"
    hog.write_bytes(bytes(12 * MB))
    (source / "wanted").write_bytes(os.urandom(14 * MB))
    (source / "other").write_text("other")
    with Service("run", source, small, state=state) as run:
        until(lambda: "wanted" in run.status().get("owed", {}), "it is owed")
        assert "--min-free 1% leaves" in run.status()["owed"]["wanted"]
        until(lambda: whole_or_absent(source, small) == {"other"}, "the rest is there")
        hog.unlink()
        run.mirrors()
        assert run.stop() == 0


def test_one_shot_makes_room_before_the_next_attempt(places: Places, small: Path) -> None:
    """The old content fills the disk, the new one does not fit beside it."""
    source, _, state = places
    small.mkdir()
    for number in range(2):
        (small / f"old{number}").write_bytes(bytes(8 * MB))
    for number in range(2):
        (source / f"new{number}").write_bytes(os.urandom(7 * MB))
    done = fork(["sync", str(source), str(small), "-v"], state.parent)
    assert done.code == 0, done.err
    assert "Attempt 1/3 failed" in done.err
    assert "No space left on device" in done.err
    assert differences(source, small, root=False) == []


def test_one_shot_says_what_is_not_done(places: Places, small: Path) -> None:
    source, _, state = places
    fill(source)
    for flags, reason in (
        ([], "No space left on device"),
        (["--min-free", "4M"], "--min-free 4Mi"),
    ):
        small.mkdir(exist_ok=True)
        done = fork(["sync", str(source), str(small), *flags], state.parent)
        assert done.code == 1, "as rclone: an error that is in no other category"
        assert reason in done.err
        there = whole_or_absent(source, small)
        assert leftovers(small) == []
        assert len(there) < FITS + LARGE
        for path in source.iterdir():
            assert path.name in there or f"{path.name}: Failed to copy" in done.err
        if flags:  # else a small one may come while large ones fill the disk, each time
            assert {name for name in there if "small" in name} == {f"small{i}" for i in range(FITS)}
            assert os.statvfs(small).f_bavail * os.statvfs(small).f_frsize >= 4 * MB
        for name in there:
            (small / name).unlink()
        subprocess.run(["sync", "-f", small], check=True)  # ext4 frees blocks with its journal
    done = fork(["sync", str(source), str(small), "--local-fatal-if-no-space"], state.parent)
    assert done.code == 7


def test_a_read_only_destination_is_waited_for(places: Places, tmp_path: Path) -> None:
    """As ext4 becomes after an error; the whole is waited for, nothing is tried path by path."""
    source, _, state = places
    with drive("ext4", tmp_path, size="24M") as point:
        destination = point / "destination"
        for number in range(50):
            (source / f"{number}").write_text("old")
        with Service("run", source, destination, state=state) as run:
            run.mirrors()
            subprocess.run(["mount", "-o", "remount,ro", point], check=True)
            for number in range(50):
                (source / f"{number}").write_text("newer")
            run.reaches("waiting")
            assert "read-only" in run.status()["why"]
            assert "read-only" in call("status", state=state, code=1).stdout
            # Whenever the mirror tries again, the destination is its own for that moment.
            words = ["sync", "-a", str(source), str(destination)]
            until(lambda: fork(words, state.parent).code == 6, "a sync by hand is refused")
            subprocess.run(["mount", "-o", "remount,rw", point], check=True)
            run.mirrors()
            assert run.stop() == 0


def test_a_destination_unmounted_under_a_copy_and_mounted_again(
    places: Places, tmp_path: Path
) -> None:
    """Nothing is written below the bare mount point; what was on its way arrives later."""
    source, _, state = places
    with drive("ext4", tmp_path, size="64M") as point:
        image = tmp_path / "ext4.image"
        destination = point / "destination"
        (source / "first").write_text("first")
        with Service("run", source, destination, state=state, flags=("--bwlimit", "2M")) as run:
            run.mirrors()
            (source / "large").write_bytes(os.urandom(6 * MB))
            until(lambda: leftovers(destination), "copying")
            subprocess.run(["umount", "-l", point], check=True)
            (source / "second").write_text("second")
            run.reaches("waiting")
            assert list(point.iterdir()) == []
            assert call("status", state=state, code=1).stdout.count("waiting")
            until(lambda: not _is_attached(image), "everything was let go of")
            subprocess.run(["mount", "-o", "loop", image, point], check=True)
            run.mirrors()
            assert leftovers(destination) == []
            assert run.stop() == 0


def _is_attached(image: Path) -> bool:
    listed = subprocess.run(["losetup", "-j", image], check=True, capture_output=True)
    return bool(listed.stdout)


def limited(descriptors: int) -> tuple[str, ...]:
    return ("prlimit", f"--nofile={descriptors}:{descriptors}")


def test_a_process_with_few_descriptors(places: Places) -> None:
    """Sixty-four are enough, for a tree as deep as it may be."""
    source, destination, state = places
    for branch in range(20):
        deep = source.joinpath(*(f"{branch}-{level}" for level in range(40)))
        deep.mkdir(parents=True)
        (deep / "file").write_bytes(os.urandom(300_000))
        (deep / "small").write_text("small")
    with Service(
        "run", source, destination, state=state, prefix=limited(64), flags=("--transfers", "8")
    ) as run:
        run.mirrors()
        for branch in range(20):
            deep = source.joinpath(*(f"{branch}-{level}" for level in range(40)))
            (deep / "small").write_text("changed")
            (deep / "file").write_bytes(os.urandom(300_000))
        run.mirrors()
        assert "open files" not in run.said()
        assert not run.status()["owed_count"]
        assert len(os.listdir(f"/proc/{run.pid}/fd")) < 64
        assert run.stop() == 0


@pytest.mark.parametrize(
    ("what", "calls", "reason"),
    [
        ("EDQUOT", "copy_file_range", "Disk quota exceeded"),
        ("EMFILE", "mkdirat", "Too many open files"),
        ("ESTALE", "renameat2", "Stale file handle"),
    ],
)
def test_what_the_system_refuses_is_listed_and_nothing_is_removed(
    places: Places, what: str, calls: str, reason: str
) -> None:
    source, destination, state = places
    destination.mkdir()
    (destination / "gone").write_text("gone from the source")
    (source / "d").mkdir()
    (source / "d" / "file").write_bytes(os.urandom(300_000))
    (source / "file").write_text("content")
    done = call(
        *("sync", "-a", "--retries", "1", source, destination),
        state=state,
        code=1,
        prefix=("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={calls}:error={what}"),
    )
    assert reason in done.stderr
    assert (destination / "gone").exists()
    assert leftovers(destination) == []
    call("sync", "-a", source, destination, state=state)
    assert differences(source, destination) == []


@pytest.mark.parametrize("backend", ["inotify", "fanotify"])
@pytest.mark.parametrize("gone", ["", "sources"])
@pytest.mark.parametrize("verb", ["run", "watch"])
def test_state_that_is_removed_while_it_is_used_ends_it_and_loses_nothing(
    places: Places, verb: str, gone: str, backend: str
) -> None:
    """Nobody would read what is written down from then on; begun again, everything is compared."""
    source, destination, state = places
    (source / "before").touch()
    pair = (source, destination)
    flags = ("--watch-backend", backend)
    with Service(verb, *pair[: 2 if verb == "run" else 1], state=state, flags=flags) as service:
        if verb == "run":
            service.reaches("in sync")
        else:
            service.watches()
            call("sync", "-a", *pair, state=state)
        until(lambda: _removed(state / gone, state / "sources"), "nothing of it is made anew")
        (source / "after").touch()
        assert service.ended() == 5
        assert "was removed, or moved, while it was written (begin again" in service.said()
    with Service("run", *pair, state=state, flags=flags) as run:
        run.reaches("in sync")
        assert not differences(*pair)


def _removed(tree: Path, part: Path) -> bool:
    """Whether a part of it is gone; the service may still be writing to another."""
    shutil.rmtree(tree, ignore_errors=True)
    return not part.exists()


def test_a_mirrors_state_that_is_removed_is_made_anew(places: Places) -> None:
    source, destination, state = places
    (source / "before").touch()
    with Service("run", source, destination, state=state) as run:
        run.reaches("in sync")
        shutil.rmtree(state / "mirrors", ignore_errors=True)
        (source / "after").touch()
        until((destination / "after").exists, "what changed later is mirrored")


def tell(address: Path) -> int:
    """A message of its own socket, whose own bound is never met. Raises BlockingIOError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.setblocking(False)
        return one.sendto(b"STATUS=another", os.fspath(address))


def test_a_service_manager_that_does_not_read_holds_nothing_up(
    places: Places, tmp_path: Path
) -> None:
    """Its queue is full, as that of a manager that hangs soon is; whoever tells it more waits."""
    source, destination, state = places
    address = tmp_path / "notify"
    prefix = ("env", f"NOTIFY_SOCKET={address}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(os.fspath(address))
        with suppress(BlockingIOError):
            while tell(address):
                pass
        with Service("run", source, destination, state=state, prefix=prefix) as service:
            service.reaches("in sync")
            (source / "new").write_text("on its way")
            service.mirrors()
            assert "the service manager could not be told" in service.said()
            assert service.stop(within=30) == 0
