"""A working directory that one thread has for itself, so that a watch is set where it stands.

Law: no other thread's working directory changes. A directory that a thread stands in cannot be
unmounted, and threads that it starts would stand there, too; so it goes home after each slice of
its work.

inotify_add_watch takes a path and no descriptor. The way through /proc/self/fd costs as much as
setting the watch; ``.`` is the same directory, whatever its path is by now, and costs a fifth.
"""

import ctypes
import os
import threading

_CLONE_FS = 0x200
_libc = ctypes.CDLL(None, use_errno=True)


class Standing:
    """Where the thread stands that calls `begin`."""

    def __init__(self) -> None:
        self._thread = 0
        self._home = -1

    def begin(self) -> bool:
        """Whether this thread may go where it likes; not where a container forbids it, nor the
        thread that the process began with: all others share its directory."""
        if self._thread == threading.get_ident():
            return self._home >= 0
        self.close()
        self._thread = threading.get_ident()
        if threading.current_thread() is threading.main_thread() or _libc.unshare(_CLONE_FS):
            return False
        try:
            self._home = os.open(".", os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return False
        return True

    def home(self) -> None:
        """Stand where it stood at first, or nowhere, if nobody may go there any more."""
        try:
            os.fchdir(self._home)
        except OSError:
            os.chdir("/")

    def close(self) -> None:
        if self._home >= 0:
            os.close(self._home)
            self._home = -1
