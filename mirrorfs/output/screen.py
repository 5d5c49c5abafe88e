"""`status --watch`: mirrors on the whole screen, redrawn every second and at every key.

Law: the terminal is as it was when this ends, however it ends. Names are text, never control.
Drawing decides nothing: keys only ask a mirror, and what it answers is shown.
"""

import os
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from mirrorfs.output.escape import printable
from mirrorfs.output.picture import picture

Mirror = dict[str, Any]

REDRAW_SECONDS = 1.0
ASKED = {"s": "sync-now", "p": "pause", "r": "resume"}
UP, DOWN = ("k", "\x1b[A", "\x1bOA"), ("j", "\x1b[B", "\x1bOB", "\t")


class Mirrors(Protocol):
    """Where all comes from."""

    def look(self) -> Sequence[Mirror]:
        """How they are now."""

    def ask(self, mirror: Mirror, what: str) -> str:
        """What is to be said of it afterwards."""

    def recent(self, mirror: Mirror, most: int) -> Iterable[str]:
        """The last lines of its history, the newest first."""


class Screen:
    """Called, it draws until somebody presses q; the mirrors as they were last."""

    def __init__(self, mirrors: Mirrors) -> None:
        self._mirrors = mirrors
        self._seen: Sequence[Mirror] = ()
        self._chosen = 0
        self._said = ""

    def __call__(self) -> Sequence[Mirror]:
        console = Console(highlight=False, markup=False, emoji=False)
        live = Live(
            console=console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            get_renderable=lambda: self._drawn(console),
        )
        with _terminal() as terminal:
            while True:
                terminal.enter()
                try:
                    with live:
                        goes_on = self._until_left(live, terminal)
                finally:
                    terminal.leave()
                if not goes_on:
                    return self._seen
                terminal.sleep()

    def _until_left(self, live: Live, terminal: "_Terminal") -> bool:
        """Draw until q (False) or until the shell is to have the terminal (True)."""
        while True:
            self._seen = self._mirrors.look()
            live.refresh()
            until = time.monotonic() + REDRAW_SECONDS
            while (left := until - time.monotonic()) > 0:
                for key in terminal.keys(left):
                    if key == "q":
                        return False
                    if key == STOP:
                        return True
                    if self._pressed(key):
                        until = 0
                    live.refresh()

    def _pressed(self, key: str) -> bool:
        """Whether the mirrors are to be looked at anew."""
        if key in UP or key in DOWN:
            self._chosen += 1 if key in DOWN else -1
            self._said = ""
        elif key in ASKED and self._seen:
            chosen = self._seen[self._chosen % len(self._seen)]
            self._said = printable(self._mirrors.ask(chosen, ASKED[key]))
            return True
        return False

    def _drawn(self, console: Console) -> Text:
        width, height = console.size
        chosen = self._chosen % len(self._seen) if self._seen else 0
        lines = picture(self._seen, chosen, self._said, height, self._mirrors.recent)
        for line in lines:
            line.truncate(width, overflow="ellipsis")
        return Text("\n", no_wrap=True, end="").join(lines[:height])


STOP = "stop"  # no key: ^Z, as a signal
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def _terminal() -> Iterator["_Terminal"]:
    """Signals that would leave the terminal as it is are obeyed by leaving it first."""
    with ExitStack() as stack:
        terminal = stack.enter_context(_Terminal())
        for number in (*ENDS, signal.SIGWINCH, signal.SIGTSTP):
            stack.callback(signal.signal, number, signal.signal(number, terminal.signalled))
        yield terminal


class _Terminal:
    """A context manager: standard input, of which each key counts at once. Where it is no terminal
    there are no keys."""

    def __init__(self) -> None:
        self._fd = sys.stdin.fileno() if sys.stdin.isatty() else -1
        self._before: list[Any] = []
        self._ring, self._bell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def __enter__(self) -> "_Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._ring)
        os.close(self._bell)

    def enter(self) -> None:
        if self._fd >= 0:
            self._before = termios.tcgetattr(self._fd)
            tty.setcbreak(self._fd, termios.TCSANOW)

    def leave(self) -> None:
        if self._fd >= 0:
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)

    def signalled(self, number: int, _: object) -> None:
        """It is to end, its size has changed, or somebody pressed ^Z."""
        # RACE: what is raised here is lost if a finalizer is running, so nothing is.
        os.write(self._bell, bytes((number,)))

    def sleep(self) -> None:
        """Let the shell have the terminal until it says otherwise."""
        mine = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, mine)

    def keys(self, seconds: float) -> list[str]:
        """What was pressed, waited for so long; a new size is a key without a meaning. Raises
        SystemExit for a signal to end."""
        watched = [self._ring] + [self._fd] * (self._fd >= 0)
        ready, _, _ = select.select(watched, [], [], seconds)
        found = []
        if self._ring in ready:
            for number in os.read(self._ring, 64):
                if number in ENDS:
                    raise SystemExit(128 + number)
                found.append(STOP if number == signal.SIGTSTP else "")
        if self._fd in ready:
            pressed = os.read(self._fd, 64).decode("utf-8", "replace")
            if not pressed:
                self._fd = -1  # it was hung up
                return [*found, "q"]
            found += [pressed] if pressed.startswith("\x1b") else list(pressed)
        return found
