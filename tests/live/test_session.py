"""A live copy of the standard library, mirrored while real programs work on it and the mirror is
killed again and again.
"""

import os
import random
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from live.conftest import Places
from support.process import Service, plan
from support.walker import count, differences, leftovers

SEED = random.randrange(2**32)
SECONDS = 20.0

Program = Callable[[Path], None]


def tool(*command: str | Path, cwd: Path) -> None:
    """Run a program to its end; it must succeed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])


def standard_library(into: Path) -> None:
    """A copy of the running Python's, without what others installed into it."""
    shutil.copytree(
        sysconfig.get_path("stdlib"),
        into,
        symlinks=True,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("site-packages", "test", "tests", "config-*", "__pycache__"),
    )


def wheel(into: Path) -> Path:
    """A wheel made here, of a few hundred modules."""
    path = into / "sample-1.0-py3-none-any.whl"
    info = "sample-1.0.dist-info"
    files = {f"sample/part{n % 12}/module{n}.py": f"NUMBER = {n}\n" for n in range(300)}
    files["sample/__init__.py"] = ""
    files[f"{info}/METADATA"] = "Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n"
    files[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = f"{info}/RECORD"
    files[record] = "".join(f"{name},,\n" for name in (*files, record))
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


class Work:
    """What people do all day; each method is one thing done, with programs of the system."""

    def __init__(self, root: Path, aside: Path) -> None:
        self.root = root
        self._rng = random.Random(SEED)
        self._wheel = wheel(aside)
        self._tar = aside / "email.tar"
        tool("tar", "cf", self._tar, "email", "json", "asyncio", cwd=root)

    def git(self, round_: int) -> None:
        """A repository of the library's own tests of packaging."""
        root = self.root / "work" / f"repository{round_ % 2}"
        root.mkdir(parents=True, exist_ok=True)

        def git(*arguments: str) -> None:
            who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
            tool("git", *who, "-c", "init.defaultBranch=main", *arguments, cwd=root)

        if not (root / ".git").exists():
            git("init", "-q")
        for name in ("email", "json", "wsgiref"):
            shutil.copytree(self.root / name, root / name, dirs_exist_ok=True)
        (root / "round").write_text(f"{round_}\n")
        git("add", "-A")
        git("commit", "-q", "-m", f"round {round_}")
        git("checkout", "-q", "-B", "other")
        shutil.rmtree(root / "email")
        git("rm", "-q", "-r", "json")
        git("commit", "-q", "-a", "-m", f"other {round_}")
        git("checkout", "-q", "main")
        for file in sorted((root / "email").glob("*.py"))[:10]:
            file.write_text(f"# round {round_}\n")
        git("stash")
        git("stash", "pop", "-q")
        git("reset", "-q", "--hard")
        git("gc", "-q", "--prune=now")

    def install(self, round_: int) -> None:
        target = self.root / "work" / "vendor"
        pip = (sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "--no-input")
        there = ("--target", target, "--upgrade", self._wheel)
        aside = self._wheel.parent  # not the root, whose modules the interpreter would import
        tool(*pip, "install", "--no-index", "--no-deps", *there, cwd=aside)
        if round_ % 2:
            shutil.rmtree(target)

    def unpack(self, round_: int) -> None:
        into = self.root / "work" / "unpacked" / str(round_ % 3)
        into.mkdir(parents=True, exist_ok=True)
        tool("tar", "xf", self._tar, cwd=into)
        tool("rm", "-rf", "json", cwd=into)
        tool("tar", "xf", self._tar, cwd=into)

    def edit(self, round_: int) -> None:
        """An editor saves: a new file beside, made durable, renamed over; the old one as backup."""
        for file in self._rng.sample(sorted(self.root.glob("*.py")), 15):
            new = file.with_name(f".{file.name}.swp")
            with open(new, "w") as saved:
                saved.write(f"# saved in round {round_}\n" * self._rng.randrange(1, 2000))
                saved.flush()
                os.fsync(saved.fileno())
            if round_ % 2:
                os.replace(file, f"{file}~")
            os.replace(new, file)

    def move(self, _: int) -> None:
        """Large directories go to and fro, and one is exchanged for another."""
        for name in ("lib2to3", "encodings", "distutils"):
            here, there = self.root / name, self.root / "work" / f"moved {name}"
            tool("mv", *((there, here) if there.exists() else (here, there)), cwd=self.root)
        one, other = self.root / "xml", self.root / "xmlrpc"
        tool("mv", one, self.root / "exchange", cwd=self.root)
        tool("mv", other, one, cwd=self.root)
        tool("mv", self.root / "exchange", other, cwd=self.root)

    def remove(self, round_: int) -> None:
        """rm -rf, and the same name again at once, as a directory, a file, a link."""
        name = self.root / "work" / "again"
        tool("rm", "-rf", name, cwd=self.root)
        match round_ % 3:
            case 0:
                shutil.copytree(self.root / "unittest", name)
            case 1:
                name.write_text("a file now\n")
            case _:
                name.symlink_to("../unittest")

    def link(self, round_: int) -> None:
        """Trees of hard links and of symlinks, replaced and written through."""
        for kind in ("-al", "-as"):
            tree = self.root / "work" / f"linked{kind}"
            shutil.rmtree(tree, ignore_errors=True)
            tool("cp", kind, self.root / "sqlite3", tree, cwd=self.root)
        with open(self.root / "work" / "linked-al" / "dump.py", "a") as file:
            file.write(f"# through another name, round {round_}\n")

    def attributes(self, round_: int) -> None:
        for path in self._rng.sample(sorted(self.root.glob("[a-v]*/*.py")), 20):
            path.chmod(0o600 if round_ % 2 else 0o644)
            os.utime(path, ns=(round_, 10**18 + round_))

    def in_turns(self) -> list[list[Callable[[int], None]]]:
        """Who works at the same time; nobody takes away what a neighbour is using."""
        return [
            [self.git],
            [self.unpack, self.install, self.remove, self.link],
            [self.edit, self.move, self.attributes],
        ]


@contextmanager
def at_work(work: Work, until_: float) -> Iterator[threading.Event]:
    """Programs at work in threads until a moment, and no error in any; an event tells the end."""
    finished = threading.Event()

    def keep_on(turn: list[Callable[[int], None]]) -> int:
        round_ = 0
        while time.monotonic() < until_:
            for program in turn:
                program(round_)
            round_ += 1
        return round_

    with ThreadPoolExecutor() as pool:
        turns: list[Future[int]] = [pool.submit(keep_on, turn) for turn in work.in_turns()]
        for turn in turns:
            turn.add_done_callback(
                lambda _: finished.set() if all(turn.done() for turn in turns) else None
            )
        yield finished
        rounds = [turn.result() for turn in turns]
        assert all(rounds), rounds


@pytest.mark.slow
def test_a_live_library_under_real_programs_and_a_killed_mirror(places: Places) -> None:
    source, destination, state = places
    standard_library(source)
    (source / "work").mkdir()
    work = Work(source, source.parent)
    rng = random.Random(SEED)
    print(f"seed {SEED}")
    kills = 0
    with Service("run", source, destination, state=state, flags=("--adopt",)) as run:
        run.mirrors()
        with at_work(work, time.monotonic() + SECONDS) as finished:
            while not finished.wait(rng.uniform(0.3, 4.0)):
                run.kill()
                kills += 1
                run.start()
        run.mirrors()
        print(f"{kills} kills, {count(source)} entries; {run.status()}")
        assert run.stop() == 0
    assert kills >= 4
    assert differences(source, destination) == []
    assert leftovers(destination) == []
    planned = plan(source, destination, state, "--full")
    assert planned["actions"] == []
    assert planned["failures"] == []
