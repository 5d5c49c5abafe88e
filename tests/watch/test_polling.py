"""What no event tells of is found by looking, within the interval, and before any barrier."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.passthrough import passthrough

from mirrorfs.core.change import Change, Dirty, Gap
from mirrorfs.watch import Pace
from mirrorfs.watch.kinds import is_silent
from mirrorfs.watch.scan import Scan

from .conftest import watching


@pytest.mark.fuse
@pytest.mark.root
def test_changes_behind_the_back_of_a_file_system_are_found(tmp_path: Path) -> None:
    original, root, state = (tmp_path / name for name in ("original", "source", "state"))
    for place in (original / "d", root / "far", state):
        place.mkdir(parents=True)
    (original / "d" / "file").write_text("before")
    with (
        passthrough(original, root / "far"),
        watching(root, state, backend="auto", pace=Pace(poll=0.1)) as watched,
    ):
        status = watched.watcher.status()
        far = [part for part in status.serving if part.path == "far"]
        assert [part.backend for part in far] == ["inotify", "poll"]
        assert "changes in silence" in far[1].why
        assert status.lag >= 0.1
        (original / "d" / "file").write_text("changed behind its back")
        watched.wait(Dirty("far/d/file"))
        (original / "new" / "below").mkdir(parents=True)
        (original / "new" / "below" / "file").touch()
        watched.assert_complete()
        (original / "d" / "file").unlink()
        os.rename(original / "new", original / "d" / "moved")
        (root / "near").touch()
        watched.assert_complete()


def test_types_that_change_in_silence() -> None:
    assert all(map(is_silent, ("nfs4", "cifs", "fuse.sshfs", "9p", "virtiofs", "fuse")))
    assert not any(map(is_silent, ("ext4", "xfs", "btrfs", "tmpfs", "overlay", "fuseblk", "zfs")))


def look(scan: Scan) -> list[Change]:
    return [change for changes in scan.look() for change in changes]


@pytest.fixture
def old(tmp_path: Path) -> Callable[[], None]:
    """Makes everything older than the coarsest clock, so that nothing is looked at twice."""

    def age() -> None:
        scan_again.setattr("mirrorfs.watch.scan._RACY", -1e9)

    scan_again = pytest.MonkeyPatch()
    age()
    yield age
    scan_again.undo()


def test_only_what_changed_is_told(tmp_path: Path, old: Callable) -> None:
    (tmp_path / "d").mkdir()
    for number in range(100):
        (tmp_path / "d" / str(number)).touch()
    scan = Scan(str(tmp_path), None, one_file_system=False)
    assert look(scan) == []
    assert look(scan) == []
    (tmp_path / "d" / "7").write_text("x")
    (tmp_path / "d" / "8").unlink()
    (tmp_path / "new" / "below").mkdir(parents=True)
    assert set(look(scan)) == {
        Dirty(""),
        Dirty("d"),
        Dirty("d/7"),
        Dirty("d/8"),
        Dirty("new"),
        Dirty("new", True),
        Dirty("new/below", True),
    }
    assert look(scan) == []
    assert scan.directories == 4


def test_what_changed_a_moment_ago_is_looked_at_again(tmp_path: Path) -> None:
    """Two changes in one tick of a coarse clock look like one."""
    scan = Scan(str(tmp_path), None, one_file_system=False)
    look(scan)
    (tmp_path / "file").write_text("1")
    assert Dirty("file") in look(scan)
    assert Dirty("file") in look(scan)


def test_what_is_too_large_to_be_remembered_is_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mirrorfs.watch.scan.MOST_BYTES", 50)
    scan = Scan(str(tmp_path), None, one_file_system=False)
    for number in range(10):
        (tmp_path / str(number)).touch()
    assert isinstance(look(scan)[-1], Gap)
    assert isinstance(look(scan)[-1], Gap)


def test_an_unreadable_directory_is_unknown_and_not_empty(tmp_path: Path, old: Callable) -> None:
    (tmp_path / "d" / "below").mkdir(parents=True)
    scan = Scan(str(tmp_path), None, one_file_system=False)
    look(scan)

    def deny(root: str, path: str) -> int:
        if path == "d":
            raise PermissionError(13, "Permission denied")
        return real(root, path)

    from mirrorfs.watch import scan as module

    real = module.descend
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "descend", deny)
        assert look(scan) == [Gap("d", "permission denied")]
        assert scan.failures == {"d": "permission denied"}
    (tmp_path / "d" / "below" / "file").touch()
    assert Dirty("d/below/file") in look(scan)
    assert scan.failures == {}
