"""Whether somebody writes a journal now: asked of the lock, not of a process number.

RACE: the question takes the lock, shared, for an instant; a writer that opens just then would find
it taken, so `files.lock` asks more than once before it gives up.
"""

import fcntl
import os
from pathlib import Path

from journal import files


def writer_alive(directory: str | os.PathLike[str]) -> bool:
    """Whether a `Writer` has the journal in `directory` open. Raises `JournalUnsafe`."""
    try:
        with files.opened(Path(directory)) as fd:
            lock = files.open_file(fd, "lock")
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
