"""Which directory of the tree a handle stands for.

Law: a place that is remembered is right, or an event that forgets it is still queued: it is found
by opening the handle and asking the kernel for the path, and forgotten with the first rename or
removal, of it or of a directory above, that is heard of after. Nothing is ever moved in the map:
the kernel merges events, so the last rename heard of need not be the last one that happened; but it
is read after all of them happened, and asking again finds where they led.

What is remembered is bounded (`MOST`): that of the tree is let go of as a whole, between two
reports; a handle of another tree on the same file system is one dict entry, and costs no system
call while it is there.
"""

import errno
import os
import stat
import time
from collections.abc import Callable

from mirrorfs.trees.local.patience import EXHAUSTED, patiently
from mirrorfs.watch.fanotify import handle_of, open_handle
from mirrorfs.watch.watches import Node, Watches, child, remove

MOST = 1 << 16

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_ABOVE = os.O_PATH | os.O_CLOEXEC
_GONE = " (deleted)"
_TRIES, _MOMENT = 20, 0.0002  # seconds


class Astray(Exception):
    """The root is not where it was; says why. What was asked for is not known."""


class Places:
    """``device``: what lies on another file system does not count. Raises OSError."""

    def __init__(
        self, root: str, exclude: Callable[[str], bool] | None, *, one_file_system: bool
    ) -> None:
        self._root = root
        self._exclude = exclude
        fd = os.open(root, _OPEN)
        try:
            self.handle, self._mount = handle_of(fd)
            self._device = os.fstat(fd).st_dev if one_file_system else None
            os.close(open_handle(fd, self.handle))
        finally:
            os.close(fd)
        self.above = _above(root)
        self.watches = Watches(1)
        self._number = 1
        self._known: dict[bytes, int] = {}
        self._outside: set[bytes] = set()
        self._fresh: dict[bytes, int] = {}
        self._cut: set[bytes] = set()  # in the tree, with a path too long to be told
        self._fd = -1
        self._prefix = ""
        self.deep: set[str] = set()  # paths below which something has a path too long to be told
        self.adrift = False  # a file was asked for of which the kernel knows no name

    # While what one read returned is taken in

    def find(self, handle: bytes) -> int:
        """The number of the directory's node; 0 when it is not in the tree. Raises OSError, Astray.

        Valid until something is forgotten.
        """
        number = self._fresh.get(handle)
        if number is None:
            number = self._fresh[handle] = self._find(handle)
        return number

    def locate(self, handle: bytes) -> str | None:
        """The path of what has a handle, asked from the kernel. Raises OSError, Astray."""
        self._hold_root()
        try:
            fd = patiently(_open_steadily, self._fd, handle)
        except OSError as error:
            if error.errno in (errno.ESTALE, errno.ENOENT):
                return None  # the removal of it, or of a directory above, tells
            raise
        try:
            path = _path(fd)
            if path is None:
                above = self._climb(fd)
                if above is not None:
                    self.deep.add(above)
                    self._cut.add(handle)
                return None
            if path.endswith(_GONE) and not os.fstat(fd).st_nlink:
                return None
            if self._device is not None and os.fstat(fd).st_dev != self._device:
                return None
            if path == "/" and _is_nameless(os.fstat(fd)):
                self.adrift = True
                return None
        finally:
            os.close(fd)
        if path == self._prefix:
            # An escaped path (another mount of this file system) can look like this, too.
            return "" if handle == self.handle else None
        return self._below(path)

    def _below(self, path: str) -> str | None:
        if self._prefix == "/":
            return path[1:]
        return path[len(self._prefix) + 1 :] if path.startswith(self._prefix + "/") else None

    def _climb(self, fd: int) -> str | None:
        """The kernel tells no path longer than a page: the first above that it does tell, if that
        is in the tree."""
        above, path = patiently(os.dup, fd), None
        try:
            while path is None:
                try:
                    fd, above = above, patiently(os.open, "..", _ABOVE, dir_fd=above)
                except FileNotFoundError:
                    return None  # the mount is of a part of its file system, and this is not in it
                os.close(fd)
                path = _path(above)
        finally:
            os.close(above)
        return self._below(path)

    def forget(self, handle: bytes, parent: int, name: str) -> None:
        """The directory with that handle, or at that name, went away, and with it all below."""
        self._fresh.clear()
        number = self._known.pop(handle, 0)
        nodes = self.watches.nodes
        for node in (nodes.get(number), child(nodes[parent], name) if parent in nodes else None):
            if node is not None and node is not self.watches.root:
                remove(node)

    def came(self) -> None:
        """A directory came from outside the tree, or may not be left out any more: nor may what is
        below it."""
        self._fresh.clear()
        self._outside.clear()

    def done(self) -> None:
        """All that was read is taken in. Raises Astray."""
        self._fresh.clear()
        self._cut.clear()
        if self._fd < 0:
            return
        try:
            if os.readlink(f"/proc/self/fd/{self._fd}") != self._prefix:
                raise Astray("the source was renamed")
        finally:
            os.close(self._fd)
            self._fd = -1

    # Between two reports

    @property
    def full(self) -> bool:
        return len(self._known) > MOST or len(self.watches.nodes) > MOST

    def clear(self) -> None:
        """Remember nothing: the numbers of all nodes but the root's end."""
        root = self.watches.root
        root.children = None
        self.watches.nodes.clear()
        self.watches.nodes[root.wd] = root
        self._known.clear()
        self._fresh.clear()
        self._outside.clear()

    def is_root(self, directory: int) -> bool:
        """Whether an open directory is the root, through the same mount. Raises OSError."""
        return handle_of(directory) == (self.handle, self._mount)

    def _find(self, handle: bytes) -> int:
        if handle in self._outside:
            return 0
        number = self._known.get(handle, 0)
        if number:
            node = self.watches.nodes.get(number)
            if node is not None and self.watches.path(node) is not None:
                return number
        path = self.locate(handle)
        node = None if path is None else self._node(path)
        if node is None:
            self._known.pop(handle, None)
            if handle in self._cut:
                return 0  # to be told again with every report
            if len(self._outside) >= MOST:
                self._outside.clear()
            self._outside.add(handle)
            return 0
        self._known[handle] = node.wd
        return node.wd

    def _node(self, path: str) -> Node | None:
        """The node of a path; None when it is left out."""
        node, at = self.watches.root, ""
        for name in path.split("/") if path else ():
            at = f"{at}/{name}" if at else name
            below = child(node, name)
            if below is None:
                if self._exclude is not None and self._exclude(at):
                    return None
                self._number += 1
                below = Node(self._number)
                self.watches.place(below, node, name)
            node = below
        return node

    def _hold_root(self) -> None:
        """Open the root, for as long as this read is taken in: longer would keep its file system
        from being unmounted. Raises Astray.
        """
        if self._fd >= 0:
            return
        try:
            fd = patiently(os.open, self._root, _OPEN)
        except OSError as error:
            if error.errno in EXHAUSTED:
                raise
            raise Astray("the source is gone") from error
        try:
            if not self.is_root(fd):
                raise Astray("another directory is in the source's place")
            self._prefix = os.readlink(f"/proc/self/fd/{fd}")
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd


def _open_steadily(mount: int, handle: bytes) -> int:
    """RACE: ext4 says ENOMEM for the handle of a directory that is gone in the moment in which its
    inode is given to another one."""
    for _ in range(_TRIES):
        try:
            return open_handle(mount, handle)
        except OSError as error:
            if error.errno != errno.ENOMEM:
                raise
            time.sleep(_MOMENT)
    return open_handle(mount, handle)


def _path(fd: int) -> str | None:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return None
        raise


def _is_nameless(found: os.stat_result) -> bool:
    """Whether what the kernel calls "/" is a file that it was given a handle of, and no name."""
    return not stat.S_ISDIR(found.st_mode) and found.st_nlink > 0


def _above(root: str) -> frozenset[bytes]:
    """The handles of the directories above the root, as far as they have any."""
    handles = set()
    path = os.path.realpath(root)
    while path != "/":
        path = os.path.dirname(path)
        try:
            fd = os.open(path, _OPEN)
        except OSError:
            continue
        try:
            handles.add(handle_of(fd)[0])
        except OSError:
            pass
        finally:
            os.close(fd)
    return frozenset(handles)
