"""What was mirrored when: lines in the mirror's state directory, bounded in size.

Law: the history is for looking back at; nothing is decided from it, and nothing that befalls it
stops a mirror. What was written before a kill stays; a line that was torn is dropped.

    record  what one line says, and how
    ring    segments of lines, the oldest let go of
    keep    what a pass does, as lines
    look    lines from the newest back, and those that come

A journal (`journal`) is read forward and steps over nothing that is damaged; people read a history
from its end, and want the rest of one that is damaged. So its lines are text.
"""

from mirrorfs.history.keep import History
from mirrorfs.history.look import Wanted, follow, newest_first
from mirrorfs.history.record import Record

__all__ = ["History", "Record", "Wanted", "follow", "newest_first"]
