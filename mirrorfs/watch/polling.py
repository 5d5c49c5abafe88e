"""A part of the source that is scanned again and again, in a thread of its own.

Law: a server that does not answer keeps nobody waiting but those who wait for a barrier. A barrier
is passed by a scan that began after it was laid.

It has the same face as `session.Session`.
"""

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Container

from mirrorfs.core.change import Change, Cookie, Gap
from mirrorfs.watch.coverage import plain, reason
from mirrorfs.watch.inotify import COOKIES, CREATE, MOVED_TO, Inotify, decode
from mirrorfs.watch.scan import Scan
from mirrorfs.watch.session import Lost
from mirrorfs.watch.task import Task

_CLOSE = 2.0  # seconds the end waits for a scan under way


class Polling:
    """Scans ``task.root`` every ``task.pace.poll`` seconds. Raises OSError when it is not there."""

    name = "poll"
    silence = ""
    continued = False
    overflows = 0

    def __init__(self, task: Task, record: Callable[[list[Change]], None]) -> None:
        self._root = _which(task.root)
        self._task = task
        self._record = record
        self._scan = Scan(task.root, task.exclude, one_file_system=task.one_file_system)
        self._cookies: Inotify | None = None
        self._news = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._found: deque[Change] = deque()
        self._wanted = threading.Condition()
        self._nonces: list[str] = []
        self._asked = False
        self._ending = threading.Event()
        self._first = False
        self._doubt = ""
        self._thread = threading.Thread(target=self._run, name="mirrorfs-poll", daemon=True)
        self.ready = False
        self.events = 0
        self.last_event: float | None = None
        self.lag = task.pace.poll
        self._listen()
        self._nonces += self._lying()
        self._thread.start()

    @property
    def watched(self) -> int:
        return self._scan.directories

    @property
    def failures(self) -> tuple[tuple[str, str], ...]:
        return tuple(list(self._scan.failures.items())[:16])

    @property
    def failed(self) -> int:
        return len(self._scan.failures)

    @property
    def descriptors(self) -> dict[int, int]:
        cookies = {} if self._cookies is None else {self._cookies.fd: select.POLLIN}
        return {self._news: select.POLLIN, **cookies}

    def rest(self) -> float:
        return self._task.pace.poll

    def turn(self, awake: Container[int]) -> None:
        """Tell what was found. Raises Lost."""
        if self._cookies is not None and self._cookies.fd in awake:
            for _, mask, _, name in decode(self._cookies.read()):
                if mask & (CREATE | MOVED_TO) and name.isascii():
                    self._want(name.decode())
        if self._news in awake:
            try:
                os.eventfd_read(self._news)
            except BlockingIOError:
                pass
        self._tell()
        if self._doubt:
            raise Lost(self._doubt)

    def poll(self) -> None:
        """Scan now."""
        self._want()

    def look(self, path: str) -> None:
        """Nothing: the next scan does."""

    def finish(self) -> None:
        """The last scan before the end is the last that is told of: nobody vouches for more."""
        self._tell()
        self._record([Gap("", "polled, and the watcher ended")])

    def lose(self, why: str) -> None:
        self._record([Gap("", plain(why))])

    def landed(self) -> None:
        pass

    def lost(self) -> None:
        pass

    def close(self) -> None:
        with self._wanted:
            self._ending.set()
            self._wanted.notify()
        self._thread.join(_CLOSE)
        if self._cookies is not None:
            self._cookies.close()
        if not self._thread.is_alive():
            os.close(self._news)

    def _tell(self) -> None:
        changes = [self._found.popleft() for _ in range(len(self._found))]
        if changes:
            self.events += len(changes)
            self.last_event = time.monotonic()
            self._record(changes)
        if self._first and not self.ready:
            self.ready = True

    def _listen(self) -> None:
        """Hear of barriers; without an inotify instance they are found when it is time to scan."""
        if self._task.cookies is None:
            return
        try:
            fd = os.open(self._task.cookies, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            self._cookies = Inotify()
            self._cookies.watch(fd, COOKIES)
        except OSError:
            self._cookies = None
        finally:
            os.close(fd)

    def _lying(self) -> list[str]:
        """The barriers laid by now; one that was passed may be passed again."""
        if self._task.cookies is None:
            return []
        try:
            return [name for name in os.listdir(self._task.cookies) if name.isascii()]
        except OSError:
            return []

    def _want(self, *nonces: str) -> None:
        with self._wanted:
            self._nonces += nonces
            self._asked = True
            self._wanted.notify()

    # In the thread

    def _run(self) -> None:
        while True:
            with self._wanted:
                if not self._asked and not self._ending.is_set() and self._first:
                    self._wanted.wait(self._task.pace.poll)
                if self._ending.is_set():
                    return
                self._asked = False
                nonces, self._nonces = self._nonces, []
            if self._cookies is None:
                nonces += self._lying()
            begun = time.monotonic()
            try:
                if _which(self._task.root) != self._root:
                    self._doubt = "another directory is in the source's place"
                for changes in self._scan.look():
                    self._found.extend(changes)
                    if self._ending.is_set():
                        return
            except (FileNotFoundError, NotADirectoryError):
                self._doubt = "the source is gone"
            except OSError as error:
                self._found.append(Gap("", plain(f"it cannot be looked at: {reason(error)}")))
            self.lag = self._task.pace.poll + time.monotonic() - begun
            self._found.extend(map(Cookie, dict.fromkeys(nonces)))
            self._first = True
            os.eventfd_write(self._news, 1)


def _which(root: str) -> tuple[int, int]:
    state = os.stat(root)
    return state.st_dev, state.st_ino
