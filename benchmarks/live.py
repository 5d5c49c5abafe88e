"""Services that mirror as long as they run, and waiting until the destination shows a change.

Law: nothing is polled while a clock runs: the kernel tells of changes at the destination, and the
state is looked at after each.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.measure import Failed, Words, end_with_parent, environment, undisturbed
from mirrorfs.service.client import ask
from mirrorfs.watch.inotify import DIRECTORY, Inotify

Look = Callable[[], bool]


class Gone(Failed):
    """The destination did not show the change in time."""


class Eyes:
    """A directory of the destination that is looked at."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._inotify = Inotify()
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._inotify.watch(descriptor, DIRECTORY)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        self._inotify.close()

    def until(self, look: Look, patience: float) -> float:
        """Seconds until it is so. Raises Gone."""
        began = time.perf_counter()
        while not look():
            left = began + patience - time.perf_counter()
            if left <= 0:
                raise Gone(f"not shown in {self.directory.name} within {patience:.0f} s")
            if select.select([self._inotify.fd], [], [], left)[0]:
                self._inotify.read()
        return time.perf_counter() - began


@contextmanager
def eyes(directory: Path) -> Iterator[Eyes]:
    found = Eyes(directory)
    try:
        yield found
    finally:
        found.close()


def size(path: Path) -> int:
    """Bytes; -1 when there is nothing."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def until(look: Look, patience: float, pause: float = 0.02) -> float:
    """Seconds until it is so, looking now and then. Raises Gone."""
    began = time.perf_counter()
    while not look():
        if time.perf_counter() - began > patience:
            raise Gone(f"not within {patience:.0f} s")
        time.sleep(pause)
    return time.perf_counter() - began


@contextmanager
def serving(
    words: Words, log: Path, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A service that runs as long as the block, or as we do. Raises Failed when it ended before."""
    with open(log, "wb") as said, undisturbed():
        service = subprocess.Popen(
            [os.fspath(word) for word in words],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env=env or environment(),
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
    try:
        yield service
        if service.poll() is not None:
            tail = log.read_text(errors="replace")[-2000:]
            raise Failed(f"{os.fspath(words[0])} ended with {service.returncode}: {tail}")
    finally:
        end(service)


def end(service: subprocess.Popen[bytes]) -> None:
    """Ask it to stop, then make it; nothing of it goes on."""
    service.send_signal(signal.SIGTERM)
    try:
        service.wait(20)
    except subprocess.TimeoutExpired:
        service.kill()
        service.wait()
    with suppress(ProcessLookupError):  # the group lives as long as anyone of it
        os.killpg(service.pid, signal.SIGKILL)


def begin(source: Path, target: Path, patience: float) -> None:
    """Wait until a service shows in the directory ``target`` what happens in ``source``. Two marks
    must come: the first may have come with what the service does at its start, before it watches;
    and who just begins may miss one, so there is another after a while. Raises Gone."""
    numbers = iter(range(10**6))

    def shown() -> bool:
        name = f"begun-{next(numbers)}"
        (source / name).write_bytes(b"begun")
        with suppress(Gone):
            until(lambda: size(target / name) == 5, 2.0)
            return True
        return False

    for _ in range(2):
        until(shown, patience)


def caught_up(memory: Path, patience: float) -> bool:
    """Ask the one running mirror of a state directory to answer when everything that changed until
    now is on the destination; whether it says so."""
    (mirror,) = (memory / "mirrors").iterdir()
    answer = ask(str(mirror), "wait", within=patience + 5, seconds=patience)
    return bool(answer["complete"])


def answers(memory: Path) -> bool:
    """Whether a mirror of that state directory runs that can be asked."""
    return any((memory / "mirrors").glob("*/control"))
