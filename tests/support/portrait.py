"""Everything an outsider can see of a tree, for comparing two of them in every property.

Law: nothing in here comes from mirrorfs, and every property is asked anew. Each name is reached
from its directory's descriptor, so a tree may be deeper than a path is long.

Content is read where there is data; a hole and written zeros are the same content, and `data` tells
them apart.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}
BLOCK = 64 << 10
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOATIME


class Seen(NamedTuple):
    """One name. ``mode`` is None for a symlink; ``links`` is the first of all names in the tree
    that are this file, and ``inode`` says whether a file is still the one it was. ``data`` are the
    segments that hold data, as the file system tells, and ``allocated`` the bytes it spends."""

    kind: str
    mode: int | None
    owner: tuple[int, int]
    mtime_ns: int
    size: int
    content: str
    target: bytes
    device: int
    xattrs: tuple[tuple[str, bytes], ...]
    links: bytes
    data: tuple[tuple[int, int], ...]
    allocated: int
    inode: int


PROPERTIES = tuple(name for name in Seen._fields if name not in ("data", "allocated", "inode"))
Portrait = dict[bytes, Seen]


def portrait(root: str | os.PathLike[str]) -> Portrait:
    """Path → what is there; the root is ``b"."``. Raises OSError when anything cannot be seen."""
    seen: Portrait = {}
    first: dict[tuple[int, int], bytes] = {}
    held = os.open(root, _DIRECTORY)
    seen[b"."] = _look(held, b".", b".", first)
    stack = [(held, b"", _names(held))]
    while stack:
        held, directory, names = stack[-1]
        if (name := next(names, None)) is None:
            os.close(held)
            stack.pop()
            continue
        path = directory + b"/" + name if directory else name
        seen[path] = _look(held, name, path, first)
        if seen[path].kind == "directory":
            below = os.open(name, _DIRECTORY, dir_fd=held)
            stack.append((below, path, _names(below)))
    return seen


def unlike(
    one: Portrait, other: Portrait, *, without: tuple[str, ...] = (), limit: int = 40
) -> list[str]:
    """How two portraits differ, one line for each property; [] if they are alike."""
    lines = []
    for path in sorted(one.keys() | other.keys()):
        here, there = one.get(path), other.get(path)
        shown = os.fsdecode(path).encode("unicode_escape", "surrogateescape").decode("latin-1")
        if here is None or there is None:
            lines.append(f"{shown}: only {'there' if here is None else 'here'}")
            continue
        for name in PROPERTIES:
            mine, theirs = getattr(here, name), getattr(there, name)
            if mine != theirs and name not in without:
                lines.append(f"{shown}: {name} {mine!r:.300} here, {theirs!r:.300} there")
    return lines[:limit]


def filled(source: Portrait, mirror: Portrait) -> list[str]:
    """The files in which a hole of the source has become data in the mirror, to the block.

    Only what takes more space than the source's: btrfs calls a clone's allocated blocks data.
    """
    found = []
    for path, there in mirror.items():
        here = source.get(path)
        if here is None or there.kind != "file" or there.allocated <= here.allocated:
            continue
        wanted = set(_blocks(here.data))
        if more := [block for block in _blocks(there.data) if block not in wanted]:
            found.append(f"{path!r}: {len(more)} blocks of data too many, first {more[0] * BLOCK}")
    return found


def _names(held: int) -> Iterator[bytes]:
    return iter(sorted(os.fsencode(name) for name in os.listdir(held)))


def _look(held: int, name: bytes, path: bytes, first: dict[tuple[int, int], bytes]) -> Seen:
    found = os.stat(name, dir_fd=held, follow_symlinks=False)
    kind = KINDS[stat.S_IFMT(found.st_mode)]
    content, target = "", b""
    data: tuple[tuple[int, int], ...] = ()
    if kind == "file":
        opened = os.open(name, _FILE, dir_fd=held)
        try:
            data = tuple(_segments(opened, found.st_size))
            content = _digest(opened, data)
        finally:
            os.close(opened)
    elif kind == "symlink":
        target = os.readlink(name, dir_fd=held)
    links = path
    if found.st_nlink > 1 and kind != "directory":
        links = first.setdefault((found.st_dev, found.st_ino), path)
    return Seen(
        kind,
        None if kind == "symlink" else stat.S_IMODE(found.st_mode),
        (found.st_uid, found.st_gid),
        found.st_mtime_ns,
        found.st_size if kind == "file" else 0,
        content,
        target,
        found.st_rdev,
        _xattrs(b"/proc/self/fd/%d/%s" % (held, name)),
        links,
        data,
        found.st_blocks * 512,
        found.st_ino,
    )


def _xattrs(path: bytes) -> tuple[tuple[str, bytes], ...]:
    return tuple(
        sorted(
            (name, os.getxattr(path, name, follow_symlinks=False))
            for name in os.listxattr(path, follow_symlinks=False)
        )
    )


def _segments(opened: int, size: int) -> Iterator[tuple[int, int]]:
    end = 0
    while end < size:
        try:
            start = os.lseek(opened, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        end = os.lseek(opened, start, os.SEEK_HOLE)
        yield start, min(end, size)


def _digest(opened: int, segments: tuple[tuple[int, int], ...]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for number in sorted(set(_blocks(segments))):
        block = os.pread(opened, BLOCK, number * BLOCK).rstrip(b"\0")
        if block:
            digest.update(b"%d:%d:" % (number, len(block)) + block)
    return digest.hexdigest()


def _blocks(segments: tuple[tuple[int, int], ...]) -> Iterator[int]:
    for start, end in segments:
        yield from range(start // BLOCK, (end - 1) // BLOCK + 1)
