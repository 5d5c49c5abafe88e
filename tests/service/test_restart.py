"""Under a real systemd a mirror is restarted, upgraded and killed at any moment, and misses
nothing; nor is anything compared.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import mutator
from support.machine import UNIT, Machine, answered
from support.process import DEADLINE, plan, until
from support.systemd import ROOT

from mirrorfs.service.client import ask

pytestmark = [pytest.mark.root, pytest.mark.slow]
both = pytest.mark.parametrize("backend", ["inotify", "fanotify"])


def busy(source: Path, seed: int, operations: int) -> subprocess.Popen[bytes]:
    # Without second names: one that comes, is written through and goes before anybody looked is the
    # one change that escapes (`mirrorfs.core.links`).
    command = [sys.executable, mutator.__file__, source, str(seed), str(operations), "link"]
    return subprocess.Popen(command)


@both
def test_a_restart_misses_nothing_and_compares_nothing(machine: Machine, backend: str) -> None:
    source, systemd = machine.source, machine.systemd
    machine.configure(f'watch-backend = "{backend}"')
    for number in range(50):
        (source / f"d{number}").mkdir()
        (source / f"d{number}" / "file").write_text(str(number))
    machine.start()
    assert systemd.show(UNIT, "ActiveState") == "active", "ready is said when it is"
    machine.everything_is_there()
    assert machine.comparisons() == ["this pair was not mirrored before"]
    assert systemd.show(UNIT, "StatusText") != ""
    assert backend in str(machine.status()["coverage"])

    machine.restart()
    machine.everything_is_there()
    for number in range(2):  # while nobody is there
        systemd.unit(f"{UNIT}.d/slow.conf", "[Service]\nRestartSec=0.5\n")
        machine.kill()
        (source / f"new{number}").mkdir()
        (source / f"new{number}" / "deep").mkdir()
        (source / f"new{number}" / "deep" / "file").write_text("made while it was dead")
        (source / f"d{number}").rename(source / f"renamed{number}")
        (source / f"renamed{number}" / "file").write_text("then written")
        (source / f"d{number + 10}").rename(source / f"d{number + 20}" / "inner")
        (source / f"d{number + 30}" / "file").unlink()
        (source / f"d{number + 30}").rmdir()
        os.chmod(source / f"d{number + 40}" / "file", 0o600)
        machine.everything_is_there()
    assert machine.comparisons() == ["this pair was not mirrored before"]
    assert "watching goes on" in systemd.log(UNIT)

    # An upgrade: another version of the program goes on.
    newer = machine.state.parent / "newer"
    for package in ("mirrorfs", "journal"):
        shutil.copytree(ROOT / package, newer / package)
    version = newer / "mirrorfs" / "__init__.py"
    version.write_text(re.sub(r"__version__ = .*", '__version__ = "99"', version.read_text()))
    machine.use(newer)
    systemd.systemctl("daemon-reload")
    machine.restart()
    (source / "with the new one").write_text("goes on")
    machine.everything_is_there()
    assert str(newer) in systemd.read(f"/proc/{systemd.main_pid(UNIT)}/environ")
    assert machine.comparisons() == ["this pair was not mirrored before"]

    # The sandbox of the unit lets an audit have its priorities, and it finds nothing.
    audit = ask(machine.mirror, "audit", within=DEADLINE)
    assert (audit["defect_count"], audit["drift_count"], audit["unsure"]) == (0, 0, "")

    # Stopped for good, the queue is dropped, and what is not known is compared.
    systemd.systemctl("stop", UNIT)
    assert systemd.show(UNIT, "NFileDescriptorStore") == "0"
    (source / "while stopped").write_text("found by comparing")
    machine.start()
    machine.everything_is_there()
    assert machine.comparisons()[1:] == ["the watcher was started anew"]


def test_another_filter_does_not_continue(machine: Machine) -> None:
    """The process before watched other directories."""
    (machine.source / "left out").mkdir()
    (machine.source / "taken").mkdir()
    filter = f"{UNIT}.d/filter.conf"
    machine.systemd.unit(filter, "[Service]\nEnvironment='MIRRORFS_EXCLUDE=/left out/**'\n")
    machine.start()
    until(lambda: answered(machine.mirror), "a barrier to be passed")
    (machine.source / "left out" / "file").write_text("unseen")
    machine.systemd.unit(filter, "[Service]\n")
    machine.restart()
    machine.everything_is_there()
    assert len(machine.comparisons()) == 2


def storm(machine: Machine, backend: str, *, kills: int) -> None:
    """Mutators at work while it is killed; the rest of the kernel's queue must be enough."""
    seed, operations = random.randrange(2**31), 100_000
    print(f"seed {seed}")
    machine.configure(f'watch-backend = "{backend}"')
    rng = random.Random(seed)
    (machine.source / "still").mkdir()
    (machine.source / "busy").mkdir()
    for number in range(3000 + 50 * kills):  # that no plan looks like a disaster
        (machine.source / "still" / str(number)).touch()
    machine.at_once()
    machine.start()
    machine.everything_is_there()
    at_work = [busy(machine.source / "busy", seed + number, operations) for number in range(2)]
    try:
        for _ in range(kills):
            try:
                at_work[0].wait(rng.uniform(0.05, 1.0) * rng.choice((1, 3)))
            except subprocess.TimeoutExpired:
                pass
            else:
                at_work[0] = busy(machine.source / "busy", rng.randrange(2**31), operations)
            if rng.random() < 0.2:
                machine.restart()
            else:
                machine.kill()
        for process in at_work:
            process.send_signal(signal.SIGTERM)
            process.wait()
    finally:
        for process in at_work:
            process.kill()
            process.wait()
    machine.everything_is_there()
    planned = plan(machine.source, machine.destination, machine.state, "--full")
    assert (planned["actions"], planned["failures"]) == ([], [])


def unwatched(machine: Machine) -> list[str]:
    """Comparisons because nobody had watched; renames without end have their own."""
    words = ("anew", "watched", "away", "written")
    return [why for why in machine.comparisons() if any(word in why for word in words)]


@both
def test_killed_again_and_again_while_everything_changes(machine: Machine, backend: str) -> None:
    storm(machine, backend, kills=5)
    assert unwatched(machine) == []


@both
@pytest.mark.torture
@pytest.mark.timeout(1800)
def test_killed_two_hundred_times(machine: Machine, backend: str) -> None:
    storm(machine, backend, kills=200)
    continued = machine.systemd.log(UNIT).count("watching goes on")
    print(f"{len(unwatched(machine))} comparisons of {continued} starts after 200 kills")
    assert unwatched(machine) == []
