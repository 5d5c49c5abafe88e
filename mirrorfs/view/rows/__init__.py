"""A directory's names and attributes as the bytes the kernel is told, all made in one go.

Law: `plain` is the reference; `compiled`, where a compiler was at hand, makes the same bytes. The
environment's ``MIRRORFS_NATIVE=0`` does without it.

Names stand in the order of their hashes, and an offset is such a hash: so it means the same in
every listing of a directory, whatever came and went, and nobody need remember who reads what.
"""

import os
from collections.abc import Callable, Mapping

from mirrorfs.core.preview import Shown
from mirrorfs.view.places import Place
from mirrorfs.view.rows import plain
from mirrorfs.view.rows.plain import Known, Lasting, Listed

Pack = Callable[[Place, Mapping[str, Shown], Known, Lasting], Listed]
"""The listing of a directory from what it shows, the inodes the kernel knows, and how long it may
keep what it is told."""


def _chosen() -> Pack:
    if os.environ.get("MIRRORFS_NATIVE") == "0":
        return plain.pack
    try:
        from mirrorfs.view.rows import compiled
    except ImportError:
        return plain.pack
    return compiled.pack if compiled.EDITION == plain.EDITION else plain.pack


pack: Pack = _chosen()
