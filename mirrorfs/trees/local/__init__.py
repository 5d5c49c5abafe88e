"""Trees of this machine's file systems. `LocalTree` is all that others need.

Every call is relative to a held directory and follows no symlink; what that costs is one open for a
directory, not one for a file.
"""

from mirrorfs.trees.local.backup import Backup
from mirrorfs.trees.local.durable import Fsync
from mirrorfs.trees.local.tree import LocalTree
from mirrorfs.trees.local.writing import Writing

__all__ = ["Backup", "Fsync", "LocalTree", "Writing"]
