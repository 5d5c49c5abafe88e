"""A fork whose system calls are judged one by one: let through, refused with an errno, or its end.

Law: the injection is the kernel's (seccomp user notification): the call that is refused is never
made, the one a process dies at has not begun. Only calls that concern one of the ``places`` are
judged, so the interpreter, its modules and its output are never what fails.

A judged call costs some microseconds and a fork a few milliseconds, where strace costs a third of a
second for the start of an interpreter and stops at every call.
"""

import array
import ctypes
import fcntl
import os
import platform
import select
import signal
import socket
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

import pytest

KILL = -1

# What an argument says: F a descriptor, P a path, A a directory's descriptor and a name in it.
# Nothing: the call concerns no file, and is judged wherever it is made. An exclamation mark: it
# changes something.
_SHAPES = {
    "read": (0, "F0"),
    "write": (1, "F0!"),
    "open": (2, "P0"),
    "stat": (4, "P0"),
    "fstat": (5, "F0"),
    "lstat": (6, "P0"),
    "lseek": (8, "F0"),
    "ioctl": (16, "F0"),
    "pread64": (17, "F0"),
    "pwrite64": (18, "F0!"),
    "sendfile": (40, "F0F1!"),
    "fcntl": (72, "F0"),
    "flock": (73, "F0"),
    "fsync": (74, "F0!"),
    "fdatasync": (75, "F0!"),
    "truncate": (76, "P0!"),
    "ftruncate": (77, "F0!"),
    "rename": (82, "P0P1!"),
    "mkdir": (83, "P0!"),
    "rmdir": (84, "P0!"),
    "link": (86, "P0P1!"),
    "unlink": (87, "P0!"),
    "symlink": (88, "P1!"),
    "readlink": (89, "P0"),
    "chmod": (90, "P0!"),
    "fchmod": (91, "F0!"),
    "chown": (92, "P0!"),
    "fchown": (93, "F0!"),
    "lchown": (94, "P0!"),
    "mknod": (133, "P0!"),
    "statfs": (137, "P0"),
    "fstatfs": (138, "F0"),
    "setxattr": (188, "P0!"),
    "lsetxattr": (189, "P0!"),
    "fsetxattr": (190, "F0!"),
    "getxattr": (191, "P0"),
    "lgetxattr": (192, "P0"),
    "fgetxattr": (193, "F0"),
    "listxattr": (194, "P0"),
    "llistxattr": (195, "P0"),
    "flistxattr": (196, "F0"),
    "removexattr": (197, "P0!"),
    "lremovexattr": (198, "P0!"),
    "fremovexattr": (199, "F0!"),
    "getdents64": (217, "F0"),
    "inotify_add_watch": (254, "P1"),
    "openat": (257, "A0"),
    "mkdirat": (258, "A0!"),
    "mknodat": (259, "A0!"),
    "fchownat": (260, "A0!"),
    "newfstatat": (262, "A0"),
    "unlinkat": (263, "A0!"),
    "renameat": (264, "A0A2!"),
    "linkat": (265, "A0A2!"),
    "symlinkat": (266, "A1!"),
    "readlinkat": (267, "A0"),
    "fchmodat": (268, "A0!"),
    "faccessat": (269, "A0"),
    "sync_file_range": (277, "F0!"),
    "utimensat": (280, "A0!"),
    "fallocate": (285, "F0!"),
    "eventfd2": (290, ""),
    "epoll_create1": (291, ""),
    "inotify_init1": (294, ""),
    "fanotify_init": (300, ""),
    "fanotify_mark": (301, "A3"),
    "name_to_handle_at": (303, "A0"),
    "open_by_handle_at": (304, "F0"),
    "syncfs": (306, "F0!"),
    "renameat2": (316, "A0A2!"),
    "copy_file_range": (326, "F0F2!"),
    "statx": (332, "A0"),
    "openat2": (437, "A0"),
    "fchmodat2": (452, "A0!"),
    "setxattrat": (463, "A0!"),
    "getxattrat": (464, "A0"),
    "listxattrat": (465, "A0"),
    "removexattrat": (466, "A0!"),
    "file_getattr": (468, "A0"),
}
CALLS = frozenset(_SHAPES)
_NAMES = {number: name for name, (number, _) in _SHAPES.items()}
# What changes something only sometimes, which is marked by a plus behind its name.
_CREATES = {"open": 1, "openat": 2}
_FICLONE = 0x40049409

_AT_FDCWD = -100
_AUDIT_X86_64 = 0xC000003E
_ALLOW, _ASK = 0x7FFF0000, 0x7FC00000
_NEW_LISTENER, _WAIT_KILLABLE = 1 << 3, 1 << 5
_SECCOMP = 317
_RECV, _SEND = 0xC0502100, 0xC0182101
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_libc = ctypes.CDLL(None, use_errno=True)


class Call(NamedTuple):
    """The ``number``-th judged call of a run, from 1; ``paths`` are absolute."""

    number: int
    name: str
    paths: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.number} {self.name}({', '.join(self.paths)})"


class Ended(NamedTuple):
    """``code``: as `os.waitstatus_to_exitcode` says, -9 after a kill."""

    code: int
    said: str
    calls: list[Call]


Judge = Callable[[Call], int]


def let(call: Call) -> int:
    """Lets everything happen: a trace."""
    return 0


def supported() -> bool:
    """Whether this kernel asks a supervisor about the calls of this kind of machine."""
    try:
        actions = Path("/proc/sys/kernel/seccomp/actions_avail").read_text()
    except OSError:
        return False
    return platform.machine() == "x86_64" and "user_notif" in actions


needs_injection = pytest.mark.skipif(not supported(), reason="needs seccomp user notification")


def supervised(
    work: Callable[[], int],
    places: Collection[Path],
    judge: Judge = let,
    calls: Collection[str] = CALLS,
    within: float = 60.0,
) -> Ended:
    """Run ``work`` in a fork; ``judge`` answers each call below ``places``: 0 lets it happen, an
    errno refuses it, `KILL` ends the process first. Raises AssertionError when it does not end."""
    ours, theirs = socket.socketpair()
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            code = 70
            try:
                ours.close()
                _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
                null = os.open(os.devnull, os.O_RDONLY)
                for place, descriptor in enumerate((null, said.fileno(), said.fileno())):
                    os.dup2(descriptor, place)
                sys.stdout = open(1, "w", errors="surrogateescape", closefd=False)  # noqa: SIM115
                sys.stderr = open(2, "w", errors="backslashreplace", closefd=False)  # noqa: SIM115
                _ask_for(calls, theirs)
                code = work()
            except BaseException:
                traceback.print_exc()
            finally:
                for stream in (sys.stdout, sys.stderr):
                    stream.flush()
                os._exit(code)
        theirs.close()
        seen: list[Call] = []
        try:
            with ours:
                _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
            _supervise(child, descriptors[0], places, judge, seen, within)
        except BaseException:
            os.kill(child, signal.SIGKILL)
            raise
        finally:
            _, status = os.waitpid(child, 0)
        said.seek(0)
        text = said.read().decode("utf-8", "backslashreplace")
    return Ended(os.waitstatus_to_exitcode(status), text, seen)


def _ask_for(calls: Collection[str], supervisor: socket.socket) -> None:
    """From here on the kernel asks the supervisor about these calls, of all threads to come."""
    numbers = [_SHAPES[name][0] for name in calls]
    program = [(0x20, 0, 0, 4), (0x15, 1, 0, _AUDIT_X86_64), (0x06, 0, 0, _ALLOW), (0x20, 0, 0, 0)]
    for left, number in zip(range(len(numbers), 0, -1), numbers, strict=True):
        program.append((0x15, left, 0, number))
    program += [(0x06, 0, 0, _ALLOW), (0x06, 0, 0, _ASK)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    filter_ = struct.pack("H6xQ", len(program), ctypes.addressof(code))
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    listener = _libc.syscall(_SECCOMP, 1, _NEW_LISTENER | _WAIT_KILLABLE, filter_)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    socket.send_fds(supervisor, [b"f"], [listener])
    os.close(listener)
    supervisor.close()


def _supervise(
    child: int,
    listener: int,
    places: Collection[Path],
    judge: Judge,
    seen: list[Call],
    within: float,
) -> None:
    prefixes = tuple(os.fspath(place) for place in places)
    watched = os.pidfd_open(child)
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    poll.register(watched, select.POLLIN)
    until = time.monotonic() + within
    try:
        while True:
            ready = dict(poll.poll(max(0.0, until - time.monotonic()) * 1000))
            assert ready, f"not ended within {within} s; last {seen[-1:]}"
            if watched in ready:
                return
            if ready[listener] & select.POLLIN:
                _answer(child, listener, prefixes, judge, seen)
            else:
                poll.unregister(listener)
    finally:
        os.close(listener)
        os.close(watched)


def _answer(
    child: int, listener: int, prefixes: tuple[str, ...], judge: Judge, seen: list[Call]
) -> None:
    question = array.array("B", bytes(80))
    try:
        fcntl.ioctl(listener, _RECV, question)
    except FileNotFoundError:
        return  # it died meanwhile
    key, thread, _, number, _, _, *words = struct.unpack("QIIiIQ6Q", question)
    name = _NAMES[number]
    verdict = 0
    try:
        paths = tuple(_paths(thread, _SHAPES[name][1].rstrip("!"), words))
        concerned = not paths or any(_below(path, prefixes) for path in paths)
        if concerned and not (name in _CREATES and _is_module(paths)):
            seen.append(call := Call(len(seen) + 1, _said(name, words), paths))
            verdict = judge(call)
    except OSError:
        pass  # a descriptor that was closed meanwhile: the kernel will say so
    if verdict == KILL:
        os.kill(child, signal.SIGKILL)
        return
    answer = struct.pack("Qqii", key, 0, -verdict, 0 if verdict else 1)
    try:
        fcntl.ioctl(listener, _SEND, answer)
    except FileNotFoundError:
        pass


def _said(name: str, words: list[int]) -> str:
    """The call's name, with a plus where it depends on an argument whether it changes something,
    and this one does."""
    flags = words[_CREATES[name]] if name in _CREATES else 0
    created = flags & (os.O_CREAT | os.O_TRUNC) or flags & os.O_TMPFILE == os.O_TMPFILE
    cloned = name == "ioctl" and words[1] == _FICLONE
    return f"{name}+" if created or cloned else name


def changes(call: Call) -> bool:
    """Whether something is different after it."""
    return call.name.endswith("+") or _SHAPES[call.name][1].endswith("!")


def _is_module(paths: tuple[str, ...]) -> bool:
    return any(path.endswith((".py", ".pyc")) for path in paths)


def _below(path: str, prefixes: tuple[str, ...]) -> bool:
    return any(path == prefix or path.startswith(prefix + "/") for prefix in prefixes)


def _paths(thread: int, shape: str, words: list[int]) -> list[str]:
    found = []
    for kind, place in zip(shape[::2], map(int, shape[1::2]), strict=True):
        match kind:
            case "F":
                found.append(_descriptor(thread, words[place]))
            case "P":
                found.append(_joined(thread, _AT_FDCWD, words[place]))
            case "A":
                found.append(_joined(thread, words[place], words[place + 1]))
    return found


def _descriptor(thread: int, number: int) -> str:
    number = ctypes.c_int(number & 0xFFFFFFFF).value
    where = "cwd" if number == _AT_FDCWD else f"fd/{number}"
    return os.readlink(f"/proc/{thread}/{where}").removesuffix(" (deleted)")


def _joined(thread: int, directory: int, address: int) -> str:
    name = _string(thread, address)
    if name.startswith("/proc/self/fd/"):
        number, _, rest = name.removeprefix("/proc/self/fd/").partition("/")
        name = f"{_descriptor(thread, int(number))}/{rest}".removesuffix("/")
    if name.startswith("/"):
        return os.path.normpath(name)
    return os.path.normpath(f"{_descriptor(thread, directory)}/{name}")


def _string(thread: int, address: int) -> str:
    if not address:
        return ""
    with open(f"/proc/{thread}/mem", "rb", buffering=0) as memory:
        text = b""
        while b"\0" not in text:
            # Not beyond the page: the next one may not be there.
            size = 4096 - (address + len(text)) % 4096
            text += os.pread(memory.fileno(), size, address + len(text))
    return os.fsdecode(text.partition(b"\0")[0])
