"""A file system in memory whose names differ in more than their case, as exFAT's and macOS's do.

    python folding.py POINT

Law: the first spelling of a name is kept, and any other finds it. Serves until it is unmounted.
"""

import errno
import os
import stat
import sys
import time

import pyfuse3
import trio


class Node:
    def __init__(self, number: int, mode: int, parent: int) -> None:
        now = time.time_ns()
        self.entry = pyfuse3.EntryAttributes()
        self.entry.st_ino = number
        self.entry.st_mode = mode
        self.entry.st_nlink = 2 if stat.S_ISDIR(mode) else 1
        self.entry.st_atime_ns = self.entry.st_mtime_ns = self.entry.st_ctime_ns = now
        self.entry.st_blksize = 4096
        self.parent = parent
        self.data = bytearray()
        self.children: dict[bytes, tuple[bytes, int]] = {}  # folded → (spelling, number)


def fold(name: bytes) -> bytes:
    return os.fsencode(os.fsdecode(name).casefold())


class Folding(pyfuse3.Operations):
    supports_dot_lookup = False

    def __init__(self) -> None:
        super().__init__()
        self._nodes = {1: Node(1, stat.S_IFDIR | 0o755, 1)}
        self._next = 2

    def _find(self, parent: int, name: bytes) -> Node:
        if name in (b".", b".."):
            return self._nodes[parent if name == b"." else self._nodes[parent].parent]
        try:
            return self._nodes[self._nodes[parent].children[fold(name)][1]]
        except KeyError:
            raise pyfuse3.FUSEError(errno.ENOENT) from None

    def _make(self, parent: int, name: bytes, mode: int) -> Node:
        if fold(name) in self._nodes[parent].children:
            raise pyfuse3.FUSEError(errno.EEXIST)
        node = self._nodes[self._next] = Node(self._next, mode, parent)
        self._next += 1
        self._put(parent, name, node.entry.st_ino)
        return node

    def _put(self, parent: int, name: bytes, number: int) -> None:
        above = self._nodes[parent]
        above.children[fold(name)] = (name, number)
        above.entry.st_mtime_ns = time.time_ns()

    async def lookup(self, parent, name, ctx):
        return self._find(parent, name).entry

    async def getattr(self, inode, ctx=None):
        return self._nodes[inode].entry

    async def setattr(self, inode, attr, fields, fh, ctx):
        node = self._nodes[inode]
        if fields.update_size:
            node.data = node.data[: attr.st_size].ljust(attr.st_size, b"\0")
            node.entry.st_size = attr.st_size
        if fields.update_mode:
            kept = stat.S_IFMT(node.entry.st_mode)
            node.entry.st_mode = kept | stat.S_IMODE(attr.st_mode)
        if fields.update_mtime:
            node.entry.st_mtime_ns = attr.st_mtime_ns
        if fields.update_atime:
            node.entry.st_atime_ns = attr.st_atime_ns
        if fields.update_uid:
            node.entry.st_uid = attr.st_uid
        if fields.update_gid:
            node.entry.st_gid = attr.st_gid
        node.entry.st_ctime_ns = time.time_ns()
        return node.entry

    async def create(self, parent, name, mode, flags, ctx):
        node = self._make(parent, name, mode)
        return pyfuse3.FileInfo(fh=node.entry.st_ino), node.entry

    async def mkdir(self, parent, name, mode, ctx):
        return self._make(parent, name, mode | stat.S_IFDIR).entry

    async def symlink(self, parent, name, target, ctx):
        node = self._make(parent, name, stat.S_IFLNK | 0o777)
        node.data[:] = target
        return node.entry

    async def readlink(self, inode, ctx):
        return bytes(self._nodes[inode].data)

    async def unlink(self, parent, name, ctx):
        self._find(parent, name)
        del self._nodes[parent].children[fold(name)]

    async def rmdir(self, parent, name, ctx):
        if self._find(parent, name).children:
            raise pyfuse3.FUSEError(errno.ENOTEMPTY)
        del self._nodes[parent].children[fold(name)]

    async def rename(self, parent, name, new_parent, new_name, flags, ctx):
        node = self._find(parent, name)
        there = self._nodes[new_parent].children.get(fold(new_name))
        if flags not in (0, pyfuse3.RENAME_NOREPLACE):
            raise pyfuse3.FUSEError(errno.EINVAL)
        if flags and there is not None and there[1] != node.entry.st_ino:
            raise pyfuse3.FUSEError(errno.EEXIST)
        del self._nodes[parent].children[fold(name)]
        self._put(new_parent, new_name, node.entry.st_ino)
        node.parent = new_parent

    async def open(self, inode, flags, ctx):
        if flags & os.O_TRUNC:
            self._nodes[inode].data.clear()
            self._nodes[inode].entry.st_size = 0
        return pyfuse3.FileInfo(fh=inode)

    async def read(self, fh, offset, size):
        return bytes(self._nodes[fh].data[offset : offset + size])

    async def write(self, fh, offset, data):
        node = self._nodes[fh]
        node.data = node.data.ljust(offset, b"\0")
        node.data[offset : offset + len(data)] = data
        node.entry.st_size = len(node.data)
        node.entry.st_mtime_ns = node.entry.st_ctime_ns = time.time_ns()
        return len(data)

    async def opendir(self, inode, ctx):
        return inode

    async def readdir(self, fh, start, token):
        children = sorted(self._nodes[fh].children.values(), key=lambda child: child[1])
        for name, number in children:
            if number > start and not pyfuse3.readdir_reply(
                token, name, self._nodes[number].entry, number
            ):
                break

    async def statfs(self, ctx):
        answer = pyfuse3.StatvfsData()
        answer.f_bsize = answer.f_frsize = 4096
        answer.f_blocks = answer.f_bfree = answer.f_bavail = 1 << 20
        answer.f_files = answer.f_ffree = answer.f_favail = 1 << 20
        answer.f_namemax = 255
        return answer


def main(point: str) -> None:
    options = {*pyfuse3.default_options, "fsname=folding"}
    pyfuse3.init(Folding(), point, options)
    try:
        trio.run(pyfuse3.main)
    finally:
        pyfuse3.close(unmount=True)


if __name__ == "__main__":
    main(sys.argv[1])
