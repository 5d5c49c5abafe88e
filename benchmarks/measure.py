"""What a command costs: wall time, processor, memory, system calls; and the same of a service.

Law: a cost is that of the whole tree of processes, orphans included, and what only watching would
add (strace, sampling memory) is counted in a run of its own. Contenders are run in turn,
each in every round and never always after the same one, so that what else the machine does, and
what the one before left in its caches, falls on all of them.
"""

import ctypes
import json
import os
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import gcd
from pathlib import Path

Words = Sequence[str | os.PathLike[str]]
Work = Callable[[], "Cost"]

STOPS = (signal.SIGTERM, signal.SIGINT)
PR_SET_CHILD_SUBREAPER = 36
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """A contender did not do its work; with its last words."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of wall time, and of the processor (user and system)."""

    wall: float
    cpu: float


def environment(**more: str) -> dict[str, str]:
    """Everybody's: plain sorting of names, and compiled modules kept as after an installation."""
    keep = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return keep | {"LC_ALL": "C.UTF-8"} | more


def spend(
    words: Words, *, env: Mapping[str, str] | None = None, codes: Sequence[int] = (0,)
) -> Cost:
    """Run a command to its end. Raises Failed when it ends with a code that is not expected."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as answer:
        with undisturbed():
            launcher = os.fork()
        if launcher == 0:
            _launch(words, env or environment(), said.fileno(), answer.fileno())
        try:
            os.waitpid(launcher, 0)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(launcher, signal.SIGKILL)
            raise
        answer.seek(0)
        found = json.loads(answer.read() or b'{"code": -1}')
        if found["code"] not in codes:
            said.seek(0)
            tail = said.read()[-2000:].decode(errors="replace")
            raise Failed(f"{' '.join(map(os.fspath, words))}: {found['code']}: {tail}")
    return Cost(found["wall"], found["cpu"])


@contextmanager
def undisturbed() -> Iterator[None]:
    """While a process is forked: signals that stop the run wait."""
    # RACE: whatever a handler raises while Python's hooks around a fork run is printed and lost.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """In a child: be killed when whoever started it is gone, in whatever way, and be `undisturbed`
    no longer."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)


def _launch(words: Words, env: Mapping[str, str], said: int, answer: int) -> None:
    """In a process of its own, whose only children are the command and what it leaves behind."""
    try:
        os.setpgid(0, 0)
        end_with_parent()
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        began = time.perf_counter()
        done = subprocess.run(
            [os.fspath(word) for word in words],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env=env,
            check=False,
        )
        wall = time.perf_counter() - began
        with suppress(ChildProcessError):
            while True:
                os.wait()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        cost = {"code": done.returncode, "wall": wall, "cpu": used.ru_utime + used.ru_stime}
        os.write(answer, json.dumps(cost).encode())
    finally:
        os._exit(0)


def interleaved(contenders: Mapping[str, Work], rounds: int) -> dict[str, list[Cost]]:
    """Costs by name, in the order of the rounds: those of one round are a pair."""
    costs: dict[str, list[Cost]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name in order(list(contenders), number):
            costs[name].append(contenders[name]())
    return costs


def order(names: Sequence[str], number: int) -> list[str]:
    """Who runs when in a round: each comes first in turn, and after another one than before."""
    strides = [stride for stride in range(1, len(names)) if gcd(stride, len(names)) == 1] or [1]
    stride = strides[number % len(strides)]
    return [names[(number + place * stride) % len(names)] for place in range(len(names))]


# ---- system calls ------------------------------------------------------------------------------


def calls(words: Words, *, env: Mapping[str, str] | None = None) -> dict[str, int]:
    """How often each system call was made, by strace, with those that failed."""
    with tempfile.NamedTemporaryFile("r") as log:
        spend(["strace", "-f", "-c", "-qq", "-U", "name,calls", "-o", log.name, *words], env=env)
        lines = [line.split() for line in log.read().splitlines()]
    return {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}


# ---- memory, and processes that go on ----------------------------------------------------------


def family(pid: int) -> list[int]:
    """A process and all below it that live."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            for task in os.listdir(f"/proc/{one}/task"):
                found += map(int, Path(f"/proc/{one}/task/{task}/children").read_text().split())
    return found


def memory(pid: int) -> int:
    """Bytes that a process and all below it hold; what several share is counted once (PSS)."""
    total = 0
    for one in family(pid):
        with suppress(OSError, ValueError, IndexError):
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
            total += int(text.partition("\nPss:")[2].split()[0]) * 1024
    return total


def peak(words: Words, *, env: Mapping[str, str] | None = None, codes: Sequence[int] = (0,)) -> int:
    """The most memory (bytes) that a command held at any of many looks, 100 a second."""
    most = 0
    command = [os.fspath(word) for word in words]
    nothing = subprocess.DEVNULL
    with subprocess.Popen(
        command, stdin=nothing, stdout=nothing, stderr=nothing, env=env or environment()
    ) as process:
        try:
            while process.poll() is None:
                most = max(most, memory(process.pid))
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.01)
        except BaseException:
            process.kill()
            raise
    if process.returncode not in codes:
        raise Failed(f"{' '.join(command)}: {process.returncode}")
    return most


def processor(pid: int) -> float:
    """Seconds of the processor that a living process, and those below it, have used so far."""
    ticks = 0
    for one in family(pid):
        with suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def switches(pid: int) -> dict[int, int]:
    """How often each thread of a process, and of those below it, was put on a processor."""
    found = {}
    for one in family(pid):
        with suppress(OSError):
            for task in os.listdir(f"/proc/{one}/task"):
                status = Path(f"/proc/{one}/task/{task}/status").read_text()
                found[int(task)] = sum(
                    int(line.split()[1])
                    for line in status.splitlines()
                    if line.startswith(("voluntary_ctxt", "nonvoluntary_ctxt"))
                )
    return found
