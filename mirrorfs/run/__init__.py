"""Watch and sync in one process, until told to stop.

Law: the watcher's thread only records; this room only waits and calls each target's follower, one
call to a thread at a time. Whatever goes wrong with a root (a drive pulled out, a full disk) is
waited out: changes gather in the journal, nothing is deleted, and it is tried again.

    run        one source and all its targets
    target     what is wanted of one destination
    life       one destination's life; what is waited out
    recording  the recorder, or another process's
    tail       the journal that another process writes
    opening    the mirror, opened as often as it was let go of
    cycles     cycle after cycle, and what comes between two of them
    thread     calls to a thread, and what becomes of those that do not end
    behind     since when a mirror is behind its source
    condition  how a mirror is, and who is told when that changes
    news       how all of them are
    mounting   what is mounted where they are
    pulse      whether everything gets on
    pausing    the pause of one target
    answers    what is answered to those who ask
    bell       what wakes it
"""

from mirrorfs.run.condition import Condition
from mirrorfs.run.news import News
from mirrorfs.run.run import Run
from mirrorfs.run.target import Target

__all__ = ["Condition", "News", "Run", "Target"]
