"""Directory handles: every path is reached from the root's descriptor, component by component.

Law: no symlink is followed and no path is longer than one name, so neither a swapped directory
leads outside nor does depth matter (PATH_MAX). A directory is opened from its nearest ancestor at
hand.

A bounded number of handles is kept, the least recently used goes first; one in use is closed when
its last user lets go. What is kept can go stale, by others' renames for as long as a pass lasts, by
our own never: the verbs call `forget`.
"""

import errno
import os
import resource
import threading
from collections import OrderedDict

from mirrorfs.core.tree import TreeError, join, split
from mirrorfs.trees.local.attributes import by_path
from mirrorfs.trees.local.patience import keeps, patiently
from mirrorfs.trees.local.quiet import open_quietly
from mirrorfs.trees.local.trouble import failure, unsafe

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
KEPT = 64


class Handle:
    """An open directory; a context manager that lets go of it, whose value is the descriptor.

    ``listable`` is False where we may pass through but not read it. ``listing`` guards the one
    offset that all who list a descriptor share. ``roomy``: it was seen to that we may write in it.
    """

    __slots__ = ("_owner", "fd", "kept", "listable", "listing", "roomy", "users")

    def __init__(self, owner: "Handles", fd: int, listable: bool = True) -> None:
        self._owner = owner
        self.fd = fd
        self.listable = listable
        self.listing = threading.Lock()
        self.users = 1
        self.kept = False
        self.roomy = False

    def __enter__(self) -> int:
        return self.fd

    def __exit__(self, *_: object) -> None:
        self._owner.release(self)


class Handles:
    """The directories of one tree. ``follow``: symlinks to directories are directories.
    ``opens_up``: our own directories that may not be written in (a mirrored 0555) are opened up
    for writing; their mode is set again with the directory attributes, as after every change
    inside.

    ``opened`` set to a list receives the path of every directory opened from then on.
    """

    def __init__(
        self, root: int, *, follow: bool = False, opens_up: bool = False, kept: int | None = None
    ) -> None:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        roomy = soft == resource.RLIM_INFINITY or soft >= 4 * KEPT
        self._limit = kept or (KEPT if roomy else max(4, soft // 4))
        self._flags = DIRECTORY if follow else DIRECTORY | os.O_NOFOLLOW
        self._opens_up = opens_up
        self._lock = threading.Lock()
        self._root = Handle(self, root)
        self._kept: OrderedDict[str, Handle] = OrderedDict()
        self.opened: list[str] | None = None
        keeps(self)

    def take(self, path: str) -> Handle:
        """The handle of a directory, held until it is released. Raises TreeError."""
        missing: list[str] = []
        with self._lock:
            if (handle := self._kept.get(path)) is not None:
                self._kept.move_to_end(path)
                handle.users += 1
                return handle
            here = path
            while (handle := self._kept.get(here)) is None and here:
                here, name = split(here)
                missing.append(name)
            if handle is None:
                handle = self._root
            else:
                self._kept.move_to_end(here)
            handle.users += 1
        while missing:
            name = missing.pop()
            here = join(here, name)
            try:
                below = self._open(here, name, handle)
            except (OSError, ValueError) as error:
                raise TreeError(failure(here, error, "open the directory")) from None
            finally:
                self.release(handle)
            handle = below
        return handle

    def take_to_write(self, path: str) -> Handle:
        """The same, for somebody who creates, renames or removes names in it."""
        handle = self.take(path)
        if self._opens_up and not handle.roomy:
            try:
                found = os.fstat(handle.fd)
                if found.st_uid == os.geteuid() and found.st_mode & 0o300 != 0o300:
                    os.chmod(by_path(handle.fd), found.st_mode & 0o7777 | 0o300)
            except OSError:
                pass  # whatever is wrong shows when it is written to
            handle.roomy = True
        return handle

    def release(self, handle: Handle) -> None:
        with self._lock:
            handle.users -= 1
            if not handle.users and not handle.kept:
                _close(handle.fd)

    def forget(self, path: str = "") -> bool:
        """Keep no handle at or below ``path``; whether there was one."""
        with self._lock:
            below = f"{path}/" if path else ""
            stale = [kept for kept in self._kept if kept.startswith(below)]
            if path in self._kept:
                stale.append(path)
            for kept in stale:
                self._drop(self._kept.pop(kept))
        return bool(stale)

    def made(self, path: str) -> None:
        """A directory was made there: the handle of one that others removed, or renamed, is not
        kept. Those of what was in it go when that is made again."""
        with self._lock:
            if (kept := self._kept.pop(path, None)) is not None:
                self._drop(kept)

    def rest(self) -> None:
        """The root is let go of: what was seen to in it is to be seen to again."""
        self.forget()
        self._root.roomy = False

    def close(self) -> None:
        self.forget()
        self.release(self._root)

    def _open(self, path: str, name: str, above: Handle) -> Handle:
        if name in ("", ".", ".."):
            raise unsafe(path)
        if self.opened is not None:
            self.opened.append(path)
        try:
            fd = patiently(open_quietly, name, self._flags, above.fd)
            listable = True
        except OSError as error:
            if error.errno != errno.EACCES:
                raise
            # Search permission alone is enough to reach what lies below.
            flags = self._flags | os.O_PATH
            fd, listable = patiently(os.open, name, flags, dir_fd=above.fd), False
        return self._keep(path, Handle(self, fd, listable))

    def _keep(self, path: str, handle: Handle) -> Handle:
        with self._lock:
            if (other := self._kept.get(path)) is not None:
                # Another thread was quicker.
                _close(handle.fd)
                other.users += 1
                return other
            handle.kept = True
            self._kept[path] = handle
            if len(self._kept) > self._limit:
                self._drop(self._kept.popitem(last=False)[1])
        return handle

    def _drop(self, handle: Handle) -> None:
        handle.kept = False
        if not handle.users:
            _close(handle.fd)


def _close(fd: int) -> None:
    try:
        os.close(fd)
    except OSError:
        pass  # nothing was written through it, and it is closed all the same
