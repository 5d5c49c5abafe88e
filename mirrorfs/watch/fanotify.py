"""The kernel's queue for a whole file system: mark, read, decode; and handles of directories.

Law: an event is "this name in that directory is dirty", with a mask that says what all happened to
it; the kernel merges what was not read yet, so nothing may be taken for an order of operations.

A directory is named by its handle, which stays the same wherever the directory goes; after it is
gone the handle opens nothing (ESTALE). Opening by handle needs CAP_DAC_READ_SEARCH, the mark
CAP_SYS_ADMIN, and `FAN_RENAME` Linux 5.17.
"""

import ctypes
import fcntl
import os
import sys
import termios
from struct import Struct

from mirrorfs.watch.kept import Flight, Kept

MODIFY = 0x2
ATTRIB = 0x4
CLOSE_WRITE = 0x8
CREATE = 0x100
DELETE = 0x200
OVERFLOW = 0x4000
RENAME = 0x10000000
ONDIR = 0x40000000

# No open, access or read-only close: our own reading must not feed the journal.
TREE = MODIFY | ATTRIB | CLOSE_WRITE | CREATE | DELETE | RENAME | ONDIR
COOKIES = CREATE | RENAME

BUFFER = 256 * 1024

_CLOEXEC, _NONBLOCK = 0x1, 0x2
_FIDS_AND_NAMES = 0x200 | 0x400 | 0x800 | 0x1000  # FAN_REPORT_DFID_NAME_TARGET
_ADD, _ONLYDIR, _FILESYSTEM = 0x1, 0x8, 0x100
_FID, _DFID_NAME, _DFID, _OLD, _NEW = 1, 2, 3, 10, 12

_AT_EMPTY_PATH, _AT_HANDLE_FID = 0x1000, 0x200
_LARGEST_HANDLE = 128

_EVENT = Struct("=IBBHQii")
_INFO = Struct("=BBH8xI4x")  # type, padding, length, (file system), bytes of the handle, (its type)
_HEAD = 12  # of an info record, before its handle
_PADDING = bytes(_EVENT.size + _INFO.size)

_libc = ctypes.CDLL(None, use_errno=True)
_libc.fanotify_mark.argtypes = [
    ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p
]  # fmt: skip


Event = tuple[int, bytes, bytes, bytes, tuple[bytes, bytes]]
"""(mask, handle of the directory, name in it; empty: the directory itself, handle of the directory
that has that name, (handle, name) of where a `RENAME` went).

Without a directory (empty) only the handle of a file is known.
"""

_NOWHERE = (b"", b"")


class Fanotify:
    """One fanotify group: close-on-exec, never blocking, with the kernel's default bound on its
    queue (fs.fanotify.max_queued_events); a new one, or the one that an earlier process left.
    Raises OSError.
    """

    fd: int
    flight: Flight | None = None

    def __init__(self, kept: Kept | None = None) -> None:
        if kept is not None:
            _, self.fd, self.flight = kept
            return
        self.fd = _libc.fanotify_init(_FIDS_AND_NAMES | _CLOEXEC | _NONBLOCK, os.O_RDONLY)
        if self.fd < 0:
            raise _error()

    def mark_file_system(self, directory: int) -> None:
        """Hear of everything on the file system that the open ``directory`` is on."""
        self._mark(_FILESYSTEM, TREE, directory)

    def mark_directory(self, directory: int) -> None:
        """Hear of names that appear in a directory, whatever file system it is on."""
        self._mark(_ONLYDIR, COOKIES, directory)

    def has_mark(self) -> bool:
        """Whether the file system is still marked: unmounting ends that, in silence."""
        return any(line.startswith("fanotify sdev:") for line in self.marks())

    def marks(self) -> list[str]:
        """All marks, as the kernel shows them."""
        with open(f"/proc/self/fdinfo/{self.fd}", encoding="utf-8") as file:
            return sorted(line for line in file if line.startswith("fanotify "))

    def queued(self) -> int:
        """How many events are queued."""
        size = fcntl.ioctl(self.fd, termios.FIONREAD, bytes(4))
        return int.from_bytes(size, sys.byteorder) // _EVENT.size  # only the heads are counted

    def read(self) -> bytes:
        """What is queued, at most `BUFFER` bytes; empty when nothing is."""
        if self.flight is not None:
            return self.flight.read(self.fd)
        try:
            return os.read(self.fd, BUFFER)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        if self.flight is not None:
            self.flight.close()
            self.flight = None

    def _mark(self, kind: int, mask: int, directory: int) -> None:
        if _libc.fanotify_mark(self.fd, _ADD | kind, mask, directory, None) < 0:
            raise _error()


def decode(data: bytes) -> list[Event]:
    """The events in what one read returned; the kernel never cuts one."""
    events: list[Event] = []
    append, event, info, at, end = (
        events.append,
        _EVENT.unpack_from,
        _INFO.unpack_from,
        0,
        len(data),
    )
    data += _PADDING  # an event without a record after it can be the last
    while at < end:
        length, _, _, head, mask, _, _ = event(data, at)
        record = at + head
        after = at + length
        if record >= after:
            append((mask, b"", b"", b"", _NOWHERE))
            at = after
            continue
        kind, _, size, handle = info(data, record)
        split = record + _HEAD + 8 + handle
        if kind == _DFID_NAME:
            name = data[split : record + size].rstrip(b"\0")
            child = b""
            if record + size < after and mask & ONDIR:
                child = _handle(data, record + size)
            directory = data[record + _HEAD : split]
            append((mask, directory, b"" if name == b"." else name, child, _NOWHERE))
        else:
            append(_rare(data, mask, record, after))
        at = after
    return events


def handle_of(directory: int) -> tuple[bytes, int]:
    """(handle, mount id) of an open directory. Raises OSError."""
    buffer = ctypes.create_string_buffer(8 + _LARGEST_HANDLE)
    mount = ctypes.c_int()
    for flags in (_AT_EMPTY_PATH | _AT_HANDLE_FID, _AT_EMPTY_PATH):  # the first is Linux 6.5
        ctypes.c_uint.from_buffer(buffer).value = _LARGEST_HANDLE
        found = _libc.name_to_handle_at(directory, b"", buffer, ctypes.byref(mount), flags)
        if found == 0:
            length = ctypes.c_uint.from_buffer(buffer).value
            return buffer.raw[: 8 + length], mount.value
    raise _error()


def open_handle(mount: int, handle: bytes) -> int:
    """A descriptor (O_PATH) of what has a handle, on the file system that the open ``mount`` is on.

    Raises OSError: ESTALE when it is gone.
    """
    fd: int = _libc.open_by_handle_at(mount, handle, os.O_PATH | os.O_CLOEXEC)
    if fd < 0:
        raise _error()
    return fd


def _rare(data: bytes, mask: int, record: int, after: int) -> Event:
    """A rename, or something that has no name."""
    directory = name = child = b""
    onto = _NOWHERE
    while record < after:
        kind, _, size, handle = _INFO.unpack_from(data, record)
        split = record + _HEAD + 8 + handle
        tail = data[split : record + size].rstrip(b"\0")
        if kind in (_OLD, _DFID):
            directory, name = data[record + _HEAD : split], tail
        elif kind == _NEW:
            onto = (data[record + _HEAD : split], tail)
        elif kind == _FID:
            child = data[record + _HEAD : split]
        record += size
    return mask, directory, name, child, onto


def _handle(data: bytes, record: int) -> bytes:
    _, _, _, handle = _INFO.unpack_from(data, record)
    return data[record + _HEAD : record + _HEAD + 8 + handle]


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
