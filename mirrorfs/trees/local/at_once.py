"""Many names of one held directory: look at them, rename them, remove them.

Law: nothing is followed and nothing replaced; what is renamed or removed is a regular file, and
the one that was seen. Whatever is out of the ordinary, an error or only a doubt, is left to the
long way, which says what is wrong. What is compiled answers as `plain_look_at` and so on do.
"""

import os
import stat
from collections.abc import Callable, Sequence
from typing import Protocol

from mirrorfs.core.tree import Entry, Kind
from mirrorfs.trees.local import kernel, native
from mirrorfs.trees.local.attributes import read_xattrs
from mirrorfs.trees.local.entry import KINDS, entry_of


class LookAt(Protocol):
    def __call__(
        self, directory: int, names: Sequence[str], prefix: str, device: int, *, xattrs: bool
    ) -> tuple[dict[str, Entry], list[str]]:
        """The files and directories at ``names``, and what is left: what is of another kind, or on
        another ``device``, has extended attributes and is asked for them, or whose name begins with
        ``prefix``, or is none. A name that is not there is neither."""


Rename = Callable[[int, int, Sequence[str], Sequence[str], Sequence[Entry]], list[bool]]
"""``(directory, to, names, others, seen)``: give files other names, that are free, in the directory
``to``. Whether each is done; else nothing of it is."""

Remove = Callable[[int, Sequence[str], Sequence[Entry]], list[bool]]
"""``(directory, names, seen)``: remove files whose content is that of when they were seen, as size
and time tell. Whether each is done."""


def plain_look_at(
    directory: int, names: Sequence[str], prefix: str, device: int, *, xattrs: bool
) -> tuple[dict[str, Entry], list[str]]:
    """See `LookAt`."""
    entries: dict[str, Entry] = {}
    left = []
    for name in names:
        try:
            if _is_name(name) and not name.startswith(prefix):
                st = os.stat(name, dir_fd=directory, follow_symlinks=False)
                ordinary = stat.S_ISREG(st.st_mode) or stat.S_ISDIR(st.st_mode)
                if ordinary and st.st_dev == device:
                    where = f"/proc/self/fd/{directory}/{name}"
                    kept = read_xattrs(where, follow=False) if xattrs else None
                    if not kept:
                        entries[name] = entry_of(st, "", kept)
                        continue
        except FileNotFoundError:
            continue
        except OSError:
            pass
        left.append(name)
    return entries, left


def plain_rename(
    directory: int, to: int, names: Sequence[str], others: Sequence[str], seen: Sequence[Entry]
) -> list[bool]:
    """See `Rename`."""
    done = []
    for name, other, saw in zip(names, others, seen, strict=True):
        try:
            fits = _is_name(name) and _is_name(other) and _is_the_file(directory, name, saw)
            if fits:
                kernel.rename_new(directory, name, to, other)
        except OSError:
            fits = False
        done.append(fits)
    return done


def plain_remove(directory: int, names: Sequence[str], seen: Sequence[Entry]) -> list[bool]:
    """See `Remove`."""
    done = []
    for name, saw in zip(names, seen, strict=True):
        try:
            fits = _is_name(name) and _is_the_file(directory, name, saw, changed=False)
            if fits:
                # RACE: whoever changes the file between this look and the removal loses the change.
                os.unlink(name, dir_fd=directory)
        except OSError:
            fits = False
        done.append(fits)
    return done


def _is_name(name: str) -> bool:
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name


def _is_the_file(directory: int, name: str, saw: Entry, *, changed: bool = True) -> bool:
    """The file that was seen; ``changed``: whatever became of its content. Raises OSError."""
    st = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if KINDS[stat.S_IFMT(st.st_mode)] is not Kind.FILE or st.st_ino != saw.inode:
        return False
    return changed or (st.st_size == saw.size and st.st_mtime_ns == saw.mtime_ns)


_compiled = native.load()
look_at: LookAt = plain_look_at if _compiled is None else _compiled.look_at
rename: Rename = plain_rename if _compiled is None else _compiled.rename
remove: Remove = plain_remove if _compiled is None else _compiled.remove
