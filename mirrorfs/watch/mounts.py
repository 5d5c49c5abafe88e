"""What is mounted at, above or below the root, and what of it changed.

Law: mounting over a directory makes no event, nor does a lazy unmount while somebody is inside; the
kernel's list of mounts tells of both, and polling it (POLLPRI) costs nothing while it does not
change.
"""

import os
from typing import NamedTuple

from mirrorfs.core.tree import is_below, is_within
from mirrorfs.trees.local.mountinfo import Mount, mounts


class FileSystem(NamedTuple):
    """``kind`` is the type of the file system, ``line`` all that the kernel says, ``device`` the
    same for all mounts of it."""

    kind: str
    line: bytes
    device: str = ""


class Mounts:
    """The mounts that matter to ``root`` (an absolute path without symlinks)."""

    def __init__(self, root: str) -> None:
        self._root = root.strip("/")
        self.fd = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
        self._known = self._read()

    def fingerprint(self) -> str:
        """What is mounted where, the same in another process and its mount namespace."""
        parts = []
        for point, line in self._known:
            fields, _, kind = line.partition(b" - ")
            parts.append(f"{point} {fields.split(b' ')[2:4]} {kind.split(b' ')[:2]}")
        return "\n".join(sorted(parts))

    def changes(self) -> list[str] | None:
        """The mount points below the root where something was mounted or unmounted since the last
        call, as root-relative paths; None when that concerns the root itself or a directory above
        it.
        """
        before, self._known = self._known, self._read()
        changed = {mount.point for mount in before ^ self._known}
        if any(is_within(self._root, point) for point in changed):
            return None
        skip = len(self._root) + 1 if self._root else 0
        return sorted(point[skip:] for point in changed)

    def seen(self) -> dict[str, FileSystem]:
        """What is mounted at the root ("") or above it, and at the mount points below it that can
        be seen, by root-relative path."""
        seen = {"": FileSystem("", b"")}
        skip = len(self._root) + 1 if self._root else 0
        for mount in mounts(self.fd):
            point, mounted = mount.point, FileSystem(mount.kind, mount.line, mount.device)
            if is_within(self._root, point):
                seen = {"": mounted}  # what was mounted below before is hidden
            elif is_within(point, self._root):
                path = point[skip:]
                seen = {other: its for other, its in seen.items() if not is_below(other, path)}
                seen[path] = mounted
        return seen

    def close(self) -> None:
        os.close(self.fd)

    def _read(self) -> set[Mount]:
        """What lies on the root's path; whole lines, because the kernel uses mount ids again."""
        return {
            mount
            for mount in mounts(self.fd)
            if is_within(mount.point, self._root) or is_within(self._root, mount.point)
        }


def of_one_file_system(seen: dict[str, FileSystem], root: str) -> dict[str, FileSystem]:
    """The root, and what else of its own file system is bound below it: a walk that stays on one
    file system goes into that. Others are not asked for anything, a server may not answer."""
    device = seen[""].device
    others = [path for path, mounted in seen.items() if mounted.device != device]
    return {
        path: mounted
        for path, mounted in seen.items()
        if not any(is_within(path, other) for other in others) and _is_on_device(path, root)
    }


def _is_on_device(path: str, root: str) -> bool:
    try:
        return os.stat(os.path.join(root, path)).st_dev == os.stat(root).st_dev
    except OSError:
        return False
