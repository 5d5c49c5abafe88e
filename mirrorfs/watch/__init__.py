"""Watching a source: from the kernel's events to the records of the journal.

Law: everything that changes is reported, or a gap that covers it is, before anything later. Nothing
relies on the order of records, on a file being closed, or on the halves of a rename finding each
other.

    inotify     read(2) and decode; the system calls are watchdog's
    watches     which directory a watch stands for
    crawl       watch, then list; and again after an overflow
    leaf        which directories need not be listed
    reach       a directory by its path, however long
    translate   what an event means
    pairing     the two halves of a rename
    settle      when a file that is still open is worth a look
    phantom     files without a name (O_TMPFILE)
    coverage    what cannot be watched
    mounts      what is mounted over or unmounted
    batch       what one turn has to say, once
    kept        a watch that outlives its process, and what was read of it and not recorded
    task        what to watch, and how
    backends    how events are had: what a session needs of it, and who provides it
    session     these together, for as long as the root is the same directory
    watcher     the thread, and what it does when the root is not

What makes no event at all (stores to mapped memory, writes through a hard link outside the source,
changes made by another machine on a network file system) is not seen here; a full comparison from
time to time finds it.
"""

from mirrorfs.watch.kept import Keeper
from mirrorfs.watch.settle import Pace
from mirrorfs.watch.watcher import Watcher, WatchStatus

__all__ = ["Keeper", "Pace", "WatchStatus", "Watcher"]
