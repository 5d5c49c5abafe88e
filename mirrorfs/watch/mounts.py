"""What is mounted at, above or below the root, and what of it changed.

Law: mounting over a directory makes no event, nor does a lazy unmount while somebody is inside; the
kernel's list of mounts tells of both, and polling it (POLLPRI) costs nothing while it does not
change.
"""

import os
import re

from mirrorfs.core.tree import is_within

_OCTAL = re.compile(rb"\\([0-7]{3})")


class Mounts:
    """The mounts that matter to ``root`` (an absolute path without symlinks)."""

    def __init__(self, root: str) -> None:
        self._root = root.strip("/")
        self.fd = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
        self._known = self._read()

    def changes(self) -> list[str] | None:
        """The mount points below the root where something was mounted or unmounted since the last
        call, as root-relative paths; None when that concerns the root itself or a directory above
        it.
        """
        before, self._known = self._known, self._read()
        changed = {point for point, _ in before ^ self._known}
        if any(is_within(self._root, point) for point in changed):
            return None
        skip = len(self._root) + 1 if self._root else 0
        return sorted(point[skip:] for point in changed)

    def close(self) -> None:
        os.close(self.fd)

    def _read(self) -> set[tuple[str, bytes]]:
        """(mount point without its leading slash, line) of what lies on the root's path.

        The whole line, because the kernel uses mount ids again.
        """
        os.lseek(self.fd, 0, os.SEEK_SET)
        data = b"".join(iter(lambda: os.read(self.fd, 65536), b""))
        mounts = set()
        for line in data.splitlines():
            fields = line.split(b" ", 5)
            raw = _OCTAL.sub(lambda match: bytes([int(match[1], 8)]), fields[4])
            point = os.fsdecode(raw).strip("/")
            if is_within(point, self._root) or is_within(self._root, point):
                mounts.add((point, line))
        return mounts
