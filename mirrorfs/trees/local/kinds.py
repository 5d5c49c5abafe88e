"""The names of a directory by kind, as its listing tells it: without a look at each.

Law: what the listing does not say to be a regular file may be one all the same.
"""

import os
from collections.abc import Callable

from mirrorfs.trees.local import native

Kinds = Callable[[int], tuple[list[str], list[str]]]
"""The regular files and all other names of an open directory, from its offset on. Raises OSError,
MemoryError."""


def plain(directory: int) -> tuple[list[str], list[str]]:
    """See `Kinds`."""
    files: list[str] = []
    others: list[str] = []
    with os.scandir(directory) as found:
        for item in found:
            (files if item.is_file(follow_symlinks=False) else others).append(item.name)
    return files, others


_compiled = native.load()
kinds: Kinds = plain if _compiled is None else _compiled.kinds
