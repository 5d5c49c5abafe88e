"""Small files copied in Python, one loop and no layers: the system calls are all there is to it.

Law: what is believed of a file is what `mirrorfs.trees.local.content` would believe: equal looks
before and after reading, of which the first was made after the tick of the last change, and no
write on its way.
"""

import errno
import os
from collections.abc import Sequence
from itertools import repeat
from time import clock_gettime_ns
from typing import TYPE_CHECKING

from mirrorfs.trees.local.attributes import by_path, is_kept
from mirrorfs.trees.local.content import READ, YOUNG
from mirrorfs.trees.local.quiet import open_quietly
from mirrorfs.trees.local.rename import rename_new
from mirrorfs.trees.local.tick import COARSE, GRAINS, unsettled

if TYPE_CHECKING:
    from mirrorfs.trees.local.small import Terms

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NAMELESS = os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC
_NO_DATA = frozenset({errno.ENXIO, errno.EINVAL})
_OLD = 2 * GRAINS[0]  # nanoseconds after which no tick of any clock still lasts


class _Odd(Exception):
    """Not a file for this way."""


def copy(
    source: int,
    target: int,
    names: Sequence[str],
    temporaries: Sequence[str] | None,
    terms: "Terms",
) -> list[int]:
    """See `mirrorfs.trees.local.small.Copy`."""
    if terms.xattrs and _bequeaths(target):
        return [-1] * len(names)
    moved = []
    for name, temporary in zip(names, temporaries or repeat(None), strict=False):
        try:
            moved.append(_copy(source, target, name, temporary, terms))
        except (OSError, ValueError, _Odd):
            moved.append(-1)
    return moved


def _copy(source: int, target: int, name: str, temporary: str | None, terms: "Terms") -> int:
    """Raises OSError, ValueError, _Odd."""
    here = open_quietly(name, READ, source)
    try:
        now = clock_gettime_ns(COARSE)
        st = os.fstat(here)
        size = st.st_size
        if (
            st.st_mode & 0o170000 != 0o100000
            or size > terms.most
            or st.st_blocks * 512 < size
            or (temporary is None and st.st_nlink != 1)
            or (terms.uid >= 0 and st.st_uid != terms.uid)
        ):
            raise _Odd
        _settle(here, st, now, terms.grain_ns)
        if terms.xattrs:
            _nothing_kept(here)
        if temporary is None:
            # Nobody can open what has no name, so it may have its mode before its owner.
            mode = st.st_mode & 0o777 if terms.permissions else terms.mode
            there = os.open(".", _NAMELESS, mode, dir_fd=target)
            try:
                _fill(here, there, st, terms)
                os.link(by_path(there), name, dst_dir_fd=target)
            finally:
                os.close(there)
            return size
        there = os.open(temporary, _NEW, terms.mode, dir_fd=target)
        try:
            try:
                _fill(here, there, st, terms)
            finally:
                os.close(there)
            rename_new(target, temporary, target, name)
        except BaseException:
            os.unlink(temporary, dir_fd=target)
            raise
    finally:
        os.close(here)
    return size


def _fill(here: int, there: int, st: os.stat_result, terms: "Terms") -> None:
    """Give a new file all that it is to have. Raises _Odd, OSError."""
    size = st.st_size
    if size:
        # One byte more than there should be: the end shows without another read.
        data = os.read(here, size + 1)
        if len(data) != size or os.write(there, data) != size:
            raise _Odd
    after = os.fstat(here)
    if (
        after.st_ctime_ns != st.st_ctime_ns
        or after.st_mtime_ns != st.st_mtime_ns
        or after.st_size != size
    ):
        raise _Odd
    if terms.owners or terms.permissions:
        made = os.fstat(there)
        owned = terms.owners and (made.st_uid != st.st_uid or made.st_gid != st.st_gid)
        if owned:
            os.chown(there, st.st_uid, st.st_gid)
        if terms.permissions and (owned or made.st_mode != st.st_mode):
            os.chmod(there, st.st_mode & 0o7777)
    os.utime(there, ns=(st.st_atime_ns or st.st_mtime_ns, st.st_mtime_ns))


def _bequeaths(target: int) -> bool:
    """Whether new files in a directory are given an ACL."""
    try:
        return bool(os.getxattr(target, "system.posix_acl_default"))
    except OSError:
        return False


def _settle(file: int, st: os.stat_result, now: int, grain: int) -> None:
    """Raises _Odd where the look proves nothing yet, OSError."""
    youth = now - st.st_ctime_ns
    if youth >= YOUNG and (grain == 1 or now - st.st_mtime_ns >= _OLD):
        return
    if unsettled(st.st_ctime_ns, now) or unsettled(st.st_mtime_ns, now, grain) * (grain > 1):
        raise _Odd
    if youth < YOUNG:
        # RACE: who writes has set the times already, and holds the lock that this takes.
        try:
            if os.lseek(file, 0, os.SEEK_DATA):
                raise _Odd
        except OSError as error:
            if error.errno not in _NO_DATA:
                raise


def _nothing_kept(file: int) -> None:
    """Raises _Odd where there are extended attributes to be dealt with, OSError."""
    try:
        names = os.listxattr(file)
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.ENOSYS):
            return
        raise
    if names and any(map(is_kept, names)):
        raise _Odd
