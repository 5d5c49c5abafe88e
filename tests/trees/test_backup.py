"""Backups and writing in place: which version is where, whatever goes wrong meanwhile."""

import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

from mirrorfs.core.options import Options
from mirrorfs.core.plan import Action, Stage, Status, Verb
from mirrorfs.core.tree import Trouble
from mirrorfs.trees.local import Backup, LocalTree, Writing

PLAIN = Options()


@pytest.fixture(params=["same file system", "another"])
def place(request: pytest.FixtureRequest, tmp_path: Path, shm: Path) -> Path:
    """A directory of backups that is yet to be made."""
    return (shm if request.param == "another" else tmp_path) / "some" / "backups"


def backing(place: Path | str, suffix: str = "", *, keep_extension: bool = False) -> Writing:
    return Writing(backup=Backup(str(place), suffix, keep_extension))


def files(root: Path) -> dict[str, str]:
    """What is below a directory, temporaries too."""
    return {
        str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()
    }


def test_what_is_replaced_and_removed_is_kept(local: Any, place: Path) -> None:
    world = local(writing=backing(place))
    world.here.write("d/e/old", b"v1", mtime_ns=10**18)
    os.chmod(world.here.root / "d/e/old", 0o640)
    world.here.write("gone", b"bye", mtime_ns=10**18)
    world.here.symlink("link", "a")
    world.there.write("d/e/old", b"version 2")
    world.there.write("link", b"a file now")
    assert world.update("d/e/old").status is Status.DONE
    assert world.update("link").status is Status.DONE
    assert world.delete("gone").status is Status.DONE
    assert files(place) == {"d/e/old": "v1", "gone": "bye"}
    assert os.readlink(place / "link") == "a"
    assert files(world.here.root) == {"d/e/old": "version 2", "link": "a file now"}
    kept = (place / "d/e/old").stat()
    assert (kept.st_mtime_ns, kept.st_mode & 0o777) == (10**18, 0o640)


def test_an_older_backup_is_replaced(local: Any, place: Path) -> None:
    world = local(writing=backing(place))
    for version in ("1", "22", "333"):
        world.there.write("f", version.encode())
        done = world.update("f") if version != "1" else world.create("f")
        assert done.status is Status.DONE
    assert files(place) == {"f": "22"}
    assert world.delete("f").status is Status.DONE
    assert files(place) == {"f": "333"}
    assert files(world.here.root) == {}


@pytest.mark.parametrize(
    ("keep_extension", "name"), [(False, "a.tar.gz-old"), (True, "a-old.tar.gz")]
)
def test_suffix_with_and_without_a_directory(
    local: Any, place: Path, tmp_path: Path, keep_extension: bool, name: str
) -> None:
    for number, where in enumerate((str(place), "")):
        below = tmp_path / str(number)
        below.mkdir()
        writing = backing(where, "-old", keep_extension=keep_extension)
        world = local(PLAIN, below, writing=writing)
        world.here.write("d/a.tar.gz", b"v1")
        world.there.write("d/a.tar.gz", b"version 2")
        assert world.update("d/a.tar.gz").status is Status.DONE
        assert files(place if where else world.here.root)[f"d/{name}"] == "v1"
        assert world.delete("d/a.tar.gz").status is Status.DONE
        assert files(place if where else world.here.root) == {f"d/{name}": "version 2"}


def test_directories_of_backups_are_as_open_as_the_originals(local: Any, place: Path) -> None:
    world = local(writing=backing(place))
    world.here.write("secret/open/f", b"x")
    os.chmod(world.here.root / "secret", 0o700)
    os.chmod(world.here.root / "secret/open", 0o751)
    assert world.delete("secret/open/f").status is Status.DONE
    assert (place / "secret").stat().st_mode & 0o777 == 0o700
    assert (place / "secret/open").stat().st_mode & 0o777 == 0o751


def test_no_content_is_shared_with_the_backup_of_a_file_written_in_place(
    local: Any, place: Path
) -> None:
    # Where hard links are kept, what shares the file is decided name by name.
    world = local(PLAIN, writing=Writing(Backup(str(place)), in_place=True))
    world.here.write("f", b"old and longer")
    os.link(world.here.root / "f", world.here.root / "other name")
    before = (world.here.root / "f").stat().st_ino
    world.there.write("f", b"new")
    assert world.update("f").status is Status.DONE
    assert (world.here.root / "f").stat().st_ino == before
    assert files(world.here.root) == {"f": "new", "other name": "new"}
    assert files(place) == {"f": "old and longer"}


def test_a_failed_copy_leaves_the_old_file_in_place(local: Any, place: Path) -> None:
    world = local(writing=backing(place))
    world.here.write("f", b"old")
    world.there.write("f", b"new version")
    world.there.remove("f")
    os.mkfifo(world.there.root / "f")
    want = world.at("f")
    outcome = world.update("f", want=want)
    assert outcome.status is Status.FAILED
    assert files(world.here.root) == {"f": "old"}
    assert not place.exists()


@pytest.mark.parametrize("blocked", ["by a directory", "on the way"])
def test_without_a_place_for_its_backup_a_file_stays(local: Any, place: Path, blocked: str) -> None:
    world = local(writing=backing(place))
    world.here.write("d/f", b"old")
    world.there.write("d/f", b"version 2")
    if blocked == "by a directory":
        (place / "d" / "f").mkdir(parents=True)
    else:
        place.mkdir(parents=True)
        (place / "d").write_text("in the way")
    before = files(place)
    for outcome in (world.update("d/f"), world.delete("d/f")):
        assert outcome.status is Status.FAILED
        assert "no backup of it can be made" in outcome.failure.message
    assert files(world.here.root) == {"d/f": "old"}
    assert files(place) == before


def test_a_symlink_among_the_backups_is_not_followed(local: Any, place: Path) -> None:
    world = local(writing=backing(place))
    world.here.write("d/f", b"old")
    place.mkdir(parents=True)
    elsewhere = place.parent / "elsewhere"
    elsewhere.mkdir()
    (place / "d").symlink_to(elsewhere)
    assert world.delete("d/f").status is Status.FAILED
    assert files(elsewhere) == {}
    assert files(world.here.root) == {"d/f": "old"}


def test_a_drifted_file_is_neither_replaced_nor_backed_up(local: Any, place: Path) -> None:
    world = local(writing=backing(place))
    world.here.write("f", b"old")
    saw = world.at("f")
    world.here.write("f", b"written by somebody")
    world.there.write("f", b"new")
    assert world.update("f", expect=saw).status is Status.DRIFT
    assert world.delete("f", expect=saw).status is Status.DRIFT
    assert files(world.here.root) == {"f": "written by somebody"}
    assert not place.exists()


STEPS = frozenset({"os.rename", "os.link", "os.remove", "os.mkdir", "open", "os.truncate"})


def carry_out(root: Path, writing: Writing, verb: Verb, steps: int) -> int:
    """Do it in a process of its own that is killed before the step after ``steps``; its end."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        with (
            LocalTree(root / "s") as source,
            LocalTree(root / "d", writable=True, writing=writing) as tree,
        ):
            found, want = tree.read("", ["f"]).entries["f"], source.read("", ["f"]).entries["f"]
            left = steps

            def count(event: str, _: object) -> None:
                nonlocal left
                left -= event in STEPS
                if left < 0 and event in STEPS:
                    os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(count)
            if verb is Verb.UPDATE:
                action = Action(verb, Stage.CONTENT, "f", want, found, "a test")
                (outcome,) = tree.transfer([action], source)
            else:
                action = Action(verb, Stage.DELETE, "f", None, found, "a test")
                (outcome,) = tree.delete([action])
            left = 10**9
        os._exit(outcome.status is not Status.DONE)
    except BaseException:
        traceback.print_exc()
        os._exit(2)


@pytest.mark.parametrize("verb", [Verb.UPDATE, Verb.DELETE])
@pytest.mark.parametrize("suffix", ["", ".bak"])
def test_a_kill_at_any_step_loses_neither_version(
    tmp_path: Path, place: Path, verb: Verb, suffix: str
) -> None:
    """The process is killed before each of its steps in turn, an older backup there or not."""
    beside = bool(suffix)
    for older in (False, True):
        for step in range(40):
            root = tmp_path / f"{older}{step}"
            where = root / "d" if beside else place / str(step) / str(older)
            for side in ("s", "d"):
                (root / side).mkdir(parents=True)
            (root / "s" / "f").write_text("version 2")
            (root / "d" / "f").write_text("v1")
            os.utime(root / "d" / "f", ns=(10**18, 10**18))
            if older:
                where.mkdir(parents=True, exist_ok=True)
                (where / f"f{suffix}").write_text("v0")
            writing = backing("" if beside else where, suffix)
            end = carry_out(root, writing, verb, step)
            assert end in (0, -signal.SIGKILL)
            found = files(root / "d")
            kept = files(where).get(f"f{suffix}") if where.exists() else None
            assert found.get("f") in ("v1", "version 2" if verb is Verb.UPDATE else None)
            assert found.get("f") == "v1" or kept == "v1", (step, found, kept)
            assert kept in ("v0" if older else None, "v1")
            if not end:
                break
            # The next run finishes it, from wherever the last one was killed.
            if found.get("f") == "v1":
                assert carry_out(root, writing, verb, 10**9) == 0
                assert files(where)[f"f{suffix}"] == "v1"
                assert files(root / "d").get("f") == ("version 2" if verb is Verb.UPDATE else None)
        else:
            pytest.fail("it was killed at every step")
        # A removal beside, where no older backup is, is one step and cannot be interrupted.
        assert step > 0 or (verb is Verb.DELETE and not older)


def test_in_place_keeps_the_inode_and_new_files_are_made(local: Any) -> None:
    world = local(PLAIN, writing=Writing(in_place=True))
    world.here.write("f", b"a longer old version")
    world.there.write("f", b"short")
    world.there.write("new", b"n")
    inode = (world.here.root / "f").stat().st_ino
    assert world.update("f").status is Status.DONE
    assert world.create("new").status is Status.DONE
    assert files(world.here.root) == {"f": "short", "new": "n"}
    assert (world.here.root / "f").stat().st_ino == inode
    assert (world.here.root / "f").stat().st_mtime_ns == (world.there.root / "f").stat().st_mtime_ns


def test_in_place_does_not_touch_what_the_plan_did_not_see(local: Any, tmp_path: Path) -> None:
    world = local(PLAIN, writing=Writing(in_place=True))
    outside = tmp_path / "outside"
    outside.write_text("precious")
    world.here.write("f", b"old")
    saw = world.at("f")
    world.here.remove("f")
    world.here.symlink("f", str(outside))
    world.here.write("new", b"somebody's")
    world.there.write("f", b"new version")
    world.there.write("new", b"ours is longer")
    assert world.update("f", expect=saw).status is Status.DRIFT
    assert world.create("new").status is Status.DRIFT
    assert outside.read_text() == "precious"
    assert (world.here.root / "new").read_text() == "somebody's"


def test_in_place_leaves_no_torn_file_behind(local: Any, monkeypatch: Any) -> None:
    from mirrorfs.trees.local import fill

    monkeypatch.setattr(fill, "PAUSES", (0.0,))
    world = local(PLAIN, writing=Writing(in_place=True))
    world.here.write("f", b"old")
    world.there.write("f", b"new version")
    plain = fill.Copying.copy

    def tear(self: Any, content: Any, before: Any, target: int, meter: Any) -> int:
        moved = plain(self, content, before, target, meter)
        world.there.write("f", b"new version" + os.urandom(4))
        return moved

    monkeypatch.setattr(fill.Copying, "copy", tear)
    outcome = world.update("f")
    assert outcome.status is Status.FAILED
    assert outcome.failure.trouble is Trouble.UNSTABLE
    assert files(world.here.root) == {}


def test_a_growing_file_is_copied_as_long_as_it_was(local: Any, monkeypatch: Any) -> None:
    from mirrorfs.trees.local import fill

    world = local(PLAIN, writing=Writing(check_updated=False))
    world.there.write("log", b"line 1\n", mtime_ns=10**18)
    plain = fill.Copying.copy

    def grow(self: Any, content: Any, before: Any, target: int, meter: Any) -> int:
        with open(world.there.root / "log", "ab") as file:
            file.write(b"line 2\n")
        return plain(self, content, before, target, meter)

    monkeypatch.setattr(fill.Copying, "copy", grow)
    assert world.create("log").status is Status.DONE
    assert files(world.here.root) == {"log": "line 1\n"}
    assert (world.here.root / "log").stat().st_mtime_ns == 10**18


def test_a_backup_needs_a_place(tmp_path: Path) -> None:
    for given in ({}, {"suffix": "a/b"}):
        with pytest.raises(ValueError, match="a backup needs"):
            Backup(**given)
    with LocalTree(tmp_path, writable=True, writing=Writing(Backup(str(tmp_path / "b")))) as tree:
        tree.begin()
    assert not (tmp_path / "b").exists()
