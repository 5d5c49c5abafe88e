"""Watching a source: from the kernel's events to the records of the journal.

Law: everything that changes is reported, or a gap that covers it is, before anything later. Nothing
relies on the order of records, on a file being closed, or on the halves of a rename finding each
other.

    inotify     read(2) and decode; the system calls are watchdog's
    fanotify    the same for a whole file system; and handles of directories
    places      which directory a handle stands for
    watches     which directory a watch stands for
    standing    where the thread stands that sets a watch
    frame       how far that is in one directory
    crawl       watch, then list; and again after an overflow
    leaf        which directories need not be listed
    reach       a directory by its path, however long
    translate   what an event means
    pairing     the two halves of a rename
    settle      when a file that is still open is worth a look
    hot         what changes again and again
    phantom     files without a name (O_TMPFILE)
    coverage    what cannot be watched
    mounts      what is mounted over or unmounted
    batch       what one turn has to say, once
    pending     what a crawl that ends in the middle leaves to be looked at
    kept        a watch that outlives its process, and what was read of it and not recorded
    task        what to watch, and how
    backends    how events are had: what a session needs of it, and who provides it
    session     these together, for as long as the root is the same directory
    kinds       which file systems change in silence
    hearing     whether events come at all
    scan        what no event tells is found by looking
    polling     again and again, in a thread of its own
    part        one mount of the source, and what serves it
    parts       each mount by what suits it, told of as one
    watcher     the thread, and what it does when the root is not

What makes no event at all on a file system that has events (stores to mapped memory, writes through
a hard link outside the source) is not seen here; a full comparison from time to time finds it.
"""

from mirrorfs.watch.kept import Keeper
from mirrorfs.watch.part import Serving
from mirrorfs.watch.settle import PACE, Pace
from mirrorfs.watch.task import BACKENDS
from mirrorfs.watch.watcher import Watcher, WatchStatus

__all__ = ["BACKENDS", "PACE", "Keeper", "Pace", "Serving", "WatchStatus", "Watcher"]
