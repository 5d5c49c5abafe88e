"""What a killed run leaves: known as ours, never mirrored nor counted, gone with the next one."""

import os
from pathlib import Path

import pytest
from crash.scenes import check_ended, watched, words
from crash.states import leftovers
from support.following import Following
from support.forked import Done, call
from support.inject import KILL, Call, needs_injection, supervised
from support.portrait import portrait, unlike
from support.process import plan

from mirrorfs.cli import main
from mirrorfs.state import owner

FOREIGN = (
    ".mirrorfs-12345678-00000001.partial",  # another owner
    ".mirrorfs-00000000-0000000g.partial",  # no number
    ".mirrorfs-00000000-00000001.partial.bak",
    "x.mirrorfs-00000000-00000001.partial",
    ".mirrorfs-",
)


def ours(number: int, source: Path, room: Path) -> str:
    """A name of the mirror's own temporaries."""
    return f".mirrorfs-{owner(str(source), str(room / 'mirror'))}-{number:08x}.partial"


def dies_when(name: str, room: Path, source: Path) -> None:
    """A sync is killed as it makes this call in the mirror."""

    def judge(call: Call) -> int:
        return KILL if call.name == name and f"{room}/mirror/" in call.paths[0] else 0

    assert supervised(lambda: main(words(source, room)), [room], judge).code == -9


@pytest.fixture
def source(room: Path) -> Path:
    made = room / "source"
    for name in ("d/new", "d/kept", "e/kept"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(name)
    return made


def lay(root: Path, *names: str) -> None:
    for name in names:
        (root / name).write_text("half")


def sync(source: Path, room: Path, *flags: str) -> Done:
    done = call(words(source, room, *flags), room)
    assert done.code == 0, done.err
    return done


def test_the_next_sync_takes_them_away(source: Path, room: Path) -> None:
    sync(source, room)
    lay(
        room / "mirror",
        ours(1, source, room),
        "d/" + ours(2, source, room),
        "e/" + ours(3, source, room),
    )
    planned = plan(source, room / "mirror", room / "state")["actions"]
    # That something came into them changed the directories' times.
    assert {action["path"] for action in planned} == {"", "d", "e"}
    check_ended(source, room)


def test_the_next_run_takes_them_away(source: Path, room: Path) -> None:
    sync(source, room)
    lay(
        room / "mirror",
        ours(1, source, room),
        "d/" + ours(2, source, room),
        "e/" + ours(3, source, room),
    )
    with Following(source, room / "mirror", room / "state"):
        assert not leftovers(portrait(room / "mirror"))
    assert unlike(portrait(source), portrait(room / "mirror")) == []


@needs_injection
@pytest.mark.parametrize("becomes", ["gone", "what it was", "a directory"])
def test_a_replay_takes_away_what_is_of_no_file_any_more(
    becomes: str, source: Path, room: Path
) -> None:
    """The journal only says which names to look at, and none of them is the leftover's."""
    with watched(source, room):
        sync(source, room)
        before = (source / "d" / "kept").stat()
        (source / "d" / "kept").write_text("new")
        dies_when("renameat2", room, source)
        assert len(leftovers(portrait(room / "mirror"))) == 1
        (source / "d" / "kept").unlink()
        if becomes == "a directory":
            (source / "d" / "kept").mkdir()
        elif becomes == "what it was":
            (source / "d" / "kept").write_text("d/kept")
            os.utime(source / "d" / "kept", ns=(before.st_atime_ns, before.st_mtime_ns))
        assert "replaying" in sync(source, room, "-v").err
        assert unlike(portrait(source), portrait(room / "mirror")) == []


def test_a_source_that_is_the_mirror_of_another(source: Path, room: Path) -> None:
    """What is half-made in it is not mirrored, not removed, and no difference."""
    lay(source, ours(1, source, room), "d/" + ours(2, source, room))
    sync(source, room)
    assert not leftovers(portrait(room / "mirror"))
    assert (source / (ours(1, source, room))).exists()
    assert plan(source, room / "mirror", room / "state")["actions"] == []


def test_what_only_looks_like_them_is_the_users(source: Path, room: Path) -> None:
    lay(source, *FOREIGN)
    (source / "d" / (ours(4, source, room))).mkdir()
    sync(source, room)
    assert unlike(portrait(source), portrait(room / "mirror")) == []
    lay(room / "mirror" / "e", *FOREIGN)
    assert call(["copy", *words(source, room)[1:]], room).code == 0
    assert {*FOREIGN} <= {*os.listdir(room / "mirror" / "e")}
    synced_all(source, room)


def synced_all(source: Path, room: Path) -> None:
    """Removed by sync, as anything that the source does not have."""
    sync(source, room)
    assert unlike(portrait(source), portrait(room / "mirror")) == []
