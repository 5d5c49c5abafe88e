"""Directories and files that are surely ours, and the one way a file comes to be: whole.

Nothing is followed, nothing that another user owns or can write is trusted, and a name appears
only when what it names is complete and on the disk (temporary file, fsync, rename, fsync of the
directory). Opening never blocks: a pipe with a segment's name is refused, not waited for.
"""

import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache

from journal.errors import JournalLocked, JournalUnreadable, JournalUnsafe

NEW = ".new-"
_SAFE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@contextmanager
def opened(directory: str) -> Iterator[int]:
    """The directory's descriptor. Raises `JournalUnsafe`, or `FileNotFoundError` as it is."""
    fd = open_directory(directory)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def reading(path: str) -> Iterator[None]:
    """What the system refuses a reader inside is `JournalUnreadable`; what is missing stays
    `FileNotFoundError`."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise JournalUnreadable(path, error) from error


def open_directory(directory: str) -> int:
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | _SAFE)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EACCES):
            raise JournalUnsafe(f"{directory} is not a directory of ours") from error
        raise
    return _ours(fd, directory, stat.S_ISDIR)


def open_file(directory: int, name: str, flags: int = os.O_RDONLY) -> int:
    """A regular file of ours in the directory; made (mode 0600) if `flags` say so."""
    try:
        fd = os.open(name, flags | _SAFE, 0o600, dir_fd=directory)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR, errno.EACCES):
            raise JournalUnsafe(f"{name} is not a regular file of ours") from error
        raise
    return _ours(fd, name, stat.S_ISREG)


def _ours(fd: int, name: str, kind: Callable[[int], bool]) -> int:
    status = os.fstat(fd)
    problem = ""
    if not kind(status.st_mode):
        problem = "is not of the right kind"
    elif status.st_uid != os.geteuid():
        problem = f"belongs to user {status.st_uid}, not to {os.geteuid()}"
    elif status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        problem = "can be written by other users"
    if problem:
        os.close(fd)
        raise JournalUnsafe(f"{name} {problem}; it is not used")
    return fd


def create(directory: int, name: str, fill: Callable[[int], None]) -> int:
    """Publish `name` once `fill(descriptor)` has written it and it is on the disk.

    Returns the descriptor, open for reading and writing. On failure nothing is left behind. The
    caller holds a lock that makes it the only one to create `name`.
    """
    temporary = NEW + name
    remove(directory, temporary)
    fd = open_file(directory, temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        fill(fd)
        os.fsync(fd)
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        os.close(fd)
        with suppress(OSError):
            remove(directory, temporary)
        raise
    try:
        os.fsync(directory)
    except BaseException:
        os.close(fd)
        raise
    return fd


def remove(directory: int, name: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)


def write_all(fd: int, data: bytes, offset: int) -> None:
    """One pwrite(2), and more only if the system took less than all of it."""
    written = os.pwrite(fd, data, offset)
    while written < len(data):
        written += os.pwrite(fd, data[written:], offset + written)


LOCK_ATTEMPTS = 10


def lock(fd: int, complaint: Callable[[], str]) -> None:
    """Take the lock that lives as long as the descriptor, or raise `JournalLocked`.

    Asked a few times, because `writer_alive` holds it for an instant.
    """
    for attempt in range(LOCK_ATTEMPTS):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if attempt == LOCK_ATTEMPTS - 1:
                raise JournalLocked(complaint()) from error
            time.sleep(0.002)  # to wait in the kernel would end only when a real writer does
        else:
            return


@cache
def boot() -> bytes:
    """The running system's boot id (16 bytes; zeros, which equal nothing, where it is hidden)."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            found = bytes.fromhex(file.read().strip().replace("-", ""))
    except (OSError, ValueError):
        found = b""
    return found if len(found) == 16 else bytes(16)
