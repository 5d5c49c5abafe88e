"""Whether somebody writes a journal now: asked of the lock, not of a process number.

RACE: the question takes the lock, shared, for an instant; a writer that opens just then would find
it taken, so `files.lock` asks more than once before it gives up.
"""

import fcntl
import os

from journal import files
from journal.errors import JournalUnreadable


def writer_alive(directory: str | os.PathLike[str]) -> bool:
    """Whether a `Writer` has the journal in `directory` open. Raises `JournalUnsafe`,
    `JournalUnreadable`."""
    place = os.fspath(directory)
    try:
        with files.reading(place), files.opened(place) as fd:
            lock = files.open_file(fd, "lock")
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        raise JournalUnreadable(place, error) from error
    finally:
        os.close(lock)
    return False
