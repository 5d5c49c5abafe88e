"""One process that keeps several mirrors of one source, in a fork; killed, stopped, begun again.

Law: nothing sleeps, and nothing is left running. What it says goes to a file, shown when the test
fails.
"""

import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import trio
from support.forked import become
from support.process import DEADLINE, until
from support.walker import differences

from mirrorfs.core.filter import EVERYTHING
from mirrorfs.core.guard import CAREFUL
from mirrorfs.core.options import Options, archive
from mirrorfs.mirror.noticing import Noticing
from mirrorfs.run import Run, Target
from mirrorfs.service.beside import beside
from mirrorfs.service.client import NotRunning, ask
from mirrorfs.state import State
from mirrorfs.sync.settings import Settings


def target(destination: Path, **wanted: Any) -> Target:
    """A faithful mirror, guarded like a service's."""
    plain = {
        "options": archive(Options()),
        "filter": EVERYTHING,
        "settings": Settings(limits=CAREFUL),
        "said": partial(print, flush=True),
    }
    return Target(str(destination), **plain | wanted)


class Serving:
    """A context manager; ``targets`` may be changed before `start`."""

    def __init__(
        self,
        source: Path,
        targets: Sequence[Target],
        state: Path,
        *,
        backend: str = "auto",
        begins: bool = True,
    ) -> None:
        self._begins = begins
        self._noticing = Noticing(backend)
        self.source = source
        self.targets = list(targets)
        self._home = State(str(state))
        self.said = state.with_name("said")
        self._pidfd = -1
        self.child = 0

    def __enter__(self) -> Self:
        if self._begins:
            self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pidfd >= 0:
            self.kill()
        if kind is not None:
            print(f"---- {self.said.read_text(errors='backslashreplace')}")

    def start(self) -> None:
        assert self._pidfd < 0
        self.child = os.fork()
        if self.child == 0:
            code = 70
            try:
                self._live()
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                for stream in (sys.stdout, sys.stderr):
                    stream.flush()
                os._exit(code)
        self._pidfd = os.pidfd_open(self.child)

    def _live(self) -> None:
        """In the fork."""
        said = os.open(self.said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        for descriptor in (1, 2):
            os.dup2(said, descriptor)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        become(None, self.said.parent)
        run = Run(str(self.source), self.targets, state=self._home, noticing=self._noticing)
        trio.run(partial(until_told, run))
        print("\nstopped", flush=True)
        if run.abandoned:
            os._exit(0)

    @property
    def ended(self) -> bool:
        return bool(select.select([self._pidfd], [], [], 0)[0])

    def freeze(self) -> None:
        """It does nothing more, and holds what it holds."""
        self.send(signal.SIGSTOP)

    def send(self, number: int) -> None:
        signal.pidfd_send_signal(self._pidfd, number)

    def states(self) -> str:
        """What the kernel says that the threads do."""
        return "".join(
            task.read_text().rpartition(")")[2].split()[0]
            for task in Path(f"/proc/{self.child}/task").glob("*/stat")
        )

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.over()

    def stop(self, number: int = signal.SIGTERM, *, within: float = 5.0) -> int:
        """Ask it to end; its exit code."""
        self.send(number)
        return self.over(within)

    def over(self, within: float = DEADLINE) -> int:
        """Wait until it ends; its exit code."""
        ready, _, _ = select.select([self._pidfd], [], [], within)
        assert ready, f"not ended within {within} s"
        _, status = os.waitpid(self.child, 0)
        os.close(self._pidfd)
        self._pidfd = -1
        return os.waitstatus_to_exitcode(status)

    def place(self, destination: Path | str) -> str:
        """The state directory of one mirror."""
        return self._home.mirror(str(self.source), str(destination))

    def ask(self, destination: Path | str, what: str, **details: Any) -> dict[str, Any]:
        """The mirror's own answer; {} while nobody answers. Raises MirrorError."""
        assert not self.ended, self.said.read_text()
        try:
            return ask(self.place(destination), what, within=30, **details)
        except NotRunning:
            return {}

    @contextmanager
    def asking(self, destination: Path, what: str) -> Iterator[IO[str]]:
        """A question on its way, and where the answer is to be read."""
        with socket.socket(socket.AF_UNIX) as asking:
            directory = os.open(self.place(destination), os.O_RDONLY)
            asking.connect(f"/proc/self/fd/{directory}/control")
            os.close(directory)
            asking.settimeout(DEADLINE)
            asking.sendall(json.dumps({"ask": what}).encode() + b"\n")
            with asking.makefile() as answers:
                yield answers

    def phase(self, destination: Path | str) -> str:
        return str(self.ask(destination, "status").get("phase", ""))

    def reaches(self, destination: Path | str, *phases: str) -> None:
        """Wait until that mirror says so of itself."""
        until(
            lambda: self.phase(destination) in phases,
            f"{destination}: {phases}; {self.ask(destination, 'status')}",
        )

    def mirrors(self, *destinations: Path, within: float = DEADLINE) -> None:
        """Wait until these equal the source, which nobody changes any more: by content, by a
        comparison that shares no code with mirrorfs, then by what they say themselves."""
        for each in destinations:
            try:
                until(
                    lambda each=each: not self.ended and not differences(self.source, each),
                    "no difference",
                    within=within,
                )
            except AssertionError as error:
                lines = "\n".join(differences(self.source, each))
                said = self.ask(each, "status")
                raise AssertionError(f"{error}\n{each}\n{lines}\nstatus: {said}") from None
        for each in destinations:
            self.reaches(each, "in sync")

    def watches(self) -> int:
        """How many inotify watches the process has, as the kernel says."""
        found = 0
        for info in Path(f"/proc/{self.child}/fdinfo").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                found += info.read_text().count("inotify wd:")
        return found


async def until_told(run: Run) -> None:
    """The run, until SIGTERM."""
    scope = trio.CancelScope()
    with trio.open_signal_receiver(signal.SIGTERM) as signals, scope:

        async def obey() -> None:
            async for _ in signals:
                run.stop()
                scope.cancel()

        await beside(run, obey)
