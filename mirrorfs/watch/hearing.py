"""Whether events come at all.

Law: the source is not written to; that somebody opens the directory is an event, too, and that
somebody can be us. Some kernels accept every watch and tell of nothing.
"""

import os
import select

from mirrorfs.watch.inotify import OPEN, Inotify

_SECONDS = 1.0


def hears(directory: str) -> bool:
    """Whether opening a directory is heard of; True, too, when that cannot be found out."""
    try:
        inotify = Inotify()
    except OSError:
        return True
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            inotify.watch(fd, OPEN)
        finally:
            os.close(fd)
        os.close(os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        poller = select.poll()
        poller.register(inotify.fd, select.POLLIN)
        return bool(poller.poll(int(_SECONDS * 1000)))
    except OSError:
        return True
    finally:
        inotify.close()
