"""The service manager's watchdog (WatchdogSec=), fed by the work itself.

Law: it hears that all is well only when the run says so. A run that hangs is killed by the manager,
and what its threads were doing is in the log: that is why a handler of SIGABRT is set.
"""

import faulthandler
import os
from collections.abc import Callable

import trio

from mirrorfs.service.notify import notify


def timeout() -> float:
    """Seconds without a word after which the manager kills this process; 0 if it never does."""
    for_us = os.environ.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
    said = os.environ.get("WATCHDOG_USEC", "")
    return int(said) / 1e6 if for_us and said.isdigit() else 0.0


def patience(most: float) -> float:
    """Seconds of silence that a run may count as life: ``most``, and at most half of the
    manager's."""
    return min(most, timeout() / 2) or most


async def feed(alive: Callable[[], bool], dead: Callable[[], None], every: float) -> None:
    """Ask ``every`` so many seconds, and tell the manager; ``dead`` is called when a run that was
    well does not say so any more."""
    if not timeout():
        return
    faulthandler.enable()
    well = True
    while True:
        before, well = well, alive()
        if well:
            notify("WATCHDOG=1", within=0)
        elif before:
            dead()
        await trio.sleep(every)
