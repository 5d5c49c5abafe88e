"""Which directory a root is, what its file system can hold, and whether its path still leads to it.

Law: what is asked of the held descriptor is the truth about the tree; a fresh look at the path only
tells whether they are still the same.
"""

import errno
import fcntl
import os
import sys

from mirrorfs.core.tree import Identity
from mirrorfs.errors import DirectoryMissing, PermanentError, TemporaryError
from mirrorfs.trees.base import Capabilities
from mirrorfs.trees.local import kernel, volume
from mirrorfs.trees.local.handles import DIRECTORY
from mirrorfs.trees.local.mountinfo import Mount, parsed
from mirrorfs.trees.local.patience import EXHAUSTED, patiently
from mirrorfs.trees.local.quiet import open_quietly

_FAT = Capabilities(
    symlinks=False,
    hard_links=False,
    specials=False,
    permissions=False,
    owners=False,
    xattrs=False,
    time_resolution_ns=2 * 10**9,
    folds_case=True,
)
# By type name as in /proc/self/mountinfo; what is not here can hold everything.
_BY_TYPE = {
    "vfat": _FAT,
    "msdos": _FAT,
    "exfat": _FAT,
    "cifs": Capabilities(specials=False, owners=False, time_resolution_ns=100, folds_case=True),
    "smb3": Capabilities(specials=False, owners=False, time_resolution_ns=100, folds_case=True),
    "hfsplus": Capabilities(xattrs=False, time_resolution_ns=10**9, folds_case=True),
    "ext3": Capabilities(time_resolution_ns=10**9),
}
# Their statvfs id is the number of the device, which is another one after every plugging in.
_NUMBERED = {"vfat", "msdos", "exfat", "ntfs", "ntfs3", "fuseblk", "hfs", "hfsplus", "udf"}
_NAMELESS = {"vfat", "msdos", "exfat"}  # an inode's number is made up when it is looked at
# Errors that say nothing about what a file system can tell.
_PASSING = EXHAUSTED | {errno.EIO, errno.EINTR, errno.EAGAIN, errno.ENOMEM, errno.ESTALE}


def open_root(path: str) -> int:
    """A descriptor of the root; the path itself may lead through symlinks."""
    try:
        return patiently(open_quietly, path, DIRECTORY)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DirectoryMissing(
            f"{path}: {error.strerror}", remedy="check the path, and that its drive is mounted"
        ) from None
    except PermissionError as error:
        raise PermanentError(
            f"{path}: {error.strerror}", remedy="run as a user who may read it"
        ) from None
    except OSError as error:
        raise _unwell(path, error) from None


def _unwell(path: str, error: OSError) -> TemporaryError:
    return TemporaryError(
        f"{path}: {error.strerror}", remedy="check that its drive is mounted and well"
    )


def check_root(path: str, descriptor: int) -> None:
    """Raise unless ``path`` leads to the directory that is held."""
    fresh = open_root(path)
    try:
        now, held = os.fstat(fresh), os.fstat(descriptor)
    except OSError as error:
        raise _unwell(path, error) from None
    finally:
        os.close(fresh)
    if (now.st_dev, now.st_ino) != (held.st_dev, held.st_ino) or not held.st_nlink:
        raise TemporaryError(
            f"{path} is not the directory it was when it was opened",
            remedy="if its drive was unmounted, mount it again; if it was replaced, start anew",
        )


def refuse_stranger(place: str, found: Identity, known: Identity) -> None:
    """Raises TemporaryError where a place holds another directory than the one that is known: a
    drive that is not mounted leaves an empty directory at the same path."""
    if found == known:
        return
    elsewhere = found[:2] != known[:2]
    what = f"it was on {_called(known)}, this is on {_called(found)}"
    raise TemporaryError(
        f"{place} is not the directory that was mirrored before"
        + (f": {what}" if elsewhere else ", though on the same file system"),
        remedy="mount its drive; or, if it was replaced on purpose, start with --adopt",
    )


def _called(identity: Identity) -> str:
    uuid = identity.filesystem
    if len(uuid) == 32:
        uuid = f"{uuid[:8]}-{uuid[8:12]}-{uuid[12:16]}-{uuid[16:20]}-{uuid[20:]}"
    return f"the {identity.kind} file system {uuid}"


def check_writable(path: str, descriptor: int) -> None:
    """Raise PermanentError where the file system takes nothing any more."""
    try:
        read_only = os.fstatvfs(descriptor).f_flag & os.ST_RDONLY
    except OSError as error:
        raise _unwell(path, error) from None
    if read_only:
        raise PermanentError(
            f"{path}: the file system is read-only",
            remedy="look at the kernel log for what happened to it, then mount it for writing",
        )


def identity(path: str, descriptor: int) -> Identity:
    """Of the held directory. Raises TemporaryError."""
    try:
        mount = _mount(descriptor)
        kind = "" if mount is None else mount.kind
        inode = 0 if kind in _NAMELESS else os.fstat(descriptor).st_ino
        born = kernel.statx(descriptor).born_ns
        return Identity(_filesystem(descriptor, mount), kind, inode, born)
    except OSError as error:
        raise _unwell(path, error) from None


def capabilities(path: str, descriptor: int) -> Capabilities:
    """What the root's file system can hold, and this process may set. Raises TemporaryError."""
    try:
        kind = file_system(descriptor)
    except OSError as error:
        raise _unwell(path, error) from None
    known = _BY_TYPE.get(kind)
    if known is not None:
        return known
    user = os.geteuid()
    try:
        return Capabilities(
            owners=user == 0,
            owner=user or None,
            xattrs=_holds_xattrs(descriptor),
            folds_case=_folds_case(descriptor),
        )
    except OSError as error:
        raise _unwell(path, error) from None


def _holds_xattrs(descriptor: int) -> bool:
    try:
        os.getxattr(descriptor, "user.mirrorfs")
    except OSError as error:
        return error.errno != errno.ENOTSUP
    return True


def _folds_case(descriptor: int) -> bool:
    """Whether a name of the root is found by another spelling of it that is not listed. An empty
    directory of a file system that does not tell shows nothing. Raises OSError."""
    flags = bytearray(8)
    try:
        fcntl.ioctl(descriptor, kernel.FS_IOC_GETFLAGS, flags)
    except OSError:
        pass  # most know no such flags
    if int.from_bytes(flags[:4], sys.byteorder) & kernel.FS_CASEFOLD_FL:
        return True
    try:
        with patiently(os.scandir, descriptor) as names:
            for entry in names:
                other = entry.name.swapcase()
                if other != entry.name and other.isascii():
                    found = os.stat(other, dir_fd=descriptor, follow_symlinks=False)
                    same = found.st_ino == entry.inode()
                    return same and other not in patiently(os.listdir, descriptor)
    except (FileNotFoundError, PermissionError):
        pass  # not found by it, or not ours to look at
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        # What cannot be listed now cannot be mirrored to either: the pass will say so.
    return False


def life(descriptor: int) -> str:
    """Which boot and which mount this is; "" where that cannot be told."""
    try:
        mount = kernel.mount_life(descriptor)
        with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
            return f"{file.read().strip()} {mount}" if mount else ""
    except OSError:
        return ""


def file_system(descriptor: int) -> str:
    """The type of the file system a descriptor is on, as in proc_pid_mountinfo(5); "" where
    unknown. Raises OSError for what passes."""
    mount = _mount(descriptor)
    return "" if mount is None else mount.kind


def _filesystem(descriptor: int, mount: Mount | None) -> str:
    """The file system's UUID, where it tells; else its statvfs id, made from it on most. Raises
    OSError for what passes: the same directory must not look like another one."""
    answer = bytearray(17)
    try:
        fcntl.ioctl(descriptor, kernel.FS_IOC_GETFSUUID, answer)
    except OSError as error:
        if error.errno in _PASSING:
            raise
    uuid = bytes(answer[1 : 1 + min(answer[0], 16)])
    if any(uuid):
        return uuid.hex()
    if mount is not None and mount.kind in _NUMBERED and (known := volume.uuid_of(mount)):
        return known
    return f"{os.fstatvfs(descriptor).f_fsid:x}"


def _mount(descriptor: int) -> Mount | None:
    """Through which mount a descriptor was opened. Raises OSError for what passes."""
    number = b"%d " % kernel.statx(descriptor).mount
    try:
        with patiently(open, "/proc/self/mountinfo", "rb") as lines:
            for line in lines:
                if line.startswith(number):
                    return parsed(line)
    except OSError as error:
        if error.errno in _PASSING:
            raise
    return None
