"""Hear at once when a place of a mirror is mounted, unmounted or mounted over.

Law: the kernel's list of mounts tells (POLLPRI); no timer asks. What is told is only that something
else is there; whoever hears of it looks.
"""

import os
import select
from collections.abc import Callable, Collection
from functools import partial
from typing import NoReturn

import trio

from mirrorfs.drives import sight


class Mounting:
    """``places``: what matters; ``heard`` is called with those of them that changed."""

    def __init__(self, places: Collection[str], heard: Callable[[set[str]], None]) -> None:
        self._places = sorted(set(places))
        self._heard = heard

    async def __call__(self) -> NoReturn:
        descriptor = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
        # Alone, the list could always be read; an epoll becomes readable for what it waits for.
        news = select.epoll()
        try:
            news.register(descriptor, select.EPOLLPRI | select.EPOLLERR)
            seen = await self._look()
            while True:
                await trio.lowlevel.wait_readable(news.fileno())
                news.poll(0)
                now = await self._look()
                if changed := {place for place in seen if seen[place] != now[place]}:
                    self._heard(changed)
                seen = now
        finally:
            news.close()
            os.close(descriptor)

    async def _look(self) -> dict[str, str]:
        """In a thread: what leads there may lie on a drive that hangs."""
        return {
            place: await trio.to_thread.run_sync(partial(sight, place), abandon_on_cancel=True)
            for place in self._places
        }
