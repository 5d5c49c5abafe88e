"""Calls that need a descriptor, where a process may have few.

Law: running out of descriptors is ours to mend and is not reported before everything was tried: the
directory handles that are only kept for later are let go of, all trees' of them, and other threads
get the time to finish with theirs.
"""

import errno
import threading
import time
from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar
from weakref import WeakSet

P = ParamSpec("P")
T = TypeVar("T")

EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE})
PAUSES = (0.0, 0.01, 0.05, 0.2, 0.5)  # seconds


class Keeper(Protocol):
    """Who keeps descriptors that can be had again."""

    def forget(self) -> bool:
        """Let go of them; whether there were any."""


_keepers: WeakSet[Keeper] = WeakSet()
_lock = threading.Lock()


def keeps(keeper: Keeper) -> None:
    """To be asked for its descriptors when there are none left, for as long as it lives."""
    with _lock:
        _keepers.add(keeper)


def patiently(call: Callable[P, T], *given: P.args, **more: P.kwargs) -> T:
    """``call``, again while descriptors can be made free for it. Raises OSError."""
    for pause in PAUSES:
        try:
            return call(*given, **more)
        except OSError as error:
            if error.errno not in EXHAUSTED:
                raise
        with _lock:
            keepers = list(_keepers)
        if not sum(keeper.forget() for keeper in keepers):
            time.sleep(pause)
    return call(*given, **more)
