"""Find by looking what no event tells: every directory is listed, every entry asked for its state.

Law: a difference to the scan before is reported; what cannot be listed is unknown, and a gap. An
entry that changed within the last two seconds is reported once more by the next scan: it may have
changed again in the same tick of its file system's clock.

What is remembered is one string per directory (some 40 bytes per entry). Above `MOST_BYTES` nothing
is remembered, and every scan is a gap instead.
"""

import errno
import os
import struct
import time
from collections.abc import Callable, Iterator

from mirrorfs.core.change import Change, Dirty, Gap
from mirrorfs.core.tree import join
from mirrorfs.watch.coverage import plain, reason
from mirrorfs.watch.reach import descend

MOST_BYTES = 256 << 20
_RACY = 2.0  # seconds: the coarsest clock a file system has
_STATE = struct.Struct("=q")
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class Scan:
    """What the tree at ``root`` was at the last scan. ``exclude`` as for the watcher."""

    def __init__(
        self, root: str, exclude: Callable[[str], bool] | None, *, one_file_system: bool
    ) -> None:
        self._root = root
        self._exclude = exclude
        self._one_file_system = one_file_system
        self._known: dict[str, bytes] = {}
        self._own = b""
        self.too_large = False
        self.directories = 0
        self.failures: dict[str, str] = {}

    def look(self) -> Iterator[list[Change]]:
        """Scan once; the differences, directory by directory. Raises OSError for the root."""
        before, after, size = self._known, dict[str, bytes](), 0
        failures: dict[str, str] = {}
        root = os.stat(self._root)
        device = root.st_dev if self._one_file_system else None
        own, self._own = self._own, _packed(root)
        if own and own != self._own:
            yield [Dirty("")]
        pending = [""]
        self.directories = 0
        while pending:
            path = pending.pop()
            try:
                entries, below, fresh = self._list(path, device)
            except OSError as error:
                if not path:
                    raise
                if error.errno not in _GONE:
                    failures[path] = plain(reason(error))
                    yield [Gap(path, failures[path])]
                    after.update({each: before[each] for each in _below(before, path)})
                continue
            self.directories += 1
            pending += below
            packed = b"".join(name + b"\0" + state for name, state in sorted(entries.items()))
            size += len(packed) + len(path)
            known = before.get(path)
            if size <= MOST_BYTES:
                after[path] = known if known == packed and known is not None else packed
            if before and (fresh or known != packed):
                yield _differences(path, known, entries, before)
        self.failures = failures
        self.too_large = size > MOST_BYTES
        self._known = {} if self.too_large else after
        if self.too_large:
            yield [Gap("", "too much to remember between two looks")]

    def _list(self, path: str, device: int | None) -> tuple[dict[bytes, bytes], list[str], bool]:
        """(state of each name, directories to go into, whether something changed just now)."""
        fresh = False
        entries: dict[bytes, bytes] = {}
        below: list[str] = []
        fd = descend(self._root, path)
        try:
            recent = time.time() - _RACY
            with os.scandir(fd) as found:
                for entry in found:
                    try:
                        state = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    now = max(state.st_ctime, state.st_mtime) > recent
                    fresh = fresh or now
                    entries[os.fsencode(entry.name)] = _FRESH if now else _packed(state)
                    if entry.is_dir(follow_symlinks=False):
                        at = join(path, entry.name)
                        if device is not None and state.st_dev != device:
                            continue
                        if self._exclude is None or not self._exclude(at):
                            below.append(at)
        finally:
            os.close(fd)
        return entries, below, fresh


_FRESH = bytes(_STATE.size)


def _packed(state: os.stat_result) -> bytes:
    return _STATE.pack(
        hash(
            (
                state.st_mode,
                state.st_ino,
                state.st_size,
                state.st_mtime_ns,
                state.st_ctime_ns,
                state.st_uid,
                state.st_gid,
                state.st_nlink,
            )
        )
        or 1
    )


def _differences(
    path: str, known: bytes | None, entries: dict[bytes, bytes], before: dict[str, bytes]
) -> list[Change]:
    if known is None:
        return [Dirty(path, True)]  # new, or unreadable before
    were = _unpacked(known)
    return [
        Dirty(join(path, os.fsdecode(name)))
        for name in were.keys() | entries.keys()
        if were.get(name) != entries.get(name) or entries.get(name) == _FRESH
    ]


def _unpacked(packed: bytes) -> dict[bytes, bytes]:
    entries, at = {}, 0
    while at < len(packed):
        end = packed.index(b"\0", at)
        entries[packed[at:end]] = packed[end + 1 : end + 1 + _STATE.size]
        at = end + 1 + _STATE.size
    return entries


def _below(known: dict[str, bytes], path: str) -> list[str]:
    return [other for other in known if other == path or other.startswith(path + "/")]
