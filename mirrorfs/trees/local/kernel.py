"""System calls that Python's ``os`` lacks, by ctypes; each raises OSError as ``os`` does.

Law: no policy here. A call the C library does not have raises ENOSYS.
"""

import ctypes
import errno
import os
import sys
from typing import Any, NamedTuple, NoReturn

RENAME_NOREPLACE = 1
RENAME_EXCHANGE = 2
FICLONE = 0x40049409
FS_IOC_GETFSUUID = 0x80111500
_AT_EMPTY_PATH = 0x1000
_STATX_BTIME = 0x800
_STATX_MNT_ID = 0x1000

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
    buffer = ctypes.create_string_buffer(256)
    try:
        _call(_statx, descriptor, b"", _AT_EMPTY_PATH, _STATX_BTIME | _STATX_MNT_ID, buffer)
    except OSError:
        return Extended(0, 0)

    def number(offset: int, size: int) -> int:
        return int.from_bytes(buffer.raw[offset : offset + size], sys.byteorder, signed=size == 8)

    mask = int.from_bytes(buffer.raw[0:4], sys.byteorder)
    # struct statx of linux/stat.h: stx_mask at 0, stx_btime at 80, stx_mnt_id at 144.
    born = number(80, 8) * 10**9 + number(88, 4) if mask & _STATX_BTIME else 0
    return Extended(born, number(144, 8) if mask & _STATX_MNT_ID else 0)
