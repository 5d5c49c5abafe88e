"""The mounts of a test run are its own.

RACE: a test that makes a mount namespace copies every mount of its neighbours; a file system of
theirs then outlives its unmounting, and is the old one, shut down or not, when they mount it again.
"""

import ctypes

CLONE_NEWNS = 0x20000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18


def leave_the_mounts_of_others() -> None:
    """This thread and what it starts have mounts of their own; all are gone when they end. Raises
    OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) or libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None):
        raise OSError(ctypes.get_errno(), "no mount namespace of its own")
