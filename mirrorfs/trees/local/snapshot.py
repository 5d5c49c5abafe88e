"""Copy a file that others go on appending to, as it was at one moment.

Law: what is kept is all that the file held at one moment, between two writes. Whether it ends is
looked at when everything up to there has been read; after that look all of it is read once more,
and is the same. So no byte changed around the look, unless it was changed and changed back.
"""

import errno
import os
import time
from math import inf

from mirrorfs.trees.base import CHUNK, Meter
from mirrorfs.trees.local.copy import write

PATIENCE = 0.2  # seconds without coming nearer: the writer is as fast as we are, and never pauses


def snapshot(source: int, target: int, at: int, meter: Meter) -> int | None:
    """Bring ``target``, which holds the first ``at`` bytes, up to date; bytes moved, or None when
    it cannot be shown to be whole. Both descriptors must be readable. Raises OSError."""
    begun = at
    before, least, until = 0, inf, 0.0
    ended = False
    while not ended:
        gap = os.fstat(source).st_size - at
        if gap < 0 or (before and gap > max(before, CHUNK)):
            return None
        now = time.monotonic()
        if gap < least:
            least, until = gap, now + PATIENCE
        elif now > until:
            return None
        before = gap
        end = at + gap
        while not ended and at <= end:
            data = os.pread(source, min(CHUNK, meter.piece()), at)
            # At once: whoever appends without a pause has a microsecond or two.
            ended = _ends(source, at + len(data))
            if not data:
                break
            write(target, data, at)
            at += len(data)
            meter.moved(len(data))
    os.ftruncate(target, at)
    for offset in range(0, at, CHUNK):
        size = min(CHUNK, at - offset)
        if os.pread(source, size, offset) != os.pread(target, size, offset):
            return None
        meter.moved(0)  # it may be told to stop
    return at - begun


def _ends(source: int, at: int) -> bool:
    """Whether the file ends there. RACE: a write makes it longer page by page. To look for a hole
    takes the lock that a write holds (ext4, btrfs, tmpfs and others)."""
    try:
        if os.lseek(source, at, os.SEEK_HOLE) > at:
            return False
    except OSError as error:
        if error.errno == errno.ENXIO:
            return True
        if error.errno != errno.EINVAL:
            raise
    return os.fstat(source).st_size == at  # a hole, or a file system that knows none
