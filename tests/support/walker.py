"""An independent comparison of two directories, for judging a mirror.

Law: nothing in here comes from mirrorfs: what decides whether the mirror is right must not share
its mistakes. Everything is asked anew by `os.lstat`, `os.readlink` and plain reads of whole files.
"""

import filecmp
import os
import stat

LIMIT = 40  # differences that are spelled out

_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}


def differences(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    *,
    content: bool = True,
    root: bool = True,
) -> list[str]:
    """How two directories differ in type, content, mode, mtime (ns) and link target; [] if not at
    all. At most `LIMIT` of them, one line each, made readable. ``root``: the two directories' own
    mode and time count, too. Names that vanish meanwhile are differences."""
    found: list[str] = []
    one, other = os.fsencode(source), os.fsencode(destination)
    if root:
        found += _differ(b".", one, other, content)
    pending = [b""]
    while pending and len(found) < LIMIT:
        directory = pending.pop()
        ours = _names(os.path.join(one, directory))
        theirs = _names(os.path.join(other, directory))
        if ours is None or theirs is None:
            found.append(f"{_shown(directory)}: cannot be listed on both sides")
            continue
        for name in sorted(ours | theirs):
            path = os.path.join(directory, name)
            if name not in theirs:
                found.append(f"{_shown(path)}: missing in the destination")
            elif name not in ours:
                found.append(f"{_shown(path)}: only in the destination")
            else:
                here, there = os.path.join(one, path), os.path.join(other, path)
                found += _differ(path, here, there, content)
                if _is_directory(here) and _is_directory(there):
                    pending.append(path)
    return found[:LIMIT]


def link_groups(directory: str | os.PathLike[str]) -> list[list[bytes]]:
    """The names below a directory that are one file, where there is more than one; sorted."""
    groups: dict[tuple[int, int], list[bytes]] = {}
    top = os.fsencode(directory)
    for where, _, names in os.walk(top):
        for name in names:
            path = os.path.join(where, name)
            found = os.lstat(path)
            if stat.S_ISREG(found.st_mode):
                groups.setdefault((found.st_dev, found.st_ino), []).append(
                    os.path.relpath(path, top)
                )
    return sorted(sorted(names) for names in groups.values() if len(names) > 1)


def count(directory: str | os.PathLike[str]) -> int:
    """How many names lie below a directory."""
    return sum(len(names) + len(files) for _, names, files in os.walk(directory))


def leftovers(directory: str | os.PathLike[str]) -> list[str]:
    """Temporaries of mirrorfs that lie below a directory."""
    return [
        os.path.join(where, name)
        for where, _, names in os.walk(directory)
        for name in names
        if name.startswith(".mirrorfs-")
    ]


def _differ(path: bytes, one: bytes, other: bytes, content: bool) -> list[str]:
    try:
        here, there = os.lstat(one), os.lstat(other)
        kind, found = stat.S_IFMT(here.st_mode), stat.S_IFMT(there.st_mode)
        if kind != found:
            return [f"{_shown(path)}: {_KINDS[kind]} here, {_KINDS[found]} there"]
        differ = []
        if kind != stat.S_IFLNK and here.st_mode != there.st_mode:
            differ.append(f"mode {here.st_mode & 0o7777:o} here, {there.st_mode & 0o7777:o} there")
        if here.st_mtime_ns != there.st_mtime_ns:
            differ.append(f"mtime {here.st_mtime_ns} here, {there.st_mtime_ns} there")
        if kind == stat.S_IFLNK and os.readlink(one) != os.readlink(other):
            differ.append(f"target {os.readlink(one)!r} here, {os.readlink(other)!r} there")
        if kind in (stat.S_IFCHR, stat.S_IFBLK) and here.st_rdev != there.st_rdev:
            differ.append(f"device {here.st_rdev} here, {there.st_rdev} there")
        if kind == stat.S_IFREG:
            if here.st_size != there.st_size:
                differ.append(f"{here.st_size} bytes here, {there.st_size} there")
            elif content and not _same_bytes(one, other):
                differ.append("the content differs")
    except OSError as error:
        return [f"{_shown(path)}: {error.strerror} while it was compared"]
    return [f"{_shown(path)}: {', '.join(differ)}"] if differ else []


def _same_bytes(one: bytes, other: bytes) -> bool:
    filecmp.clear_cache()
    return filecmp.cmp(one, other, shallow=False)


def _names(directory: bytes) -> set[bytes] | None:
    try:
        return set(os.listdir(directory))
    except OSError:
        return None


def _is_directory(path: bytes) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _shown(path: bytes) -> str:
    return repr(os.fsdecode(path))[1:-1]
