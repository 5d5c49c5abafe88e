"""Any call that fails, once or for ever, with any error it may have: the mirror is equal, or it is
told what is not; nothing is torn, and when the trouble is over the next run ends the work.
"""

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from crash.scenes import check_ended, words
from crash.states import States, torn
from support.inject import Call, Judge, needs_injection, supervised
from support.portrait import Portrait, portrait, unlike

from mirrorfs.cli import main

pytestmark = [pytest.mark.root, needs_injection]

_ANY = "EIO ESTALE ENOMEM EINTR"
_NAME = f"{_ANY} EACCES EPERM"
_CHANGE = f"{_NAME} ENOSPC EDQUOT EROFS"
_DATA = "EIO ESTALE EINTR ENOSPC EDQUOT EFBIG"
_ATTRIBUTE = f"{_CHANGE} ENOTSUP"
_PLAUSIBLE = {
    "read": "EIO ESTALE EINTR",
    "pread64": "EIO ESTALE EINTR",
    "lseek": "EIO ESTALE EINVAL",
    "getdents64": "EIO ESTALE ENOMEM EINTR",
    "fstat": "EIO ESTALE ENOMEM",
    "newfstatat": _NAME,
    "stat": _NAME,
    "lstat": _NAME,
    "statx": f"{_NAME} ENOSYS",
    "statfs": "EIO ESTALE ENOMEM",
    "fstatfs": "EIO ESTALE ENOMEM",
    "readlink": "ENOMEM",
    "readlinkat": _NAME,
    "fcntl": "EMFILE EINTR",
    "flock": "EINTR ENOLCK",
    "ioctl": "EIO ENOTTY",
    "ioctl+": "EIO ENOSPC EDQUOT EPERM ETXTBSY ENOTSUP EXDEV EINVAL",
    "open": f"{_NAME} EMFILE ENFILE ELOOP",
    "openat": f"{_NAME} EMFILE ENFILE ELOOP",
    "openat2": f"{_NAME} EMFILE ENFILE ELOOP ENOSYS EAGAIN",
    "openat+": f"{_CHANGE} EMFILE ENFILE ETXTBSY",
    "write": _DATA,
    "pwrite64": _DATA,
    "sendfile": _DATA,
    "copy_file_range": f"{_DATA} EXDEV EINVAL ENOTSUP ETXTBSY ENOMEM ENOSYS",
    "fallocate": f"{_DATA} ENOTSUP",
    "ftruncate": f"{_DATA} EPERM",
    "linkat": f"{_CHANGE} EMLINK EXDEV",
    "renameat": f"{_CHANGE} EBUSY EXDEV",
    "renameat2": f"{_CHANGE} EBUSY EXDEV EINVAL ENOSYS",
    "rename": f"{_CHANGE} EBUSY EXDEV",
    "unlinkat": f"{_NAME} EROFS EBUSY",
    "unlink": f"{_NAME} EROFS EBUSY",
    "rmdir": f"{_NAME} EROFS EBUSY",
    "fsync": "EIO ENOSPC EDQUOT EROFS EINTR",
    "fdatasync": "EIO ENOSPC EDQUOT EROFS EINTR",
    "syncfs": "EIO ENOSPC EDQUOT EINTR ENOSYS",
    "getxattr": "EIO ESTALE EACCES EPERM ERANGE",
    "listxattr": "EIO ESTALE EACCES ENOMEM",
    "setxattr": f"{_ATTRIBUTE} E2BIG",
    "removexattr": _ATTRIBUTE,
    "inotify_init1": "EMFILE ENFILE ENOMEM",
    "inotify_add_watch": "ENOSPC EACCES ENOMEM",
    "eventfd2": "EMFILE ENFILE ENOMEM",
    "epoll_create1": "EMFILE ENFILE ENOMEM",
}
ONCE = frozenset({"EINTR"})  # Python and everybody else asks again, for ever


class Fault(NamedTuple):
    """``nth``: only that one of the calls; 0 for all of them."""

    call: str
    place: str
    error: str
    nth: int

    def __str__(self) -> str:
        return f"{self.call} on {self.place}: {self.error}, {self.nth or 'always'}"

    def judge(self, room: Path) -> Judge:
        count = 0

        def judge(call: Call) -> int:
            nonlocal count
            if call.name != self.call or place(call, room) != self.place:
                return 0
            count += 1
            return getattr(errno, self.error) if self.nth in (0, count) else 0

        return judge


def place(call: Call, room: Path) -> str:
    """What a call is about: the mirror, what is half-made in it, the source, the state."""
    parts = [path.removeprefix(f"{room}/") for path in call.paths]
    if any("/.mirrorfs-" in part for part in parts):
        return "half-made"
    return parts[-1].partition("/")[0] if parts else "kernel"


def plausible(name: str) -> list[str]:
    if name in _PLAUSIBLE:
        return _PLAUSIBLE[name].split()
    if name.endswith("xattr") and name[1:] in _PLAUSIBLE:  # of a descriptor, of a link
        return _PLAUSIBLE[name[1:]].split()
    return (_ATTRIBUTE if name.startswith(("fch", "ch", "utime")) else _CHANGE).split()


def faults(calls: list[Call], room: Path, *, every: bool) -> Iterator[Fault]:
    """Each kind of call at each place, with each error: once, and always. ``every``: once at each
    of the calls; else at one of them."""
    counts: dict[tuple[str, str], int] = {}
    for each in calls:
        kind = (each.name, place(each, room))
        counts[kind] = counts.get(kind, 0) + 1
    for (name, where), count in counts.items():
        for turn, error in enumerate(plausible(name)):
            numbers = range(1, count + 1) if every else [turn * 7919 % count + 1]
            yield from (Fault(name, where, error, nth) for nth in numbers)
            if error not in ONCE:
                yield Fault(name, where, error, 0)


def check(fault: Fault, source: Path, room: Path, before: Portrait) -> list[str]:
    """What is wrong with what a sync makes of a fault."""
    after = portrait(source)
    ended = supervised(lambda: main(words(source, room)), [room], fault.judge(room))
    now = portrait(room / "mirror")
    wrong = torn(before, now, after)
    if "Traceback" in ended.said:
        wrong.append("a traceback")
    if ended.code not in range(1, 11) and ended.code:
        wrong.append(f"exit code {ended.code}")
    differ = unlike(after, now)
    if differ and not ended.code:
        wrong.append(f"told as equal: {differ[:3]}")
    if ended.code and not (names := named(ended.said, after.keys() | now.keys(), room)):
        wrong.append(f"no path is told of {names}")
    return [*wrong, ended.said] if wrong else []


def named(said: str, paths: set[bytes], room: Path) -> bool:
    """Whether an error names a path of the trees, or one of the places."""
    lines = [line for line in said.splitlines() if "ERROR" in line or "Failed" in line]
    names = [os.fsdecode(path) for path in paths if path != b"."] + [str(room)]
    return any(name in line for line in lines for name in names)


def sweep(states: States, *, every: bool, most: int = 10**6) -> list[str]:
    room = states.room
    (room / "mirror").mkdir()
    wrong = []
    for source in (states.first, states.second, states.first):
        ended = supervised(lambda: main(words(source, room)), [room])  # noqa: B023
        if source is states.second:
            calls = ended.calls
    chosen = list(faults(calls, room, every=every))
    step = max(1, len(chosen) // most)
    before = states.seen[states.first]
    for fault in chosen[::step]:
        found = check(fault, states.second, room, before)
        wrong += [f"{fault}", *found] if found else []
        check_ended(states.second, room)
        check_ended(states.first, room)
    return wrong


def test_a_fault(states: States) -> None:
    assert sweep(states, every=False, most=40) == []


@pytest.mark.torture
@pytest.mark.timeout(7200)
def test_torture_every_fault(states: States) -> None:
    assert sweep(states, every=True) == []
