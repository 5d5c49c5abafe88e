"""Watch and sync in one process, until told to stop.

Law: the watcher's thread only records; this room only waits and calls the follower, one call to a
thread at a time. Whatever goes wrong with a root (a drive pulled out, a full disk) is waited out:
changes gather in the journal, nothing is deleted, and it is tried again.

    run        from the first lock to the end; what is waited out
    opening    the mirror, opened as often as it was let go of
    cycles     cycle after cycle, and what comes between two of them
    condition  how it is, and who is told when that changes
    answers    what is answered to those who ask
    bell       what wakes it
"""

from mirrorfs.run.condition import Condition
from mirrorfs.run.run import Run

__all__ = ["Condition", "Run"]
