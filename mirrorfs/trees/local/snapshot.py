"""Copy a file that others go on appending to, as it was at one moment.

Law: what is kept is all that the file held at one moment. Its length is looked at when everything
up to there has been read; after that look all of it is read once more, and is the same. So no byte
changed around the look, unless it was changed and changed back.
"""

import os

from mirrorfs.trees.base import CHUNK, Meter
from mirrorfs.trees.local.copy import write

CATCHES = 100  # looks at the length before the writer counts as faster than we are


def snapshot(source: int, target: int, at: int, meter: Meter) -> int | None:
    """Bring ``target``, which holds the first ``at`` bytes, up to date; bytes moved, or None when
    it cannot be shown to be whole. Both descriptors must be readable. Raises OSError."""
    moved, before = 0, 0
    for _ in range(CATCHES):
        gap = os.fstat(source).st_size - at
        if not gap:
            break
        if gap < 0 or (before and gap > max(before, CHUNK)):
            return None
        before = gap
        while gap:
            data = os.pread(source, min(CHUNK, meter.piece(), gap), at)
            if not data:
                return None
            write(target, data, at)
            at += len(data)
            moved += len(data)
            gap -= len(data)
            meter.moved(len(data))
    else:
        return None
    os.ftruncate(target, at)
    for offset in range(0, at, CHUNK):
        size = min(CHUNK, at - offset)
        if os.pread(source, size, offset) != os.pread(target, size, offset):
            return None
        meter.moved(0)  # it may be told to stop
    return moved
