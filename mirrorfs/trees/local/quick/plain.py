"""The quick check in Python: two listings and one stat for each name, and no entry of a file.

Law: the reference for `mirrorfs.trees.local.native`, which answers the same, sooner.
"""

import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mirrorfs.core.quick import Quick, Terms
from mirrorfs.core.tree import Entry
from mirrorfs.trees.local.at_once import plain_look_at
from mirrorfs.trees.local.attributes import by_path, read_xattrs
from mirrorfs.trees.local.handles import DIRECTORY
from mirrorfs.trees.local.quiet import open_quietly


class Bounds(NamedTuple):
    """Nothing is told of a directory in which a name begins with the ``prefix``. Directories in it
    are looked at where they are on these ``devices`` (of the source, of the destination), and have
    no extended attributes or are not asked for them (``xattrs``, the same)."""

    prefix: str
    devices: tuple[int, int]
    xattrs: tuple[bool, bool]


def look(
    source: int, destination: int, names: Sequence[str], terms: Terms, bounds: Bounds, *, most: int
) -> list[Quick | None]:
    """What the directories ``names`` hold, relative to two held ones; the first of them, where
    these have more than ``most`` names."""
    answers: list[Quick | None] = []
    seen = 0
    for name in names:
        answers.append(answer := _directory(source, destination, name, terms, bounds))
        if answer is not None:
            seen += len(answer.equal) + len(answer.fresh) + len(answer.rest) + len(answer.theirs)
            if seen >= most:
                break
    return answers


def _directory(
    source: int, destination: int, name: str, terms: Terms, bounds: Bounds
) -> Quick | None:
    flags = DIRECTORY | os.O_NOFOLLOW
    try:
        here = open_quietly(name, flags, source)
        try:
            there = open_quietly(name, flags, destination)
            try:
                return _pair(here, there, terms, bounds)
            finally:
                os.close(there)
        finally:
            os.close(here)
    except (OSError, ValueError):
        return None


def _pair(here: int, there: int, terms: Terms, bounds: Bounds) -> Quick | None:
    """Raises OSError."""
    equal: list[str] = []
    fresh: list[str] = []
    rest: list[str] = []
    below: list[str] = []
    with os.scandir(there) as iterator:
        twins = {item.name: item for item in iterator}
    with os.scandir(here) as iterator:
        items: Iterable[os.DirEntry[str]] = list(iterator)
    if any(name.startswith(bounds.prefix) for name in (*twins, *(item.name for item in items))):
        return None
    window, mode, owner, xattrs, uid = terms
    for item in items:
        name = item.name
        twin = twins.pop(name, None)
        if (
            twin is not None
            and item.is_file(follow_symlinks=False)
            and twin.is_file(follow_symlinks=False)
        ):
            try:
                one = item.stat(follow_symlinks=False)
                two = twin.stat(follow_symlinks=False)
                if (
                    one.st_size == two.st_size
                    and -window < one.st_mtime_ns - two.st_mtime_ns < window
                    and one.st_nlink == 1 == two.st_nlink
                    and (not mode or one.st_mode == two.st_mode)
                    and (not owner or (one.st_uid == two.st_uid and one.st_gid == two.st_gid))
                    and (uid < 0 or one.st_uid == uid)
                    and one.st_mode & 0o170000 == 0o100000 == two.st_mode & 0o170000
                    and (not xattrs or _alike(here, there, name))
                ):
                    equal.append(name)
                    continue
            except OSError:
                pass
        if twin is None and item.is_file(follow_symlinks=False):
            fresh.append(name)
        elif twin is not None and _are_directories(item, twin):
            below.append(name)
        else:
            rest.append(name)
    theirs, ours = (_entered(side, fd, below, bounds) for side, fd in enumerate((here, there)))
    both = theirs.keys() & ours.keys()
    equal.sort()
    return Quick(
        equal,
        sorted(fresh),
        sorted((*rest, *twins, *(name for name in below if name not in both))),
        {name: theirs[name] for name in below if name in both},
        {name: ours[name] for name in below if name in both},
    )


def _are_directories(item: "os.DirEntry[str]", twin: "os.DirEntry[str]") -> bool:
    return item.is_dir(follow_symlinks=False) and twin.is_dir(follow_symlinks=False)


def _entered(side: int, fd: int, names: Sequence[str], bounds: Bounds) -> dict[str, Entry]:
    entries, _ = plain_look_at(
        fd, names, bounds.prefix, bounds.devices[side], xattrs=bounds.xattrs[side]
    )
    return {name: entry for name, entry in entries.items() if entry.is_directory}


def _alike(here: int, there: int, name: str) -> bool:
    """Raises OSError."""
    one = read_xattrs(f"{by_path(here)}/{name}", follow=False)
    return one == read_xattrs(f"{by_path(there)}/{name}", follow=False)
