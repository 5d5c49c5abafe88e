"""What is mounted below a directory.

Law: a place is a mount when the directory opened there is the root of one; the kernel's list only
says where to look, and that it has changed.
"""

import os
import select
from collections.abc import Callable, Collection

from mirrorfs.core.mounts import Mounted
from mirrorfs.core.tree import TreeError, is_below
from mirrorfs.errors import TemporaryError
from mirrorfs.trees.local import kernel
from mirrorfs.trees.local.handles import Handles
from mirrorfs.trees.local.identity import identity
from mirrorfs.trees.local.mountinfo import VIEW, mounts


class Nested:
    """What is mounted below a root, asked as often as wanted: while the list has not changed the
    answer costs one system call."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._list = -1
        self._poll = select.poll()
        self._found: dict[str, Mounted] = {}
        self._known: frozenset[str] = frozenset()

    def look(
        self, handles: Handles, known: Collection[str], takes: Callable[[str], bool]
    ) -> dict[str, Mounted]:
        """What is mounted below the root now, in the places that ``takes`` wants to know of, and in
        ``known`` ones in any case: opening them may mount something."""
        places = frozenset(known)
        if self._list < 0:
            try:
                self._list = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                return {}
            self._poll.register(self._list, select.POLLPRI | select.POLLERR)
            self._poll.poll(0)
        elif places == self._known and not self._poll.poll(0):
            return self._found
        # RACE: the poll came before this reading; a mount between the two is told of again.
        root = os.readlink(f"/proc/self/fd/{self._root}").strip("/")
        skip = len(root) + 1 if root else 0
        points = {
            mount.point
            for mount in mounts(self._list)
            if is_below(mount.point, root) and mount.kind != VIEW
        }
        wanted = {path for point in points if takes(path := point[skip:])}
        found = {}
        for path in sorted(wanted | places):
            if (mounted := _mounted(handles, path)) is not None:
                found[path] = mounted
        self._found, self._known = found, places
        return found

    def close(self) -> None:
        if self._list >= 0:
            os.close(self._list)
            self._list = -1


def _mounted(handles: Handles, path: str) -> Mounted | None:
    handles.forget(path)
    try:
        with handles.take(path) as descriptor:
            instance = kernel.mount_root(descriptor)
            return None if instance is None else Mounted(identity(path, descriptor), instance)
    except (OSError, TreeError, TemporaryError):
        return None
    finally:
        handles.forget(path)
