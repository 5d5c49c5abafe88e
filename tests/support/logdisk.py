"""A disk that remembers every write and every flush, and the images a power cut may have left.

Law: what a flush covered is in every later image; of what came after the last flush any subset may
be. So an image is one that a drive with a cache may show, whatever order it writes in.

The disk is one file in a file system of our own (FUSE), in a process of its own; the kernel's loop
device makes a drive of it. Writes are appended to a log: 24 bytes of kind, offset and size, then
the data.
"""

import errno
import os
import random
import signal
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_RECORD = struct.Struct("<QQQ")
_WRITE, _FLUSH = 1, 2
_DISK = 2  # the inode of the one file


class Write(NamedTuple):
    """``at`` in the disk, ``data`` in the log; size 0 is a flush."""

    at: int
    data: int
    size: int


class LogDisk:
    """``file`` is the disk; what it holds lies in ``store``, what happened to it in ``log``."""

    def __init__(self, file: Path, store: Path, log: Path) -> None:
        self.file, self.store, self.log = file, store, log

    def writes(self) -> list[Write]:
        """Everything since `begin`."""
        found = []
        with open(self.log, "rb") as log:
            while head := log.read(_RECORD.size):
                kind, at, size = _RECORD.unpack(head)
                found.append(Write(at, log.tell(), size if kind == _WRITE else 0))
                log.seek(size, os.SEEK_CUR)
        return found

    @contextmanager
    def refusing(self, mark: bytes) -> Iterator[None]:
        """Meanwhile every write that holds ``mark`` is refused, as by a bad sector."""
        refused = _refused(self.store)
        refused.write_bytes(mark)
        try:
            yield
        finally:
            refused.unlink()

    def begin(self, base: Path) -> None:
        """Keep the disk as it is, and forget the log; nobody may be writing."""
        subprocess.run(("cp", "--sparse=always", self.store, base), check=True)
        os.truncate(self.log, 0)

    def image(self, base: Path, into: Path, upto: int, rng: random.Random) -> None:
        """What ``upto`` writes may have left on the disk ``base``."""
        writes = self.writes()[:upto]
        flushed = max((number for number, each in enumerate(writes) if not each.size), default=0)
        subprocess.run(("cp", "--sparse=always", base, into), check=True)
        with open(self.log, "rb") as log, open(into, "r+b") as image:
            for number, (at, data, size) in enumerate(writes):
                if size and (number < flushed or rng.random() < 0.5):
                    os.pwrite(image.fileno(), os.pread(log.fileno(), size, data), at)


@contextmanager
def log_disk(room: Path, size: int) -> Iterator[LogDisk]:
    """An empty one; needs the rights of root and pyfuse3."""
    store, log, point = room / "disk.store", room / "disk.log", room / "disk"
    with open(store, "wb") as file:
        file.truncate(size)
    log.touch()
    point.mkdir()
    ready, told = os.pipe()
    server = os.fork()
    if server == 0:
        try:
            os.close(ready)
            _serve(store, log, point, told)
        finally:
            os._exit(0)
    os.close(told)
    try:
        assert os.read(ready, 1) == b".", "the disk could not be mounted"
        os.close(ready)
        yield LogDisk(point / "disk", store, log)
    finally:
        subprocess.run(("umount", "-l", point), check=False, capture_output=True)
        os.kill(server, signal.SIGKILL)
        os.waitpid(server, 0)


def _refused(store: Path) -> Path:
    return store.with_suffix(".refused")


def _serve(store: Path, log: Path, point: Path, told: int) -> None:
    import pyfuse3
    import trio

    disk, journal = os.open(store, os.O_RDWR), os.open(log, os.O_RDWR | os.O_APPEND)

    refused = _refused(store)

    class Disk(pyfuse3.Operations):
        async def getattr(self, inode: int, ctx: object = None) -> pyfuse3.EntryAttributes:
            entry = pyfuse3.EntryAttributes()
            entry.st_ino = inode
            entry.st_mode = 0o100600 if inode == _DISK else 0o040700
            entry.st_size = os.fstat(disk).st_size if inode == _DISK else 0
            entry.entry_timeout = entry.attr_timeout = 1000
            return entry

        async def lookup(
            self, parent: int, name: bytes, ctx: object = None
        ) -> pyfuse3.EntryAttributes:
            if name != b"disk":
                raise pyfuse3.FUSEError(2)
            return await self.getattr(_DISK)

        async def setattr(
            self, inode: int, attr: object, fields: object, fh: object, ctx: object
        ) -> pyfuse3.EntryAttributes:
            return await self.getattr(inode)

        async def open(self, inode: int, flags: int, ctx: object) -> pyfuse3.FileInfo:
            return pyfuse3.FileInfo(fh=_DISK)

        async def read(self, fh: int, off: int, size: int) -> bytes:
            return os.pread(disk, size, off)

        async def write(self, fh: int, off: int, buf: bytes) -> int:
            if refused.exists() and refused.read_bytes() in buf:
                raise pyfuse3.FUSEError(errno.EIO)
            os.pwrite(disk, buf, off)
            os.write(journal, _RECORD.pack(_WRITE, off, len(buf)) + buf)
            return len(buf)

        async def fsync(self, fh: int, datasync: bool) -> None:
            os.write(journal, _RECORD.pack(_FLUSH, 0, 0))

        async def flush(self, fh: int) -> None:
            return None

    options = {*pyfuse3.default_options, "fsname=mirrorfs-log-disk"}
    pyfuse3.init(Disk(), os.fspath(point), options)
    os.write(told, b".")
    trio.run(pyfuse3.main)
