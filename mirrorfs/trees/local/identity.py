"""Which directory a root is, what its file system can hold, and whether its path still leads to it.

Law: what is asked of the held descriptor is the truth about the tree; a fresh look at the path only
tells whether they are still the same.
"""

import fcntl
import os

from mirrorfs.core.tree import Identity
from mirrorfs.errors import DirectoryMissing, PermanentError, TemporaryError
from mirrorfs.trees.base import Capabilities
from mirrorfs.trees.local import kernel
from mirrorfs.trees.local.handles import DIRECTORY

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


def open_root(path: str) -> int:
    """A descriptor of the root; the path itself may lead through symlinks."""
    try:
        return os.open(path, DIRECTORY)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DirectoryMissing(
            f"{path}: {error.strerror}", remedy="check the path, and that its drive is mounted"
        ) from None
    except PermissionError as error:
        raise PermanentError(
            f"{path}: {error.strerror}", remedy="run as a user who may read it"
        ) from None
    except OSError as error:
        raise TemporaryError(
            f"{path}: {error.strerror}", remedy="check that its drive is mounted and well"
        ) from None


def check_root(path: str, descriptor: int) -> None:
    """Raise unless ``path`` leads to the directory that is held."""
    fresh = open_root(path)
    try:
        now, held = os.fstat(fresh), os.fstat(descriptor)
    finally:
        os.close(fresh)
    if (now.st_dev, now.st_ino) != (held.st_dev, held.st_ino) or not held.st_nlink:
        raise TemporaryError(
            f"{path} is not the directory it was when it was opened",
            remedy="if its drive was unmounted, mount it again; if it was replaced, start anew",
        )


def identity(descriptor: int) -> Identity:
    """Of the held directory."""
    extended = kernel.statx(descriptor)
    return Identity(
        _filesystem(descriptor),
        _type_name(extended.mount),
        os.fstat(descriptor).st_ino,
        extended.born_ns,
    )


def capabilities(descriptor: int) -> Capabilities:
    """What the file system at the root can hold, and this process may set."""
    kind = _type_name(kernel.statx(descriptor).mount)
    known = _BY_TYPE.get(kind)
    if known is None:
        known = Capabilities(owners=os.geteuid() == 0)
    return known


def _filesystem(descriptor: int) -> str:
    """The file system's UUID, where it tells; else its statvfs id, made from it on most."""
    answer = bytearray(17)
    try:
        fcntl.ioctl(descriptor, kernel.FS_IOC_GETFSUUID, answer)
    except OSError:
        pass
    uuid = bytes(answer[1 : 1 + min(answer[0], 16)])
    return uuid.hex() if any(uuid) else f"{os.fstatvfs(descriptor).f_fsid:x}"


def _type_name(mount: int) -> str:
    """The type of the mount with this id, as in proc_pid_mountinfo(5); "" where unknown."""
    try:
        with open("/proc/self/mountinfo", "rb") as lines:
            for line in lines:
                if line.startswith(b"%d " % mount):
                    return line.partition(b" - ")[2].split()[0].decode()
    except OSError:
        pass
    return ""
