"""Mount and unmount, and clear away what a killed process left behind.

Law: a mount point is an empty directory that hides neither tree; nothing is unmounted but views.
"""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pyfuse3

from mirrorfs.errors import DirectoryMissing, FatalError, PermanentError
from mirrorfs.trees.local.views import views

NAME = "mirrorfs"


def prepare(point: str, trees: tuple[str, str]) -> None:
    """Make sure that a view can be mounted; a dead one in its place is unmounted. Raises
    DirectoryMissing, PermanentError, FatalError."""
    point = os.path.abspath(point)
    try:
        os.stat(point)
    except OSError as error:
        if error.errno != errno.ENOTCONN:
            raise DirectoryMissing(
                f"the mount point {point}: {error.strerror}", remedy="make the directory first"
            ) from None
        _clear(point)
    if point in views().values():
        raise PermanentError(
            f"a view is mounted on {point} already", remedy=f"`fusermount3 -u {point}` ends it"
        )
    try:
        held = os.listdir(point)
    except OSError as error:
        raise PermanentError(
            f"the mount point {point}: {error.strerror}", remedy="choose a directory of yours"
        ) from None
    if held:
        raise PermanentError(
            f"the mount point {point} is not empty",
            remedy="a mount would hide what is in it: choose an empty directory",
        )
    for tree in trees:
        if _holds(os.path.realpath(point), os.path.realpath(tree)):
            raise FatalError(
                f"a view mounted on {point} would hide {tree}", remedy="choose another directory"
            )


@contextmanager
def mounted(operations: pyfuse3.Operations, point: str, *, allow_other: bool) -> Iterator[None]:
    """A view, mounted; unmounted at the end even while files are open. `pyfuse3.main` serves it.
    Raises PermanentError."""
    options = {f"fsname={NAME}", f"subtype={NAME}", "default_permissions", "ro"}
    if allow_other:
        options.add("allow_other")
    try:
        pyfuse3.init(operations, point, options)
    except RuntimeError:
        raise PermanentError(f"cannot mount on {point}", remedy=_remedy(allow_other)) from None
    try:
        yield
    finally:
        pyfuse3.close(unmount=True)


def _remedy(allow_other: bool) -> str:
    if not os.path.exists("/dev/fuse"):
        return "this machine has no /dev/fuse: `modprobe fuse`, or give the container the device"
    if os.geteuid() and allow_other:
        return "--allow-other needs user_allow_other in /etc/fuse.conf"
    return "fusermount3 must be installed (package fuse3), and the directory yours"


def _clear(point: str) -> None:
    """Unmount a view whose process is gone. Raises PermanentError."""
    if point not in views().values():
        raise PermanentError(
            f"{point} is a dead mount of another file system", remedy=f"`umount -l {point}`"
        )
    command = ["umount", "-l"] if os.geteuid() == 0 else ["fusermount3", "-uz"]
    done = subprocess.run([*command, point], capture_output=True, check=False)
    if done.returncode:
        said = os.fsdecode(done.stderr).strip()
        raise PermanentError(
            f"{point} is the dead mount of a killed view, and cannot be unmounted: {said}",
            remedy=f"`umount -l {point}` as root",
        )


def _holds(directory: str, tree: str) -> bool:
    return os.path.commonpath((directory, tree)) == directory
