"""Owner, mode, extended attributes and times of one thing that is held by a descriptor.

Law: exactly what the options keep is set, on the very object verified, and in the order that makes
it stick: owner (which clears setuid and capabilities), what needs the right to write, mode, the
other extended attributes (ACLs among them, which keep the mode), times last.
"""

import errno
import os
import stat

from mirrorfs.core.options import Options
from mirrorfs.core.tree import Entry, Kind

Xattrs = tuple[tuple[str, bytes], ...]

_ACLS = ("system.posix_acl_access", "system.posix_acl_default")
_NONE = frozenset({errno.ENOTSUP, errno.ENOSYS, errno.EPERM})
# What the system a tree is on says about it: labels, and a seal over the inode's number.
_LABELS = ("security.selinux", "security.SMACK64", "security.apparmor", "security.evm")
_ALIASES = "trusted.SGI_ACL_"  # how xfs stores ACLs; it lists them twice


def by_path(descriptor: int) -> str:
    """A path to the very object of an O_PATH descriptor, for calls that refuse such a one."""
    return f"/proc/self/fd/{descriptor}"


def read_xattrs(where: int | str, *, follow: bool = True) -> Xattrs:
    """What is kept of something's extended attributes, sorted.

    Like rsync's: ``user.*`` and ACLs; with the rights of root also ``trusted.*`` and
    ``security.*``, file capabilities among them. Labels of a security module belong to the system
    a tree is on.
    """
    try:
        names = os.listxattr(where, follow_symlinks=follow)
    except OSError as error:
        if error.errno in _NONE:
            return ()
        raise
    if not names:
        return ()
    found = []
    for name in sorted(filter(is_kept, names)):
        try:
            found.append((name, os.getxattr(where, name, follow_symlinks=follow)))
        except OSError as error:
            if error.errno != errno.ENODATA:  # removed since it was listed
                raise
    return tuple(found)


def is_kept(name: str) -> bool:
    if name.startswith("user.") or name in _ACLS:
        return True
    if os.geteuid() != 0:
        return False
    if name.startswith("trusted."):
        return not name.startswith(_ALIASES)
    return name.startswith("security.") and not name.startswith(_LABELS)


def assign(where: int | str, want: Entry, keep: Options, now: Entry | None = None) -> None:
    """Set on ``where`` what ``keep`` says of ``want``; ``now`` spares what is right already.

    ``where`` is a descriptor, or `by_path` of one.
    """
    owned = keep.owners and (now is None or (now.uid, now.gid) != (want.uid, want.gid))
    if owned:
        os.chown(where, want.uid, want.gid)
    changes = _changes(where, want.xattrs) if keep.xattrs and want.xattrs is not None else {}
    if user := {name: changes.pop(name) for name in [*changes] if name.startswith("user.")}:
        _set_user_xattrs(where, user)
    if (
        keep.permissions
        and want.kind is not Kind.SYMLINK
        and (owned or now is None or now.mode != want.mode)
    ):
        os.chmod(where, want.mode)
    _set_xattrs(where, changes)
    if keep.directory_times if want.kind is Kind.DIRECTORY else keep.times:
        os.utime(where, ns=(want.atime_ns or want.mtime_ns, want.mtime_ns))
    elif keep.access_times and now is not None:
        os.utime(where, ns=(want.atime_ns, now.mtime_ns))


def _set_user_xattrs(where: int | str, changes: dict[str, bytes | None]) -> None:
    """These take the right to write, which the mode may deny to all but root."""
    mode = stat.S_IMODE(os.stat(where).st_mode)
    if os.geteuid() == 0 or mode & stat.S_IWUSR:
        _set_xattrs(where, changes)
        return
    os.chmod(where, mode | stat.S_IWUSR)
    try:
        _set_xattrs(where, changes)
    finally:
        os.chmod(where, mode)


def _changes(where: int | str, want: Xattrs) -> dict[str, bytes | None]:
    """What is to be set, or removed (None): that was inherited from the directory's default ACL, or
    is of an older version."""
    now = dict(read_xattrs(where))
    changes: dict[str, bytes | None] = {
        name: value for name, value in want if now.pop(name, None) != value
    }
    return changes | dict.fromkeys(now)


def _set_xattrs(where: int | str, changes: dict[str, bytes | None]) -> None:
    for name, value in changes.items():
        if value is not None:
            os.setxattr(where, name, value)
            continue
        try:
            os.removexattr(where, name)
        except OSError as error:
            if error.errno != errno.ENODATA:
                raise
