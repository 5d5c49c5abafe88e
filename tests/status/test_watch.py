"""`status --watch`, at a real terminal: drawn, redrawn, obeyed, and the terminal left as it was."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from live.conftest import Places
from support.forked import become
from support.names import NAMES
from support.process import DEADLINE, MIRRORFS, Service, until

from mirrorfs.cli import main
from mirrorfs.output.escape import printable
from mirrorfs.output.picture import picture
from mirrorfs.output.screen import Screen
from mirrorfs.state import State
from mirrorfs.status.account import account
from mirrorfs.status.status import Phase, Status

ENTERED, LEFT = b"\x1b[?1049h", b"\x1b[?1049l"
HIDDEN, SHOWN = b"\x1b[?25l", b"\x1b[?25h"


class Terminal:
    """A process at a terminal of its own; ``screen`` is what was drawn last, escapes taken out."""

    def __init__(self, words: list[str], directory: Path, size: tuple[int, int] = (30, 100)):
        self.master, slave = pty.openpty()
        self.slave = slave
        self.resize(*size)
        self.before = termios.tcgetattr(slave)
        self.wrote = b""
        self.pid = os.fork()
        if self.pid == 0:
            code = 70
            try:
                os.setsid()
                fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
                for descriptor in range(3):
                    os.dup2(slave, descriptor)
                os.environ["TERM"] = "xterm"
                for size in ("LINES", "COLUMNS"):  # believed before the terminal is asked
                    os.environ.pop(size, None)
                become(None, directory)
                code = main(words)
            finally:
                os._exit(code)

    def resize(self, rows: int, columns: int) -> None:
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, size)

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def read(self) -> None:
        while select.select([self.master], [], [], 0.02)[0]:
            self.wrote += os.read(self.master, 1 << 16)

    @property
    def screen(self) -> list[str]:
        """The lines of the last drawing that is complete."""
        self.read()
        drawn = self.wrote.rpartition(b"\x1b[H")[2].decode("utf-8", "replace")
        return [
            line.rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", drawn).split("\r\n")
        ]

    def shows(self, *words: str) -> list[str]:
        """Wait until one screen has all of these."""
        return until(
            lambda: (
                (seen := self.screen) and all(any(w in s for s in seen) for w in words) and seen
            ),
            f"{words} in {self.screen}",
        )

    def ended(self) -> int:
        """Its exit code."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                self.read()
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f"not ended: {self.wrote[-500:]!r}")

    def is_as_it_was(self) -> None:
        assert termios.tcgetattr(self.slave) == self.before
        assert self.wrote.rindex(LEFT) > self.wrote.rindex(ENTERED)
        assert self.wrote.rindex(SHOWN) > self.wrote.rindex(HIDDEN)

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.master)
        os.close(self.slave)


@contextmanager
def watching(state: Path, *words: str, **rest) -> Iterator[Terminal]:
    terminal = Terminal(
        ["status", "--watch", "--state-dir", str(state), *words], state.parent, **rest
    )
    try:
        yield terminal
    finally:
        terminal.close()


def kept(base: Path, name: str, phase: Phase = Phase.IN_SYNC) -> str:
    """A mirror that says it runs (in this process), without one that does."""
    state = State(str(base / "state"))
    source, destination = f"/source {name}", f"/destination {name}"
    place = state.mirror(source, destination)
    os.makedirs(place, mode=0o700)
    Status(source, destination, phase=phase).store(place)
    return place


def test_a_mirror_that_runs(places: Places) -> None:
    (places.source / "first").write_text("a")
    with Service("run", places.source, places.destination, state=places.state) as run:
        run.reaches("in sync")
        with watching(places.state, str(places.source)) as terminal:
            terminal.shows("in sync", "create      first", str(places.destination))
            until(lambda: len(terminal.screen) == 30, "thirty lines")
            assert ENTERED in terminal.wrote
            (places.source / "second").write_text("bb")
            terminal.shows("create      second")
            terminal.resize(12, 50)
            terminal.shows("…")
            until(lambda: len(terminal.screen) == 12, "twelve lines")
            assert max(map(len, terminal.screen)) <= 50
            terminal.resize(30, 100)
            terminal.press("p")
            terminal.shows("state     paused")
            terminal.press("r")
            terminal.shows("state     in sync")
            terminal.press("s")
            terminal.shows("it syncs now")
            terminal.press("q")
            assert terminal.ended() == 0
            terminal.is_as_it_was()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_however_it_ends_the_terminal_is_as_it_was(tmp_path: Path, number: int) -> None:
    kept(tmp_path, "one")
    with watching(tmp_path / "state") as terminal:
        terminal.shows("in sync")
        os.kill(terminal.pid, number)
        assert terminal.ended() == 128 + number
        terminal.is_as_it_was()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_is_heard_wherever_it_comes(number: int) -> None:
    """What a handler raises is lost where nobody could catch it."""

    class Gone:
        def __del__(self) -> None:
            os.kill(os.getpid(), number)
            sum(range(10))

    class Mirrors:
        def look(self) -> list[dict[str, object]]:
            Gone()
            return []

        def ask(self, mirror: object, what: str) -> str:
            return ""

        def recent(self, mirror: object, most: int) -> list[str]:
            return []

    with pytest.raises(SystemExit) as ended:
        Screen(Mirrors())()
    assert ended.value.code == 128 + number


def test_suspended_it_gives_the_terminal_back(tmp_path: Path) -> None:
    kept(tmp_path, "one")
    with watching(tmp_path / "state") as terminal:
        terminal.shows("in sync")
        # The shell of the terminal is the one that suspends; here nobody would wake an orphan.
        os.kill(terminal.pid, signal.SIGTSTP)
        until(lambda: terminal.read() or terminal.wrote.count(LEFT) >= 1, "the terminal is left")
        os.kill(terminal.pid, signal.SIGCONT)
        until(lambda: terminal.read() or terminal.wrote.count(ENTERED) == 2, "it is back")
        terminal.press("q")
        assert terminal.ended() == 0
        terminal.is_as_it_was()


def test_several_mirrors(tmp_path: Path) -> None:
    for name in ("one", "two"):
        kept(tmp_path, name)
    held = kept(tmp_path, "three", Phase.HELD)
    with watching(tmp_path / "state") as terminal:
        seen = terminal.shows("/destination one", "/destination two", "/destination three")
        chosen = next(line for line in seen if "→" in line)
        terminal.press("j")
        until(lambda: any("→" in s and s != chosen for s in terminal.screen), "another one")
        terminal.press("k")
        terminal.shows(chosen)
        Status("/source three", "/destination three", phase=Phase.IN_SYNC).store(held)
        until(lambda: not any("held" in line for line in terminal.screen), "it is let go")
        terminal.press("q")
        assert terminal.ended() == 0


def test_without_a_terminal_each_change_is_a_line(tmp_path: Path) -> None:
    place = kept(tmp_path, "one")
    seen = tmp_path / "seen"
    command = [*MIRRORFS, "status", "--watch", "--state-dir", str(tmp_path / "state")]
    with seen.open("wb") as out, subprocess.Popen(command, stdout=out) as process:
        try:
            until(lambda: "one: in sync" in seen.read_text(), "what there is")
            status = Status("/source one", "/destination one", phase=Phase.WAITING, why="gone\n")
            status.store(place)
            until(lambda: "waiting: gone\\n" in seen.read_text(), "what is new")
        finally:
            process.terminate()
    assert seen.read_text().count("\n") == 2


def test_whatever_names_hold(tmp_path: Path) -> None:
    """Also in each of the places a name comes to."""
    state = State(str(tmp_path / "state"))
    names = [os.fsdecode(name) for name in NAMES]
    for name in names[::7]:
        status = Status(f"/s/{name}", f"/d/{name}", phase=Phase.OWING, why=name, remedy=name)
        status.owed, status.owed_count = {name: name}, 2
        status.last = (1, "create", name)
        status.transfers = [{"path": name, "size": 9, "done": 5}]
        place = state.mirror(status.source, status.destination)
        os.makedirs(place)
        status.store(place)
    mirrors = [account(place, state.home) for place in state.mirrors()]
    for chosen in range(len(mirrors)):
        lines = picture(mirrors, chosen, "", 50, lambda mirror, most: ())
        said = [line.plain for line in lines]
        assert [one for one in said if printable(one) != one] == []
    with watching(tmp_path / "state", size=(200, 80)) as terminal:
        terminal.shows("owed")
        terminal.press("jjj")
        terminal.shows("owed")
        terminal.press("q")
        assert terminal.ended() == 1
        terminal.is_as_it_was()
    assert not re.search(rb"\x1b[^\[]|[\x00-\x07\x0b\x0e-\x1a\x7f]|\xc2[\x80-\x9f]", terminal.wrote)
