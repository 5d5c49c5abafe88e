"""The kernel's queue: set watches, read, decode. Nothing here knows what an event means.

Law: one read(2) of up to 256 KiB, one struct per event, and no copy kept; whoever reads slower than
the kernel writes loses events (the default queue holds 16,384).

The system calls and constants are watchdog's. Its `InotifyFD` thread is not used: it takes a lock
and builds an object per event (3 times the cost of reading and unpacking), hands its descriptor to
child processes, and stores -1 as a watch where a directory may not be read.
"""

import ctypes
import fcntl
import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from struct import Struct

from watchdog.observers.inotify_c import InotifyConstants as C
from watchdog.observers.inotify_c import inotify_add_watch, inotify_rm_watch

from mirrorfs.watch.kept import Flight, Kept
from mirrorfs.watch.standing import Standing

Event = tuple[int, int, int, bytes]
"""(watch descriptor, mask, rename cookie, name; empty: the watched directory itself)."""

# Plain integers: the hot loop compares them once per event.
MODIFY = int(C.IN_MODIFY)
ATTRIB = int(C.IN_ATTRIB)
CLOSE_WRITE = int(C.IN_CLOSE_WRITE)
MOVED_FROM = int(C.IN_MOVED_FROM)
MOVED_TO = int(C.IN_MOVED_TO)
CREATE = int(C.IN_CREATE)
DELETE = int(C.IN_DELETE)
DELETE_SELF = int(C.IN_DELETE_SELF)
MOVE_SELF = int(C.IN_MOVE_SELF)
UNMOUNT = int(C.IN_UNMOUNT)
OVERFLOW = int(C.IN_Q_OVERFLOW)
IGNORED = int(C.IN_IGNORED)
ISDIR = int(C.IN_ISDIR)

# IN_MASK_ADD: setting a watch again never takes anything away from it. No IN_EXCL_UNLINK: writes to
# a file opened with O_TMPFILE and linked later carry an unlinked name for ever and would be hidden.
_HOW = int(C.IN_ONLYDIR | C.IN_MASK_ADD)
# No open, access or read-only close: our own reading must not feed the journal.
DIRECTORY = ATTRIB | CLOSE_WRITE | CREATE | DELETE | MODIFY | MOVED_FROM | MOVED_TO | _HOW
# Below the root a parent tells of deletions and moves; asking the directory too would double them.
ROOT = DIRECTORY | DELETE_SELF | MOVE_SELF
COOKIES = CREATE | MOVED_TO | _HOW
OPEN = int(C.IN_OPEN) | _HOW
FILES = CLOSE_WRITE | MOVED_TO | _HOW  # whole files that came

BUFFER = 256 * 1024

HEADER = Struct("iIII")
_libc = ctypes.CDLL(None, use_errno=True)


class Inotify:
    """One inotify instance: close-on-exec and never blocking; a new one, or the one that an earlier
    process left. ``highest`` is the number of the newest watch. Raises OSError (EMFILE: too many
    instances).
    """

    def __init__(self, kept: Kept | None = None) -> None:
        self.flight: Flight | None = None
        self.highest = 0
        self._standing = Standing()
        self._away = False
        if kept is not None:
            _, self.fd, self.flight = kept
            self.highest = kept.flight.settled
            return
        self.fd = _libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self.fd < 0:
            raise _error()

    def watch(self, directory: int, mask: int = DIRECTORY) -> int:
        """Watch the directory open as ``directory``; its watch descriptor, the one it has if it has
        one.

        So equal descriptors mean the same directory, whatever its path was. Raises OSError.
        """
        here = b"."
        try:
            if self._away:
                os.fchdir(directory)
            else:
                here = b"/proc/self/fd/%d" % directory
        except OSError:  # it may be read and not searched
            here = b"/proc/self/fd/%d" % directory
        wd = inotify_add_watch(self.fd, here, mask)
        if wd < 0:
            raise _error()
        if wd > self.highest:
            self.highest = int(wd)
        return wd

    @contextmanager
    def near(self) -> Iterator[None]:
        """Inside, this thread may go to where a watch is set; that is cheaper."""
        self._away = self._standing.begin()
        try:
            yield
        finally:
            if self._away:
                self._away = False
                self._standing.home()

    def unwatch(self, wd: int) -> None:
        """End a watch; one that is gone already is no error."""
        inotify_rm_watch(self.fd, wd)  # type: ignore[arg-type]  # a NewType of int

    def read(self) -> bytes:
        """What is queued, at most `BUFFER` bytes; empty when nothing is."""
        if self.flight is not None:
            return self.flight.read(self.fd)
        try:
            return os.read(self.fd, BUFFER)
        except BlockingIOError:
            return b""

    def queued(self) -> int:
        """How many bytes of events are queued."""
        return int.from_bytes(fcntl.ioctl(self.fd, termios.FIONREAD, bytes(4)), sys.byteorder)

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
            self._standing.close()
        if self.flight is not None:
            self.flight.close()
            self.flight = None


def decode(data: bytes) -> list[Event]:
    """The events in what one read returned; the kernel never cuts one."""
    events: list[Event] = []
    append, unpack, at, end = events.append, HEADER.unpack_from, 0, len(data)
    while at < end:
        wd, mask, cookie, length = unpack(data, at)
        at += 16
        if length:
            append((wd, mask, cookie, data[at : at + length].rstrip(b"\0")))
            at += length
        else:
            append((wd, mask, cookie, b""))
    return events


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
