"""A writer that dies, or is refused, at every system call that writes.

strace(1) kills the child as it enters the Nth such call, or lets that call fail: the real writer on
a real file system, with nothing replaced.
"""

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import journal
from journal import JournalCorrupt, Writer, verify

CALLS = (
    "write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,ftruncate,fallocate,unlink,unlinkat,"
    "mkdir,mkdirat"
)

APPEND = """
import os, sys
from journal import Writer
rounds = int(sys.argv[2])
with Writer(sys.argv[1], segment_size=4096) as writer:
    for n in range(rounds):
        position = writer.append([(n, i, b"x" * 150) for i in range(8)])
        os.write(1, b"appended %d\\n" % (n + 1))
        if n % 2:
            writer.sync()
            os.write(1, b"synced %d\\n" % (n + 1))
"""

FAIL = """
import sys
from journal import JournalUnwritable, Writer
with Writer(sys.argv[1], segment_size=4096) as writer:
    kept, refused, durable = [], 0, -1
    for n in range(12):
        try:
            writer.append([(n, b"x" * 500)])
            kept.append(n)
            if n % 3 == 2:
                assert writer.sync() == writer.position
        except JournalUnwritable as error:
            refused += 1
            try:
                writer.append(["gap"])
                kept.append("gap")
            except JournalUnwritable:
                refused += 1
        assert durable <= writer.durable.sequence
        durable = writer.durable.sequence
print(refused, *kept)
"""


pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")


def run(program: str, inject: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    """The program under strace, with a fault in place; started bare, because it starts often."""
    # Not --seccomp-bpf: with it strace 6.1 injects errors, but no signals.
    command = ["strace", "-f", "-o", str(cwd / "trace"), "-e", f"trace={CALLS}"]
    if inject:
        command += ["-e", f"inject={inject}"]
    packages = [Path(journal.__file__).parents[1], Path(sys.modules["msgpack"].__file__).parents[1]]
    return subprocess.run(
        [*command, sys.executable, "-B", "-S", "-c", program, *map(str, arguments)],
        env={"PYTHONPATH": os.pathsep.join(map(str, packages)), "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        cwd=cwd,
        check=False,
        timeout=60,
    )


def calls(cwd: Path) -> Counter[str]:
    lines = (cwd / "trace").read_text().splitlines()
    names = (line.split()[1].split("(")[0] for line in lines)
    return Counter(name for name in names if name in CALLS.split(","))


def killed_everywhere(
    program: str, rounds: int, prepare: Callable[[Path], Any], room: Path
) -> Iterator[tuple[Path, int, int]]:
    """Yield (directory, rounds acknowledged as appended, as synced) for each call to die at."""
    prepare(room / "whole")
    done = run(program, "", room / "whole", rounds, cwd=room)
    assert done.returncode == 0
    made = calls(room)
    assert made.total() > 10
    # strace counts each kind of call by itself.
    for call, nth in [(call, n + 1) for call, most in made.items() for n in range(most)]:
        directory = room / f"state-{call}-{nth}"
        prepare(directory)
        result = run(program, f"{call}:signal=KILL:when={nth}", directory, rounds, cwd=room)
        assert result.returncode == -9
        said = dict(line.split() for line in result.stdout.decode().splitlines())
        yield directory, int(said.get("appended", 0)), int(said.get("synced", 0))
        shutil.rmtree(directory, ignore_errors=True)


def expected(rounds: int) -> list[Any]:
    return [(n, i, b"x" * 150) for n in range(rounds) for i in range(8)]


def check_kill_everywhere(rounds: int, room: Path, read: Any) -> None:
    for nth, (directory, appended, synced) in enumerate(
        killed_everywhere(APPEND, rounds, lambda _: None, room)
    ):
        assert synced <= appended
        before, error = read(directory)
        assert error is None
        # The page cache outlives a kill: what `append` returned for is there, synced or not.
        assert len(before) >= appended * 8
        assert before == expected(rounds)[: len(before)]
        with Writer(directory, continue_epoch=bool(nth % 2)) as writer:
            assert writer.recovered.state in ("clean", "torn")
            writer.append(["more"])
        assert read(directory) == ([*before, "more"], None)
        assert verify(directory).sound
        assert not list(directory.glob(".new-*"))


def test_i4_killed_at_every_call_while_appending(swift: Path, read: Any) -> None:
    check_kill_everywhere(4, swift, read)


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_i4_torture_killed_at_every_call_of_a_long_run(swift: Path, read: Any) -> None:
    check_kill_everywhere(80, swift, read)


@pytest.mark.parametrize("kind", ["torn", "corrupt"])
def test_i2_killed_at_every_call_while_recovering(
    kind: str, swift: Path, damage: Any, read: Any
) -> None:
    model = swift / "model"
    with Writer(model, segment_size=8192) as writer:
        for n in range(10):
            writer.append([(n, b"y" * 100)])
    if kind == "torn":
        damage(model).append_garbage(b"garbage")
    else:
        damage(model).garble_sector(1)
    good = read(model)[0]
    assert (len(good) == 10) == (kind == "torn")

    for directory, *_ in killed_everywhere(
        APPEND, 0, lambda target: shutil.copytree(model, target), swift
    ):
        with Writer(directory, continue_epoch=True) as writer:
            writer.append(["more"])
        records, error = read(directory)
        if kind == "torn":
            assert error is None
            assert records == [*good, "more"]
        else:
            assert records == good
            assert isinstance(error, JournalCorrupt)
        assert len(list(directory.glob("*.torn" if kind == "torn" else "*.broken"))) == 1


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize(
    ("call", "when"),
    [
        ("pwrite64", 4),
        ("pwrite64", 7),
        ("fdatasync", 1),
        ("fdatasync", 3),
        ("fallocate", 2),
        ("fsync", 4),
        ("ftruncate", 2),
    ],
)
def test_a_refused_call_is_reported_and_the_next_append_goes_on(
    error: str, call: str, when: int, swift: Path, read: Any
) -> None:
    directory = swift / "state"
    result = run(FAIL, f"{call}:error={error}:when={when}", directory, cwd=swift)
    assert result.returncode == 0
    refused, *kept = result.stdout.decode().split()
    assert int(refused) == 1
    assert "gap" in kept
    records, problem = read(directory)
    names = [r if r == "gap" else str(r[0]) for r in records]
    report = verify(directory)
    if call == "fdatasync":
        # What the failed flush covered may be lost, so no reader steps over it unwarned.
        assert isinstance(problem, JournalCorrupt)
        assert names == kept[: kept.index("gap")]
        assert report.records == len(kept)
    else:
        assert problem is None
        assert names == kept
        assert report.sound
    with Writer(directory) as writer:
        assert writer.recovered.state == "clean"


def test_a_writer_that_cannot_be_opened_says_so_and_lets_go(swift: Path, read: Any) -> None:
    program = (
        "import sys\n"
        "from journal import JournalUnwritable, Writer\n"
        "try:\n    Writer(sys.argv[1])\n"
        "except JournalUnwritable as error:\n    print(error.errno)\n"
        "Writer(sys.argv[1]).close()\n"
    )
    result = run(program, "fallocate:error=ENOSPC:when=1", swift / "state", cwd=swift)
    assert (result.returncode, result.stdout) == (0, b"28\n")
    assert read(swift / "state") == ([], None)
