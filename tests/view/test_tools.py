"""What real tools see in a mounted view."""

import errno
import json
import mmap
import os
import shutil
import socket
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.process import call
from support.view import View
from support.walker import differences

pytestmark = [pytest.mark.fuse, pytest.mark.root, pytest.mark.slow]


def test_after_is_what_a_sync_leaves(view: View, trees: tuple[Path, Path], tmp_path: Path) -> None:
    source, destination = trees
    assert differences(source, view.after) == []
    before = tmp_path / "shown"
    subprocess.run(["cp", "-a", view.after, before], check=True)

    call("sync", "-a", source, destination, state=tmp_path / "state")

    assert differences(before, destination) == []
    assert differences(destination, view.after) == []


def test_rsync_finds_nothing_left(
    view: View, trees: tuple[Path, Path], shell: Callable[..., str]
) -> None:
    source, destination = trees
    left = ["rsync", "-a", "-n", "-i", "-c", "--delete", f"{source}/"]
    assert shell(*left, f"{destination}/") != ""
    assert shell(*left, f"{view.after}/") == ""


def test_diff_shows_what_will_change(
    view: View, trees: tuple[Path, Path], shell: Callable[..., str]
) -> None:
    _, destination = trees
    # A fifo cannot be compared by diff; everything else can.
    lines = shell("diff", "-rq", "-x", "fifo", destination, view.after, codes=(1,)).splitlines()
    assert [line for line in lines if "kept/same" in line or "/mode" in line] == []
    assert f"Files {destination}/changed and {view.after}/changed differ" in lines
    assert f"Only in {view.after}: new" in lines
    assert f"Only in {destination}: going" in lines


def test_sizes_modes_times_and_targets(
    view: View, trees: tuple[Path, Path], shell: Callable[..., str]
) -> None:
    source, _ = trees
    shown = "%n %F %s %a %.9Y %N"
    names = sorted(os.listdir(source))

    def stats(directory: Path) -> list[str]:
        lines = []
        for name in names:
            words = ["stat", "-c", shown, name]
            out = subprocess.run(words, cwd=directory, capture_output=True, check=True).stdout
            lines.append(out.replace(b"4096 ", b"0 "))  # how large a directory is is nobody's news
        return lines

    assert stats(view.after) == stats(source)
    assert os.readlink(view.after / "link") == "kept/new name"
    assert shell("du", "-sb", "--apparent-size", view.after / "new").split()[0] == "300000"


def test_find_lists_every_name_once(
    view: View, trees: tuple[Path, Path], shell: Callable[..., str]
) -> None:
    source, _ = trees

    def names(directory: Path) -> list[str]:
        return sorted(shell("find", directory, "-printf", "%y %P\\n").splitlines())

    assert names(view.after) == names(source)
    for tree in (view.after, view.pending):
        numbers = shell("find", tree, "-printf", "%i\\n").split()
        assert len(numbers) == len(set(numbers))


def test_tar_packs_the_future(view: View, trees: tuple[Path, Path], tmp_path: Path) -> None:
    source, _ = trees
    archive = tmp_path / "after.tar"
    subprocess.run(["tar", "-cf", archive, "-C", view.after, "."], check=True)
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    with tarfile.open(archive) as file:
        assert "./kept/new name" in file.getnames()
    subprocess.run(["tar", "--atime-preserve", "-xpf", archive, "-C", unpacked], check=True)
    assert [line for line in differences(source, unpacked) if "mtime" not in line] == []


def test_pending_holds_what_changes_and_nothing_else(
    view: View, trees: tuple[Path, Path], shell: Callable[..., str]
) -> None:
    source, destination = trees

    def files(verb: str) -> set[str]:
        out = shell("find", view.pending / verb, "!", "-type", "d", "-printf", "%P\\n")
        return set(out.splitlines())

    assert files("create") == {
        "kept/new name", "new", "fifo", "was file/inside", os.fsdecode(b"not utf-8 \xff"),
    }  # fmt: skip
    assert files("update") == {"changed", "link"}
    assert files("delete") == {"kept/deep/gone", "old name", "going/too", "was file"}
    assert "mode" in files("attributes")
    # What is replaced or removed opens as it is now, what is new as it will be.
    assert (view.pending / "update/changed").read_text() == "as it was\n"
    assert (view.pending / "delete/old name").read_bytes() == (
        destination / "old name"
    ).read_bytes()
    assert (view.pending / "create/new").read_bytes() == (source / "new").read_bytes()


def test_a_rename_is_shown_at_its_new_name(
    trees: tuple[Path, Path], point: Path, tmp_path: Path, shell: Callable[..., str]
) -> None:
    """In the tree of its verb, with the content that lies under the old name; and nowhere else."""
    flags = ("--track-renames",)
    with View(*trees, point, state=tmp_path / "state", flags=flags) as view:
        found = shell("find", view.pending, "-name", "* name", "-printf", "%P %y\\n")
        assert found == "rename/kept/new name f\n"
        renamed = view.pending / "rename/kept/new name"
        assert renamed.read_text() == "will have another name\n" * 50
        for path in (renamed, view.after / "kept/new name"):
            assert os.getxattr(path, "user.mirrorfs.action") == b"rename"
            assert os.getxattr(path, "user.mirrorfs.origin") == b"old name"
        assert not (view.after / "old name").exists()


def test_the_rule_that_decided(trees: tuple[Path, Path], point: Path, tmp_path: Path) -> None:
    source, destination = trees
    (destination / "excluded.tmp").write_text("left out\n")
    flags = ("--exclude", "*.tmp", "--delete-excluded", "--include", "changed", "--exclude", "new")
    with View(source, destination, point, state=tmp_path / "state", flags=flags) as view:
        leaving = view.pending / "delete/excluded.tmp"
        assert os.getxattr(leaving, "user.mirrorfs.rule") == b"- *.tmp"
        assert os.getxattr(leaving, "user.mirrorfs.size_before") == b"9"
        assert os.getxattr(view.after / "changed", "user.mirrorfs.rule") == b"+ changed"
        assert not (view.after / "new").exists()


def test_attributes_say_why(view: View, shell: Callable[..., str]) -> None:
    def why(path: Path, name: str) -> str:
        return shell("getfattr", "--only-values", "-n", f"user.mirrorfs.{name}", path)

    changed = view.after / "changed"
    assert why(changed, "action") == "update"
    assert why(changed, "reason") == "the size differs"
    assert (why(changed, "size_before"), why(changed, "size_after")) == ("10", "26")
    assert why(view.after / "kept/same", "action") == "none"
    assert why(view.pending / "delete/old name", "action") == "delete"
    assert why(view.after / "mode", "mode_before") == "0644"
    for special in ("link", "fifo"):  # they can have none, so none are listed
        assert shell("getfattr", "-h", "-d", view.after / special) == ""
    listed = shell("getfattr", "-d", changed)
    assert 'user.mirrorfs.reason="the size differs"' in listed
    with pytest.raises(OSError, match="No data"):
        os.getxattr(changed, "user.nothing")


def test_documents(view: View, trees: tuple[Path, Path], tmp_path: Path) -> None:
    source, destination = trees
    asked = ["plan", "-a", source, destination]
    state = tmp_path / "state"
    plan = json.loads((view.point / "plan.json").read_bytes())
    assert plan["actions"] == json.loads(call(*asked, "--json", state=state).stdout)["actions"]
    text = (view.point / "plan.txt").read_text()
    assert [line for line in text.splitlines() if "held" not in line] == [
        line for line in call(*asked, state=state).stdout.splitlines() if "held" not in line
    ]
    summary = (view.point / "summary").read_text()
    assert f"source:       {source}" in summary
    assert "held:" in summary
    assert json.loads((view.point / "status.json").read_bytes())["phase"]
    for name in ("plan.json", "plan.txt", "summary", "status.json"):
        assert (view.point / name).stat().st_size == len((view.point / name).read_bytes())


def test_memory_mapped(view: View, trees: tuple[Path, Path]) -> None:
    source, _ = trees
    with (
        open(view.after / "new", "rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped,
    ):
        assert mapped[:] == (source / "new").read_bytes()
        assert mapped[299_990:] == (source / "new").read_bytes()[299_990:]


def test_cat_prints_what_will_be(
    view: View, trees: tuple[Path, Path], shell: Callable[..., str]
) -> None:
    destination = trees[1]
    changed = "as it will be, and longer\n"
    assert shell("cat", view.after / "changed", view.pending / "create/new").startswith(changed)
    assert shell("cat", view.pending / "update/changed") == (destination / "changed").read_text()


def test_reads_at_any_offset(view: View, trees: tuple[Path, Path]) -> None:
    source, _ = trees
    data = (source / "new").read_bytes()
    with open(view.after / "new", "rb", buffering=0) as file:
        for offset in (0, 1, 4095, 4096, 131_071, 299_999, 300_000, 10**9):
            assert os.pread(file.fileno(), 5000, offset) == data[offset : offset + 5000]


WRITES: dict[str, Callable[[Path], object]] = {
    "write": lambda after: open(after / "changed", "w"),  # noqa: SIM115
    "append": lambda after: open(after / "changed", "ab"),  # noqa: SIM115
    "create": lambda after: open(after / "fresh", "x"),  # noqa: SIM115
    "truncate": lambda after: os.truncate(after / "changed", 0),
    "unlink": lambda after: os.unlink(after / "changed"),
    "mkdir": lambda after: os.mkdir(after / "fresh"),
    "rmdir": lambda after: os.rmdir(after / "empty"),
    "rename": lambda after: os.rename(after / "changed", after / "fresh"),
    "rename a directory": lambda after: os.rename(after / "kept", after / "fresh"),
    "link": lambda after: os.link(after / "changed", after / "fresh"),
    "symlink": lambda after: os.symlink("x", after / "fresh"),
    "mkfifo": lambda after: os.mkfifo(after / "fresh"),
    "chmod": lambda after: os.chmod(after / "changed", 0o600),
    "chown": lambda after: os.chown(after / "changed", 1, 1),
    "utime": lambda after: os.utime(after / "changed"),
    "setxattr": lambda after: os.setxattr(after / "changed", "user.x", b""),
    "removexattr": lambda after: os.removexattr(after / "changed", "user.mirrorfs.action"),
    "socket": lambda after: socket.socket(socket.AF_UNIX).bind(f"{after}/fresh"),
}


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_nothing_can_be_written(view: View, trees: tuple[Path, Path], tmp_path: Path) -> None:
    before = tmp_path / "before"
    shutil.copytree(trees[1], before, symlinks=True)
    for directory in (view.after, view.pending / "update"):
        for name, write in WRITES.items():
            with pytest.raises(OSError, match="Errno") as refused:
                write(directory)
            allowed = (errno.EROFS, errno.ENOENT) if "update" in str(directory) else (errno.EROFS,)
            assert refused.value.errno in allowed, (directory, name, refused.value)
    assert differences(before, trees[1]) == []


def test_errors_are_the_right_ones(view: View) -> None:
    after = view.after

    def fails(number: int, what: Callable[[], object]) -> None:
        with pytest.raises(OSError, match="Errno") as refused:
            what()
        assert refused.value.errno == number, refused.value

    fails(errno.ENOENT, lambda: os.stat(after / "nothing"))
    fails(errno.ENOENT, lambda: os.stat(after / "going"))
    fails(errno.ENOENT, lambda: os.stat(view.point / "nothing"))
    fails(errno.ENOENT, lambda: os.stat(view.pending / "nothing"))
    fails(errno.ENOTDIR, lambda: os.stat(after / "changed" / "below"))
    fails(errno.ENOTDIR, lambda: os.listdir(after / "changed"))
    fails(errno.EISDIR, (after / "empty").read_bytes)
    fails(errno.EINVAL, lambda: os.readlink(after / "changed"))
    fails(errno.ELOOP, lambda: os.open(after / "link", os.O_RDONLY | os.O_NOFOLLOW))
    fails(errno.ENAMETOOLONG, lambda: os.stat(after / ("x" * 256)))
    fails(errno.ENXIO, lambda: os.open(after / "fifo", os.O_WRONLY | os.O_NONBLOCK))


def test_space_is_the_destinations(view: View, trees: tuple[Path, Path]) -> None:
    shown, real = os.statvfs(view.after), os.statvfs(trees[1])
    assert (shown.f_blocks, shown.f_bsize, shown.f_files) == (
        real.f_blocks,
        real.f_bsize,
        real.f_files,
    )
