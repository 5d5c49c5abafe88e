"""Owner, mode, extended attributes and times of one thing that is held by a descriptor.

Law: exactly what the options keep is set, on the very object verified, and in the order that makes
it stick: owner (which clears setuid and capabilities), mode, extended attributes (ACLs among them,
which keep the mode), times last.
"""

import errno
import os

from mirrorfs.core.options import Options
from mirrorfs.core.tree import Entry, Kind

Xattrs = tuple[tuple[str, bytes], ...]

_ACLS = ("system.posix_acl_access", "system.posix_acl_default")
_NONE = frozenset({errno.ENOTSUP, errno.ENOSYS, errno.EPERM})


def by_path(descriptor: int) -> str:
    """A path to the very object of an O_PATH descriptor, for calls that refuse such a one."""
    return f"/proc/self/fd/{descriptor}"


def read_xattrs(where: int | str, *, follow: bool = True) -> Xattrs:
    """What is kept of something's extended attributes, sorted.

    Like rsync's: ``user.*`` and ACLs; with the rights of root also ``trusted.*`` and file
    capabilities. Labels of a security module belong to the system a tree is on.
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
    for name in sorted(filter(_is_kept, names)):
        try:
            found.append((name, os.getxattr(where, name, follow_symlinks=follow)))
        except OSError as error:
            if error.errno != errno.ENODATA:  # removed since it was listed
                raise
    return tuple(found)


def _is_kept(name: str) -> bool:
    if name.startswith("user.") or name in _ACLS:
        return True
    return os.geteuid() == 0 and (name.startswith("trusted.") or name == "security.capability")


def assign(where: int | str, want: Entry, keep: Options, now: Entry | None = None) -> None:
    """Set on ``where`` what ``keep`` says of ``want``; ``now`` spares what is right already.

    ``where`` is a descriptor, or `by_path` of one.
    """
    owned = keep.owners and (now is None or (now.uid, now.gid) != (want.uid, want.gid))
    if owned:
        os.chown(where, want.uid, want.gid)
    if (
        keep.permissions
        and want.kind is not Kind.SYMLINK
        and (owned or now is None or now.mode != want.mode)
    ):
        os.chmod(where, want.mode)
    if keep.xattrs and want.xattrs is not None:
        _assign_xattrs(where, want.xattrs)
    if keep.directory_times if want.kind is Kind.DIRECTORY else keep.times:
        os.utime(where, ns=(want.atime_ns or want.mtime_ns, want.mtime_ns))


def _assign_xattrs(where: int | str, want: Xattrs) -> None:
    now = dict(read_xattrs(where))
    for name, value in want:
        if now.pop(name, None) != value:
            os.setxattr(where, name, value)
    for name in now:  # inherited from the directory's default ACL, or of an older version
        os.removexattr(where, name)
