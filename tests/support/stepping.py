"""`mirrorfs run` in a fork, under strace, that can be stopped at a point of its work.

Law: what is asked of the kernel is counted from the first instruction of the command to its end;
a call that could not be counted would be a hole in the proof.
"""

import codecs
import os
import re
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support.calls import traced
from support.forked import become
from support.process import until
from support.walker import count, differences

import mirrorfs.run  # noqa: F401  (or every fork would import it, and trio)
from mirrorfs.cli import main
from mirrorfs.errors import MirrorError
from mirrorfs.service.client import ask
from mirrorfs.status.status import Phase
from mirrorfs.trees.local import LocalTree
from mirrorfs.trees.local.quick import QuickCheck

codecs.lookup("ascii")  # not every user may read the interpreter's library
CHANGING = "unlink,unlinkat,rmdir,rename,renameat,renameat2"
TEMPORARY = ".mirrorfs-"
QUIET = (Phase.HELD, Phase.WAITING, Phase.OWING)


class Stepped:
    """A context manager; ``pause`` is "scan" or "apply": where the fork waits for `go`."""

    def __init__(
        self,
        source: Path,
        destination: Path,
        state: Path,
        *,
        pause: str = "",
        user: int | None = None,
        flags: tuple[str, ...] = (),
        traced: Sequence[str] = (),
    ) -> None:
        self._traced = traced
        self.lost = False
        self.source, self.destination, self.state = source, destination, state
        self._pause, self._user = pause, user
        self._words = ["run", str(source), str(destination), "--state-dir", str(state), *flags]
        self._logs: list[Path] = []
        self._strace: subprocess.Popen[bytes] | None = None
        self.said = state.with_name("said")
        self.child = 0

    def __enter__(self) -> Self:
        self._reached, reached = os.pipe()
        go, self._go = os.pipe()
        self.child = os.fork()
        if self.child == 0:
            try:
                self._live(reached, go)
            except BaseException:
                traceback.print_exc()
            finally:
                for stream in (sys.stdout, sys.stderr):
                    stream.flush()
                os._exit(70)
        for descriptor in (reached, go):
            os.close(descriptor)
        self._pidfd = os.pidfd_open(self.child)
        os.waitpid(self.child, os.WUNTRACED)
        self.trace(*self._traced)
        os.kill(self.child, signal.SIGCONT)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.ended:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            select.select([self._pidfd], [], [])
        self._untrace()
        os.waitpid(self.child, 0)
        for descriptor in (self._pidfd, self._reached, self._go):
            os.close(descriptor)
        if kind is not None:
            print(f"---- {self.said.read_text(errors='backslashreplace')}")

    def _live(self, reached: int, go: int) -> None:
        """In the fork."""
        said = os.open(self.said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        for descriptor in (1, 2):
            os.dup2(said, descriptor)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        become(self._user, self.state.parent)

        def wait() -> None:
            os.write(reached, b".")
            os.read(go, 1)

        if self._pause == "scan":
            _pause_before(
                wait,
                (LocalTree, "read", lambda tree, path, *_: path == "d1"),
                (QuickCheck, "look", lambda check, directory, names: "d1" in names),
            )
        elif self._pause == "apply":
            _pause_before(wait, (LocalTree, "transfer", lambda *_: True))
        os.kill(os.getpid(), signal.SIGSTOP)
        main(self._words)

    def reached(self) -> None:
        """Wait until the fork waits."""
        ready, _, _ = select.select([self._reached, self._pidfd], [], [], 60)
        assert self._reached in ready, f"it did not come there: {self.said.read_text()}"
        os.read(self._reached, 1)

    def go(self) -> None:
        os.write(self._go, b".")

    @property
    def ended(self) -> bool:
        return bool(select.select([self._pidfd], [], [], 0)[0])

    def trace(self, *more: str) -> None:
        """From now on count calls with these further options of strace; the fork must be waiting or
        idle."""
        self._untrace()
        self._logs.append(self.state.with_name(f"strace{len(self._logs)}"))
        words = ["strace", "-f", "-y", "-s", "4096", "-o", str(self._logs[-1])]
        words += ["-e", f"trace={CHANGING},getdents64", *more, "-p", str(self.child)]
        self._strace = subprocess.Popen(words, stderr=subprocess.PIPE)
        assert self._strace.stderr is not None
        said = self._strace.stderr.readline()
        assert b"attached" in said, said

    def _untrace(self) -> None:
        if self._strace is not None:
            self._strace.terminate()
            self._strace.communicate()
            self._strace = None

    def harm(self) -> list[str]:
        """Calls that took a name of the destination away."""
        place = os.fspath(self.destination)
        return [
            f"{call}({arguments})"
            for log in self._logs
            for call, arguments in traced(log)
            if call != "getdents64" and place in arguments and not _names_temporary(arguments)
        ]

    def phase(self) -> str:
        try:
            directory = next(self.state.glob("mirrors/*"))
            return str(ask(str(directory), "status", within=10)["phase"])
        except (StopIteration, MirrorError):
            return ""

    def hurry(self) -> None:
        for directory in self.state.glob("mirrors/*"):
            try:
                ask(str(directory), "sync-now", within=10)
            except MirrorError:
                return

    def reaches(self, *phases: str) -> str:
        """Wait until it says so of itself, or has ended ("")."""

        def look() -> str | None:
            if self.ended:
                return "ended"
            return phase if (phase := self.phase()) in phases else None

        return until(look, f"{phases}: {self.phase()!r}") or ""

    def recovers(self, names: int, *, filtered: bool = False) -> None:
        """Wait until it is in sync, with so many names, and equal unless ``filtered``.
        Being in sync alone would not do: the last event may not have been heard of yet."""

        def look() -> bool:
            assert not self.ended, self.said.read_text()
            self.hurry()
            if self.phase() != "in sync" or count(self.destination) != names:
                return False
            return filtered or not differences(self.source, self.destination)

        until(look, f"in sync with {names} names; {self.phase()!r}")


def _names_temporary(arguments: str) -> bool:
    """Whether the name that goes is one of mirrorfs' own temporaries."""
    names = re.findall(r'"((?:[^"\\]|\\.)*)"', arguments)
    return bool(names) and os.path.basename(names[0]).startswith(TEMPORARY)


def _pause_before(
    wait: Callable[[], None], *methods: tuple[type, str, Callable[..., bool]]
) -> None:
    """Wait once, before the first call of a method that is meant."""
    waited = False

    def pausing(method: Callable[..., Any], when: Callable[..., bool]) -> Callable[..., Any]:
        def paused(*arguments: Any, **named: Any) -> Any:
            nonlocal waited
            if not waited and when(*arguments):
                waited = True
                wait()
            return method(*arguments, **named)

        return paused

    for where, name, when in methods:
        setattr(where, name, pausing(getattr(where, name), when))
