"""Work that nobody waits for: in a thread that the disk and the processor serve last.

Law: the priorities are the thread's own, and it ends with its work; no other thread, and no later
work, is slowed.
"""

import ctypes
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import trio

T = TypeVar("T")

# The C library has no function for it.
_IOPRIO_SET = {"x86_64": 251, "i686": 289, "ppc64le": 273, "s390x": 282}.get(os.uname().machine, 30)
_THIS_THREAD = 0
_WHO_PROCESS = 1
_IDLE = 3 << 13
_NICEST = 19


async def in_background(work: Callable[[], T]) -> T:
    """What ``work`` returns or raises. Cancelled, it is not waited for: it should end by itself."""
    token, done = trio.lowlevel.current_trio_token(), trio.Event()
    results: list[T] = []
    errors: list[BaseException] = []

    def begin() -> None:
        yield_to_all()
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(done.set)

    threading.Thread(target=begin, name="mirrorfs-background", daemon=True).start()
    await done.wait()
    if errors:
        raise errors[0]
    return results[0]


def yield_to_all() -> None:
    """Let this thread have the disk when nobody wants it, and the processor hardly; what the system
    does not allow is left as it is."""
    ctypes.CDLL(None).syscall(_IOPRIO_SET, _WHO_PROCESS, _THIS_THREAD, _IDLE)
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICEST)
