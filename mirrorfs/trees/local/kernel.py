"""System calls that Python's ``os`` lacks, by ctypes; each raises OSError as ``os`` does.

Law: no policy here. A call the C library does not have raises ENOSYS.
"""

import ctypes
import errno
import os
import struct
import sys
from typing import Any, NamedTuple, NoReturn

RENAME_NOREPLACE = 1
RENAME_EXCHANGE = 2
FICLONE = 0x40049409
FS_IOC_GETFSUUID = 0x80111500
FS_IOC_GETFSLABEL = 0x81009431
BTRFS_IOC_FS_INFO = 0x8400941F
FS_IOC_GETFLAGS = 0x80086601
FS_CASEFOLD_FL = 0x40000000
_AT_EMPTY_PATH = 0x1000
_AT_FDCWD = -100
_AT_NO_AUTOMOUNT = 0x800
_STATX_BTIME = 0x800
_STATX_MNT_ID = 0x1000
_STATX_MNT_ID_UNIQUE = 0x4000  # Linux 6.8: not used again
_STATX_ATTR_MOUNT_ROOT = 0x2000

# What os.fsencode does, at a third of its cost: this runs once for every new file.
_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()

_libc = ctypes.CDLL(None, use_errno=True)


def _function(name: str, *arguments: Any) -> Any:
    function = getattr(_libc, name, None)
    if function is not None:
        function.argtypes = arguments
        function.restype = ctypes.c_int
    return function


_renameat2 = _function(
    "renameat2", ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint
)
_syncfs = _function("syncfs", ctypes.c_int)
_statx = _function(
    "statx", ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_char_p
)


_OPENAT2 = 437  # on every architecture
_BENEATH = 0x08 | 0x04 | 0x02  # not above the directory, through no symlink, nor one of /proc
_openat2 = _libc["syscall"]
_openat2.argtypes = (
    *(ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p),
    ctypes.c_size_t,
)
_openat2.restype = ctypes.c_long


def open_beneath(directory: int, path: bytes, flags: int) -> int:
    """openat2: nothing on the way is a symlink, and nothing lies outside ``directory``. ELOOP, or
    EXDEV for a way out."""
    if b"\0" in path:
        raise ValueError("embedded null byte")
    how = struct.pack("QQQ", flags, 0, _BENEATH)  # struct open_how of linux/openat2.h
    descriptor = int(_openat2(_OPENAT2, directory, path, how, len(how)))
    if descriptor < 0:
        _fail(_openat2)
    return descriptor


def _call(function: Any, *arguments: Any) -> None:
    if function is None or function(*arguments) < 0:
        _fail(function)


def _fail(function: Any) -> NoReturn:
    number = ctypes.get_errno() if function is not None else errno.ENOSYS
    raise OSError(number, os.strerror(number))


def rename_new(directory: int, name: str, to_directory: int, to_name: str) -> None:
    """Rename, never over anything. EEXIST when the new name is taken."""
    _rename(directory, name, to_directory, to_name, RENAME_NOREPLACE)


def exchange(directory: int, name: str, other: str) -> None:
    """Each of two names gets what the other stood for. ENOENT when one stands for nothing."""
    _rename(directory, name, directory, other, RENAME_EXCHANGE)


def _rename(directory: int, name: str, to_directory: int, to_name: str, flags: int) -> None:
    old, new = name.encode(_ENCODING, _ERRORS), to_name.encode(_ENCODING, _ERRORS)
    if b"\0" in old or b"\0" in new:  # C would take what is before it for the name
        raise ValueError("embedded null byte")
    if _renameat2 is None or _renameat2(directory, old, to_directory, new, flags) < 0:
        _fail(_renameat2)


def syncfs(descriptor: int) -> None:
    """Everything written to the descriptor's file system is durable, or an error is raised."""
    _call(_syncfs, descriptor)


class Extended(NamedTuple):
    """What statx knows beyond stat; 0 where it does not."""

    born_ns: int
    mount: int


def statx(descriptor: int) -> Extended:
    """Of the open thing itself. Raises OSError."""
    try:
        found = _statx_of(descriptor, _STATX_BTIME | _STATX_MNT_ID)
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        return Extended(0, 0)
    # struct statx of linux/stat.h: stx_mask at 0, stx_btime at 80, stx_mnt_id at 144.
    mask = _number(found, 0, 4)
    born = _number(found, 80, 8) * 10**9 + _number(found, 88, 4) if mask & _STATX_BTIME else 0
    return Extended(born, _number(found, 144, 8) if mask & _STATX_MNT_ID else 0)


def mount_at(path: str) -> int:
    """The id of the mount that a path leads to, without mounting anything on the way's end; 0 where
    the kernel does not tell. Raises OSError."""
    buffer = ctypes.create_string_buffer(256)
    where = os.fsencode(path)
    _call(_statx, _AT_FDCWD, where, _AT_NO_AUTOMOUNT, _STATX_MNT_ID, buffer)
    return _number(buffer.raw, 144, 8) if _number(buffer.raw, 0, 4) & _STATX_MNT_ID else 0


def mount_root(descriptor: int) -> int | None:
    """The id of the mount whose root a directory is; None when it is the root of none. A kernel
    older than 5.8 does not tell; then it is taken for one."""
    found = _statx_of(descriptor, _STATX_MNT_ID | _STATX_MNT_ID_UNIQUE)
    # stx_attributes at 8, which of them are known at 56.
    if not _number(found, 8, 8) & _STATX_ATTR_MOUNT_ROOT and (
        _number(found, 56, 8) & _STATX_ATTR_MOUNT_ROOT
    ):
        return None
    return _number(found, 144, 8)


def mount_life(descriptor: int) -> int:
    """A number for the mount a directory is on that no later mount gets; 0 where the kernel has
    none (older than 6.8). Raises OSError."""
    found = _statx_of(descriptor, _STATX_MNT_ID_UNIQUE)
    unique = _number(found, 0, 4) & _STATX_MNT_ID_UNIQUE
    return _number(found, 144, 8) if unique else 0


def _statx_of(descriptor: int, wanted: int) -> bytes:
    buffer = ctypes.create_string_buffer(256)
    _call(_statx, descriptor, b"", _AT_EMPTY_PATH, wanted, buffer)
    return buffer.raw


def _number(found: bytes, offset: int, size: int) -> int:
    return int.from_bytes(found[offset : offset + size], sys.byteorder, signed=size == 8)
