"""Make the folder of a place, and never one in a bare mount point.

Law: what is made on a drive is made from a handle of its top that is known to be on it; a drive
that goes meanwhile takes the attempt along.
"""

import os

from mirrorfs.drives.find import Found
from mirrorfs.errors import DriveAway, FatalError, TemporaryError
from mirrorfs.trees.local import kernel
from mirrorfs.trees.local.handles import DIRECTORY


def make(found: Found) -> None:
    """The directory, with its parents. Raises FatalError, TemporaryError."""
    try:
        if found.number:
            _make_on(found)
        else:
            os.makedirs(found.path, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise FatalError(f"the destination {found.path} is a file not a directory") from error
    except OSError as error:
        raise TemporaryError(
            f"cannot make the destination {found.path}: {error.strerror}",
            remedy="check the path and the permissions of the directory it is in",
        ) from error


def _make_on(found: Found) -> None:
    handle = os.open(found.top, DIRECTORY)
    try:
        if kernel.statx(handle).mount != found.number:
            raise DriveAway(f"{found.top} is not its drive any more", remedy="mount it again")
        for name in filter(None, found.folder.split("/")):
            try:
                below = os.open(name, DIRECTORY | os.O_NOFOLLOW, dir_fd=handle)
            except FileNotFoundError:
                os.mkdir(name, dir_fd=handle)
                below = os.open(name, DIRECTORY | os.O_NOFOLLOW, dir_fd=handle)
            os.close(handle)
            handle = below
    finally:
        os.close(handle)
