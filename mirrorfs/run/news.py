"""How the mirrors of a run are, for who shows them: all of them, and when something is new.

Law: whoever waits for `news` takes the event before he looks; what comes then sets it.
"""

import trio

from mirrorfs.service.notify import notify
from mirrorfs.status.status import Status


class News:
    """``statuses``: one per target. ``news`` is the event that something has changed (a new event
    each time), ``busy`` whether something changes without one."""

    def __init__(self) -> None:
        self.news = trio.Event()
        self.statuses: list[Status] = []
        self._busy: dict[int, bool] = {}

    def about(self, status: Status) -> None:
        """A further mirror, which is busy."""
        self.statuses.append(status)
        self._busy[id(status)] = True

    @property
    def busy(self) -> bool:
        return any(self._busy.values())

    def announce(self, status: Status, *, busy: bool | None = None) -> None:
        """Something of it is new. ``busy``: as before."""
        if busy is not None and id(status) in self._busy:
            self._busy[id(status)] = busy
        self.news.set()
        self.news = trio.Event()

    def tell(self) -> None:
        """Tell the service manager."""
        several = len(self.statuses) > 1
        lines = []
        for status in self.statuses:
            name = f"{status.destination}: " if several else ""
            lines.append(f"{name}{status.phase}" + f": {status.why}" * bool(status.why))
        notify("STATUS=" + "; ".join(lines), within=0)
