"""The kernel's queue of events, so short that it overflows, or filled until it does.

Law: nobody else's queue is short. Its bound is one number for the whole machine, read when a queue
is made; so it is lowered for the making of this one alone, and by one test at a time: whoever reads
the number while another one has lowered it would put that back.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from unittest.mock import patch

from mirrorfs.watch.fanotify import Fanotify
from mirrorfs.watch.inotify import Inotify

_KINDS: dict[str, type[Inotify | Fanotify]] = {"inotify": Inotify, "fanotify": Fanotify}


@contextmanager
def short_queue(backend: str = "inotify") -> Iterator[None]:
    """Queues that this process makes in the block hold 16 events. Needs root."""
    made = _KINDS[backend]
    usual = made.__init__

    def make(self: Inotify | Fanotify, *given: Any) -> None:
        with _shortened(_bound(backend)):
            usual(self, *given)  # type: ignore[arg-type]

    with patch.object(made, "__init__", make):
        yield


def overfill(directory: Path, backend: str = "inotify") -> None:
    """More events than any queue holds, which somebody who watches the directory does not read."""
    for number in range(int(_bound(backend).read_text()) + 100):
        # Each of another name: those of the same one are merged.
        os.mknod(directory / f"overfilling{number}")


@contextmanager
def _shortened(bound: Path) -> Iterator[None]:
    with open(Path(gettempdir()) / f"mirrorfs-{os.geteuid()}.queues", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        usual = bound.read_text()
        bound.write_text("16")
        try:
            yield
        finally:
            bound.write_text(usual)


def _bound(backend: str) -> Path:
    return Path(f"/proc/sys/fs/{backend}/max_queued_events")
