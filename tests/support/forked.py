"""The command line in a forked process: as another user, at a terminal, with a deadline.

Law: nothing of a run stays behind in the process of the tests: signals, umask, descriptors and
modules belong to the fork. It costs milliseconds, where a new interpreter costs a third of a
second.
"""

import concurrent.futures.thread  # noqa: F401  (large files are copied in threads)
import importlib
import io
import os
import pkgutil
import pty
import select
import signal
import sys
import tempfile
import termios
import traceback
from pathlib import Path
from typing import IO, NamedTuple

import mirrorfs.cli
import mirrorfs.output
from mirrorfs.cli import main

NOBODY = 65534

# Here, or every fork would import them; and not every user may read an interpreter's library.
for _package in (mirrorfs.cli, mirrorfs.output):
    for _module in pkgutil.iter_modules(_package.__path__, _package.__name__ + "."):
        importlib.import_module(_module.name)


class Done(NamedTuple):
    """``said``: standard output, then standard error."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return f"{self.out}\n{self.err}"


def call(
    words: list[str],
    directory: Path,
    *,
    user: int | None = None,
    answers: str | None = None,
    within: float = 60.0,
) -> Done:
    """`mirrorfs WORDS` in a directory, where its state lies, too; ``answers`` come from a terminal,
    one line per question. Raises AssertionError when it does not end in time."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        terminals = _terminal(answers) if answers is not None else ()
        stdin = terminals[1] if terminals else os.open(os.devnull, os.O_RDONLY)
        child = os.fork()
        if child == 0:
            code = 70
            try:
                for place, descriptor in enumerate((stdin, out.fileno(), err.fileno())):
                    os.dup2(descriptor, place)
                become(user, directory)
                code = main(words)
            except BaseException:
                traceback.print_exc()
            finally:
                for stream in (sys.stdout, sys.stderr):
                    stream.flush()
                os._exit(code)
        try:
            code = _ended(child, within)
        finally:
            for descriptor in terminals or (stdin,):
                os.close(descriptor)
        return Done(code, _text(out), _text(err))


def become(user: int | None, directory: Path) -> None:
    """In the fork: streams, directory and environment of its own, then the other user."""
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), errors="surrogateescape")
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), errors="backslashreplace")
    os.chdir(directory)
    os.umask(0o022)
    os.environ |= {"XDG_STATE_HOME": str(directory / "state"), "LC_ALL": "C.UTF-8"}
    for name in [name for name in os.environ if name.startswith(("RCLONE_", "MIRRORFS_"))]:
        del os.environ[name]
    os.environ.pop("STATE_DIRECTORY", None)
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)


def _terminal(answers: str) -> tuple[int, int]:
    """A terminal that hands out one line per read; a pipe would be drained by the first question.
    Both ends; the second is for reading."""
    master, slave = pty.openpty()
    settings = termios.tcgetattr(slave)
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(slave, termios.TCSANOW, settings)
    os.write(master, answers.encode())
    return master, slave


def _ended(child: int, within: float) -> int:
    watched = os.pidfd_open(child)
    try:
        ready, _, _ = select.select([watched], [], [], within)
        if not ready:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert ready, f"not ended within {within} s"
        return os.waitstatus_to_exitcode(status)
    finally:
        os.close(watched)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "backslashreplace")
