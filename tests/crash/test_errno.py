"""Any call that fails, once or for ever, with any error it may have: the mirror is equal, or it is
told what is not; nothing is torn, and when the trouble is over the next run ends the work.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from crash.scenes import Turns, check_ended, follow, watched, words
from crash.states import States, become, leftovers, torn
from support.inject import Call, Ended, Judge, let, needs_injection, supervised
from support.portrait import portrait, unlike

from mirrorfs.cli import main
from mirrorfs.errors import MirrorError

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
    "fanotify_init": "EMFILE ENFILE ENOMEM EPERM ENOSYS",
    "fanotify_mark": "ENOSPC ENOMEM EXDEV ENODEV ENOTSUP EACCES",
    "name_to_handle_at": "ENOTSUP ENOMEM EIO ESTALE",
    "open_by_handle_at": "ENOTSUP ENOMEM EIO ESTALE EMFILE EPERM",
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
    """Each kind of call at each place, with each error: once, and always. ``every``: each of the
    calls, too, with one error or another."""
    counts: dict[tuple[str, str], int] = {}
    for each in calls:
        kind = (each.name, place(each, room))
        counts[kind] = counts.get(kind, 0) + 1
    for (name, where), count in counts.items():
        errors = plausible(name)
        for turn, error in enumerate(errors):
            yield Fault(name, where, error, turn * 7919 % count + 1)
            if error not in ONCE:
                yield Fault(name, where, error, 0)
        for nth in range(1, count + 1 if every else 1):
            yield Fault(name, where, errors[nth % len(errors)], nth)


class Made(NamedTuple):
    """A way to make the mirror equal: ``run`` is judged, ``begin`` brings the source to a state and
    ``end`` the mirror after it, whatever was before."""

    run: Callable[[Judge], Ended]
    begin: Callable[[Path], Path]
    end: Callable[[], None]


@contextmanager
def comparing(states: States) -> Iterator[Made]:
    """Two sources; each sync compares everything."""
    room, source = states.room, states.first

    def begin(model: Path) -> Path:
        nonlocal source
        source = model
        return model

    yield Made(lambda judge: synced(source, room, judge), begin, lambda: check_ended(source, room))


def synced(source: Path, room: Path, judge: Judge) -> Ended:
    return supervised(lambda: main(words(source, room)), [room], judge)


@contextmanager
def replaying(states: States) -> Iterator[Made]:
    """One source that is watched."""
    room, source = states.room, states.room / "source"

    def begin(model: Path) -> Path:
        become(source, model)
        return source

    begin(states.first)
    with watched(source, room):
        run = partial(synced, source, room)
        yield Made(run, begin, lambda: check_ended(source, room))


@contextmanager
def following(states: States, backend: str = "auto") -> Iterator[Made]:
    """The watcher and the follower in one process; it is told as it is at the end."""
    room, source = states.room, states.room / "source"
    target = states.first

    def begin(model: Path) -> Path:
        nonlocal target
        target = model
        return target

    def run(judge: Judge) -> Ended:
        def work() -> int:
            try:
                return follow(source, room, turns, backend)
            except MirrorError as error:
                print("Failed:", error)
                return error.exit_code

        with Turns(source, (target,)) as turns:
            return supervised(work, [room], judge)

    def end() -> None:
        become(source, target)
        check_ended(source, room)

    become(source, states.first)
    yield Made(run, begin, end)


WAYS = {
    "comparing": comparing,
    "replaying": replaying,
    "following": following,
    "following by inotify": partial(following, backend="inotify"),
}


def check(fault: Fault, made: Made, states: States) -> list[str]:
    """What is wrong with what becomes of a fault."""
    room = states.room
    before, after = portrait(room / "mirror"), portrait(made.begin(states.second))
    ended = made.run(fault.judge(room))
    now = portrait(room / "mirror")
    wrong = torn(before, now, after)
    if "Traceback" in ended.said:
        wrong.append("a traceback")
    if ended.code not in range(11):
        wrong.append(f"exit code {ended.code}")
    # What could not be taken away is ours, and the next run does it. Where a second name cannot be
    # made, a copy is.
    kept = {path: seen for path, seen in now.items() if path not in leftovers(now)}
    without = ("links",) if fault.call in ("linkat", "unlinkat") else ()
    differ = unlike(after, kept, without=without)
    if differ and not ended.code:
        wrong.append(f"told as equal: {differ[:3]}")
    if ended.code and not named(ended.said, before.keys() | after.keys(), room):
        wrong.append("no path is told of")
    return [*wrong, ended.said] if wrong else []


def named(said: str, paths: set[bytes], room: Path) -> bool:
    """Whether an error names a path of the trees, or one of the places."""
    lines = [line for line in said.splitlines() if "ERROR" in line or "Failed" in line]
    names = [os.fsdecode(path) for path in paths if path != b"."] + [str(room)]
    return any(name in line for line in lines for name in names)


def sweep(states: States, way: str, *, every: bool, most: int = 10**6) -> list[str]:
    room = states.room
    (room / "mirror").mkdir()
    wrong = []
    with WAYS[way](states) as made:
        made.begin(states.first)
        made.end()
        made.begin(states.second)
        ended = made.run(let)
        assert ended.code == 0, ended.said
        chosen = list(faults(ended.calls, room, every=every))
        for fault in chosen[:: max(1, len(chosen) // most)]:
            made.begin(states.first)
            made.end()
            found = check(fault, made, states)
            wrong += [f"{fault}", *found] if found else []
            made.end()
    return wrong


@pytest.mark.parametrize(
    ("way", "most"),
    [("comparing", 16), ("replaying", 5), ("following", 5), ("following by inotify", 4)],
)
def test_a_fault(way: str, most: int, states: States) -> None:
    assert sweep(states, way, every=False, most=most) == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault("lseek", "second", "EIO", 0),  # a directory that cannot be rewound looks empty
        Fault("openat", "state", "EMFILE", 0),
        Fault("flock", "mirror", "ENOLCK", 0),
        Fault("flistxattr", "second", "EIO", 1),
    ],
    ids=str,
)
def test_a_fault_that_was_not_told(fault: Fault, states: States) -> None:
    (states.room / "mirror").mkdir()
    with comparing(states) as made:
        made.begin(states.first)
        made.end()
        assert check(fault, made, states) == []
        made.end()


def test_what_could_not_be_read_and_was_renamed_is_owed_under_its_new_name(states: States) -> None:
    (states.room / "mirror").mkdir()

    def judge(call: Call) -> int:
        old = call.paths and call.paths[-1].endswith("/mirror/directory")
        return errno.ESTALE if old and call.name.startswith("openat") else 0

    with replaying(states) as made:
        made.end()
        source = made.begin(states.second)
        ended = made.run(judge)
        assert "directory" in ended.said
        assert ended.code or unlike(portrait(source), portrait(states.room / "mirror")) == []
        made.end()


@pytest.mark.torture
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("way", WAYS)
def test_torture_every_fault(way: str, states: States) -> None:
    assert sweep(states, way, every=True) == []
