"""Open a directory by its path below the root, however long that is.

Law: no symlink is followed below the root.
"""

import os

from mirrorfs.trees.local.beneath import open_beneath

OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def descend(root: str, path: str) -> int:
    """The descriptor. Raises OSError."""
    top = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return open_beneath(top, path)
    finally:
        os.close(top)
