"""mirrorfs as its users start it: real processes, waited for with deadlines.

Law: nothing sleeps. Every wait is for a state that the process or the file system shows, and every
wait has an end that says what was seen instead.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from support.walker import differences

from mirrorfs.core.carry import loads

T = TypeVar("T")
MIRRORFS = (sys.executable, "-m", "mirrorfs")
DEADLINE = 60.0  # generous: for a machine that has other things to do


def until(look: Callable[[], T], what: str, *, within: float = DEADLINE) -> T:
    """The first true answer of ``look``. Raises AssertionError with the last one."""
    end = time.monotonic() + within
    pause = 0.001
    while not (seen := look()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {within} s: {what}; last seen: {seen!r}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
    return seen


def call(
    *arguments: str | os.PathLike[str],
    state: Path,
    code: int | None = 0,
    prefix: tuple[str, ...] = (),
    within: float = DEADLINE,
) -> subprocess.CompletedProcess[str]:
    """One command that ends by itself, and its output; ``code`` it must end with (None: any)."""
    command = [*prefix, *MIRRORFS, *map(os.fspath, arguments), "--state-dir", os.fspath(state)]
    done = subprocess.run(
        command,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=within,
        check=False,
    )
    assert code in (None, done.returncode), (done.args, done.returncode, done.stdout, done.stderr)
    return done


def plan(source: Path, destination: Path, state: Path, *flags: str) -> dict[str, Any]:
    """What `plan -a --json` says."""
    done = call("plan", "-a", "--json", *flags, source, destination, state=state)
    planned: dict[str, Any] = loads(done.stdout)
    return planned


class Service:
    """`run` or `watch` as a process; a context manager that leaves nothing running.

    ``places``: SRC and, for run, DST. What it says goes to a file, shown when a wait fails.
    """

    def __init__(
        self,
        verb: str,
        *places: Path,
        state: Path,
        flags: tuple[str, ...] = (),
        prefix: tuple[str, ...] = (),
    ) -> None:
        self.places = places
        self.state = state
        self._command = [*prefix, *MIRRORFS, verb, *map(os.fspath, places)]
        self._command += ["--state-dir", os.fspath(state), *flags]
        self.process: subprocess.Popen[bytes] | None = None
        self.log = state.with_name(f"{state.name}-{verb}.log")
        self._before = 0  # bytes of the log that an earlier process wrote

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process is not None:
            self.kill()
        if kind is not None:
            print(f"---- {self.log}\n{self.log.read_text(errors='backslashreplace')}")

    def start(self) -> None:
        assert self.process is None
        with open(self.log, "ab") as log:
            self._before = log.tell()
            self.process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def said(self) -> str:
        """What the process that was started last has written."""
        with open(self.log, "rb") as log:
            log.seek(self._before)
            return log.read().decode(errors="backslashreplace")

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self, number: int = signal.SIGTERM, *, within: float = 5.0) -> int:
        """Ask it to end; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(within)
        self.process = None
        return code

    def ended(self, *, within: float = DEADLINE) -> int:
        """Wait until it ends by itself; its exit code."""
        assert self.process is not None
        code = self.process.wait(within)
        self.process = None
        return code

    def status(self) -> dict[str, Any]:
        """What this very process said of itself last; {} before it said anything."""
        for file in self.state.glob("mirrors/*/status.json"):
            try:
                said: dict[str, Any] = json.loads(file.read_bytes())
            except (OSError, ValueError):
                continue
            ours = [os.path.realpath(said[key]) for key in ("source", "destination")]
            if said["pid"] == self.pid and ours == [os.path.realpath(p) for p in self.places]:
                return said
        return {}

    def lives(self) -> None:
        """Raises AssertionError with its last words when it has ended."""
        assert self.process is not None
        assert self.process.poll() is None, f"{self.process.returncode}: {self.said()[-2000:]}"

    def phase(self) -> str:
        self.lives()
        return str(self.status().get("phase", ""))

    def reaches(self, *phases: str, within: float = DEADLINE) -> str:
        """Wait until it says that it is in one of these phases."""
        return until(
            lambda: (phase := self.phase()) in phases and phase, f"{phases}", within=within
        )

    def watches(self, *, within: float = DEADLINE) -> None:
        """Wait until `watch` says that everything is watched."""
        until(lambda: self.lives() or "watching" in self.said(), "watching", within=within)

    def mirrors(self, *, within: float = DEADLINE) -> None:
        """Wait until the destination equals the source, which nobody changes any more.

        First by what costs little, then by content; then the process must say so itself.
        """
        source, destination = self.places
        for content in (False, True):
            try:
                until(
                    lambda content=content: (
                        self.phase() and not differences(source, destination, content=content)
                    ),
                    "no difference",
                    within=within,
                )
            except AssertionError as error:
                lines = "\n".join(differences(source, destination, content=content))
                raise AssertionError(f"{error}\n{lines}\nstatus: {self.status()}") from None
        self.reaches("in sync", within=within)
