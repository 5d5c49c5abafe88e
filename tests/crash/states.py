"""Two states of one tree, and what may lie between them.

Law: every file's content names its path and its state, so that a mixture of two is seen.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from support.portrait import Portrait, Seen, portrait

TEMPORARY = re.compile(rb"\.mirrorfs-[0-9a-f]{8}-[0-9a-f]{8}\.(partial|tmp)")
LARGE = 700_000  # more than is copied by one read and one write
# What `second` renames as a whole: to → from.
RENAMED = {b"renamed": b"directory", b"moved/file": b"file"}


def _write(place: Path, state: str, size: int = 60) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    line = f"{state} {place.name} {place.parent.name}\n".encode()
    place.write_bytes((line * (size // len(line) + 1))[:size])


def _holes(place: Path, state: str) -> None:
    with open(place, "wb") as file:
        for at in (0, 3 << 20, 6 << 20):
            file.seek(at)
            file.write(state.encode() * 3000)
        file.truncate(8 << 20)


def first(root: Path) -> None:
    """Make the tree."""
    root.mkdir()
    for number in range(7):
        _write(root / "many" / f"replaced{number}", "first", 40 + number)
    for name in ("kept", "few/a", "few/b", "file", "attributes", "to-directory", "to-symlink"):
        _write(root / name, "first")
    for name in ("directory/sub/x", "directory/sub/y", "directory/z", "gone/deep/a", "gone/b"):
        _write(root / name, "first")
    for name in ("swap1", "swap2", "of-directory/a", "of-directory/b", "link1"):
        _write(root / name, "first")
    _write(root / "large", "first", LARGE)
    _holes(root / "sparse", "first")
    (root / "moved").mkdir()
    (root / "empty").mkdir()
    os.link(root / "link1", root / "link2")
    os.link(root / "link1", root / "empty" / "link3")
    (root / "link").symlink_to("first")
    (root / "of-symlink").symlink_to("kept")
    os.mkfifo(root / "of-fifo")
    os.setxattr(root / "attributes", "user.first", b"1")
    os.setxattr(root / "many", "user.of", b"a directory")
    os.chown(root / "few" / "b", 12, 34)
    if os.geteuid() == 0:
        os.mknod(root / "null", 0o020644, os.makedev(1, 3))


def second(root: Path) -> None:
    """Change it in every way."""
    for number in range(7):
        _write(root / "many" / f"replaced{number}", "second", 40 + number)
    for name in ("few/a", "few/b", "created/deep/a", "created/b", "many/new", "link2new"):
        _write(root / name, "second")
    shutil.rmtree(root / "gone")
    (root / "directory").rename(root / "renamed")
    _write(root / "renamed" / "sub" / "y", "second")
    (root / "file").rename(root / "moved" / "file")
    (root / "swap1").rename(root / "swap")
    (root / "swap2").rename(root / "swap1")
    (root / "swap").rename(root / "swap2")
    (root / "link2").unlink()
    (root / "link2new").rename(root / "link2")
    os.link(root / "link1", root / "link4")
    for name in ("to-directory", "to-symlink", "of-symlink", "of-fifo", "link"):
        (root / name).unlink()
    _write(root / "to-directory" / "inside", "second")
    (root / "to-symlink").symlink_to("kept")
    shutil.rmtree(root / "of-directory")
    for name in ("of-directory", "of-symlink", "of-fifo"):
        _write(root / name, "second")
    (root / "link").symlink_to("second")
    os.mkfifo(root / "fifo")
    _write(root / "large", "second", LARGE + 5)
    _holes(root / "sparse", "second")
    _holes(root / "created" / "sparse", "second")
    _write(root / "created" / "large", "second", LARGE)
    os.removexattr(root / "attributes", "user.first")
    os.setxattr(root / "attributes", "user.second", b"2")
    os.setxattr(root / "created", "user.second", b"2")
    (root / "attributes").chmod(0o4711)
    (root / "created").chmod(0o750)
    os.chown(root / "attributes", 12, 34)
    os.chown(root / "kept", 5, 6)
    os.symlink("nowhere", root / "created" / "dangling")
    if os.geteuid() == 0:
        (root / "null").unlink()
        os.mknod(root / "null", 0o020644, os.makedev(1, 5))
        os.mknod(root / "block", 0o060600, os.makedev(7, 200))


def become(root: Path, model: Path) -> None:
    """Make a tree equal to a model, with real renames."""
    for to, origin in RENAMED.items():
        here, there = os.fsdecode(to), os.fsdecode(origin)
        if (model / here).exists() and (root / there).exists():
            (root / there).rename(root / here)
        elif (model / there).exists() and (root / here).exists():
            (root / here).rename(root / there)
    exact = ("-aHAXSc", "--delete", "--force", "--modify-window=-1")
    rsync = ("rsync", *exact, f"{model}/", f"{root}/")
    subprocess.run(rsync, check=True, capture_output=True, timeout=60)


def leftovers(seen: Portrait) -> set[bytes]:
    """The paths whose names look like our temporaries'."""
    return {path for path in seen if path.rpartition(b"/")[2].startswith(b".mirrorfs")}


def torn(
    before: Portrait, now: Portrait, after: Portrait, *, after_power_cut: bool = False
) -> list[str]:
    """What is not whole, missing or strange in a mirror that was stopped on its way from one state
    to another; leftovers must be ours, and no directories. ``after_power_cut``: only of files that
    were there before."""
    wrong = []
    left = leftovers(now)
    for path in left:
        name = path.rpartition(b"/")[2]
        if not TEMPORARY.fullmatch(name) or now[path].kind == "directory":
            wrong.append(f"{path!r} is no temporary of ours")
    for path, seen in now.items():
        known = path in before and before[path].kind != "directory"
        if path not in left and (known or not after_power_cut):
            may = [before.get(path), after.get(path), before.get(_origin(path))]
            wrong += _unlike([each for each in may if each], path, seen, after.get(path))
    for path in before.keys() & after.keys():
        kinds = {before[path].kind, after[path].kind}
        # Nothing can put a directory in a file's place in one step, or a file in a directory's.
        if path not in now and ("directory" not in kinds or len(kinds) == 1):
            wrong.append(f"{path!r} is missing")
    return wrong


def _unlike(may: list[Seen], path: bytes, seen: Seen, want: Seen | None) -> list[str]:
    whole = [
        each
        for each in may
        if (each.kind, each.content, each.target, each.size)
        == (seen.kind, seen.content, seen.target, seen.size)
    ]
    if not whole:
        return [f"{path!r} is neither old nor new: {seen}"]
    if seen.kind == "directory" or want is None or whole != [want]:
        return []
    # It is new, so it has its attributes, too: they were there before the name was.
    wrong = [
        name
        for name in ("mode", "owner", "mtime_ns", "xattrs", "device")
        if getattr(seen, name) != getattr(want, name)
    ]
    return [f"{path!r}: {', '.join(wrong)} of the new file are wrong"] if wrong else []


def _origin(path: bytes) -> bytes:
    """Where a renamed path was, or became, in the other state."""
    for pair in (RENAMED.items(), ((old, new) for new, old in RENAMED.items())):
        for one, other in pair:
            if path == one or path.startswith(one + b"/"):
                return other + path[len(one) :]
    return path


def temporaries_of_state(state: Path) -> list[str]:
    """What a state directory holds half-made."""
    return [
        os.path.join(where, name)
        for where, _, names in os.walk(state)
        for name in names
        if name.startswith((".new-", "."))
    ]


class States:
    """The two, on disk, with their portraits."""

    def __init__(self, room: Path) -> None:
        self.room = room
        self.first, self.second = room / "first", room / "second"
        first(self.first)
        subprocess.run(("cp", "-a", self.first, self.second), check=True)
        second(self.second)
        self.seen = {place: portrait(place) for place in (self.first, self.second)}
