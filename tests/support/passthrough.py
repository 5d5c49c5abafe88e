"""A directory shown a second time by FUSE, by a process of its own: what is changed in the
original behind its back is seen through it, and no event tells.

Law: nothing is cached, so that a look always finds what is there; it is unmounted with the block.
"""

import errno
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.process import until


@contextmanager
def passthrough(original: Path, point: Path) -> Iterator[None]:
    """``original`` shown, for reading, at ``point``."""
    child = os.fork()
    if child == 0:
        try:
            _serve(os.fspath(original), os.fspath(point))
        finally:
            os._exit(1)
    try:
        until(lambda: os.path.ismount(point), f"FUSE at {point}")
        yield
    finally:
        subprocess.run(["umount", "-l", point], check=False, capture_output=True)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _serve(original: str, point: str) -> None:
    import pyfuse3
    import trio

    class Show(pyfuse3.Operations):
        """Inodes are numbers of paths; a path that is used again keeps its number."""

        def __init__(self) -> None:
            super().__init__()
            self.paths = {pyfuse3.ROOT_INODE: original}
            self.inodes = {original: pyfuse3.ROOT_INODE}

        def _attributes(self, path: str) -> pyfuse3.EntryAttributes:
            try:
                found = os.lstat(path)
            except OSError as error:
                raise pyfuse3.FUSEError(error.errno or errno.EIO) from error
            if path not in self.inodes:
                number = len(self.paths) + 1
                self.inodes[path], self.paths[number] = number, path
            shown = pyfuse3.EntryAttributes()
            shown.st_ino = self.inodes[path]
            shown.entry_timeout = shown.attr_timeout = 0
            for name in ("mode", "nlink", "uid", "gid", "rdev", "size"):
                setattr(shown, f"st_{name}", getattr(found, f"st_{name}"))
            for name in ("atime", "mtime", "ctime"):
                setattr(shown, f"st_{name}_ns", getattr(found, f"st_{name}_ns"))
            return shown

        async def getattr(self, inode, ctx=None):
            return self._attributes(self.paths[inode])

        async def lookup(self, parent, name, ctx=None):
            return self._attributes(os.path.join(self.paths[parent], os.fsdecode(name)))

        async def statfs(self, ctx):
            found, shown = os.statvfs(original), pyfuse3.StatvfsData()
            for name in ("bsize", "frsize", "blocks", "bfree", "bavail", "files", "ffree"):
                setattr(shown, f"f_{name}", getattr(found, f"f_{name}"))
            shown.f_favail, shown.f_namemax = found.f_favail, found.f_namemax
            return shown

        async def readlink(self, inode, ctx=None):
            return os.fsencode(os.readlink(self.paths[inode]))

        async def opendir(self, inode, ctx):
            return inode

        async def readdir(self, handle, start, token):
            path = self.paths[handle]
            for number, name in enumerate(sorted(os.listdir(path))[start:], start + 1):
                try:
                    shown = self._attributes(os.path.join(path, name))
                except pyfuse3.FUSEError:
                    continue
                if not pyfuse3.readdir_reply(token, os.fsencode(name), shown, number):
                    return

        async def open(self, inode, flags, ctx):
            if not stat.S_ISREG(os.lstat(self.paths[inode]).st_mode):
                raise pyfuse3.FUSEError(errno.EINVAL)
            return pyfuse3.FileInfo(fh=os.open(self.paths[inode], os.O_RDONLY))

        async def read(self, handle, offset, size):
            return os.pread(handle, size, offset)

        async def release(self, handle):
            os.close(handle)

    pyfuse3.init(Show(), point, {*pyfuse3.default_options, "fsname=passthrough"})
    trio.run(pyfuse3.main)
