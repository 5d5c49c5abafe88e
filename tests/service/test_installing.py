"""`mirrorfs service` with a real systemd, the system's manager and a user's: what is asked for
holds afterwards, each thing that is done is shown, and nothing is done twice.
"""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from support.machine import UNIT, Machine, answered, compiled
from support.process import until
from support.systemd import ROOT, Systemd
from support.walker import differences

from mirrorfs.state import State

pytestmark = [pytest.mark.root, pytest.mark.slow]

MIRRORFS = (sys.executable, "-m", "mirrorfs")
UNITS = "/etc/systemd/system"
ALL = [
    f"{UNITS}/mirrorfs-audit@.service",
    f"{UNITS}/mirrorfs-audit@.timer",
    f"{UNITS}/mirrorfs-view@.service",
    f"{UNITS}/mirrorfs@.service",
    "/etc/sysctl.d/mirrorfs.conf",
    "/etc/sysusers.d/mirrorfs.conf",
    "/etc/tmpfiles.d/mirrorfs.conf",
]


@pytest.fixture
def bare(machine: Machine) -> Machine:
    """A machine on which nothing is installed."""
    machine.systemd.run("rm", "-f", *ALL)
    machine.systemd.systemctl("daemon-reload")
    return machine


def service(
    systemd: Systemd,
    *words: str,
    code: int = 0,
    program: tuple[str, ...] = MIRRORFS,
    user: str = "",
) -> list[str]:
    """What it says, line by line."""
    quick = ("env", "-u", "PYTHONDONTWRITEBYTECODE", compiled(systemd))
    done = systemd.run(*quick, *program, "service", *words, code=code, user=user)
    return (done.stdout if not code else done.stderr).splitlines()


def present(systemd: Systemd) -> list[str]:
    found = systemd.run("ls", *ALL, code=None).stdout.split()
    return [path for path in ALL if path in found]


def test_a_service_is_enabled_renewed_and_removed(bare: Machine) -> None:
    systemd = bare.systemd
    would = service(systemd, "enable", "it", "--dry-run")
    assert present(systemd) == [], "nothing is done"
    did = service(systemd, "enable", "it")
    assert would == [f"would {line}" for line in did]
    assert did == [
        *(f"write {path}" for path in ALL),
        "systemctl daemon-reload",
        "systemd-sysusers /etc/sysusers.d/mirrorfs.conf",
        "systemd-tmpfiles --create /etc/tmpfiles.d/mirrorfs.conf",
        f"systemctl enable {UNIT}",
        f"systemctl start {UNIT}",
    ]
    assert (present(systemd), systemd.show(UNIT, "UnitFileState")) == (ALL, "enabled")
    bare.everything_is_there()
    assert service(systemd, "enable", "it") == [f"nothing to do: {UNIT} is enabled, and runs"]
    said = json.loads(service(systemd, "status", "it", "--json")[0])
    assert (said["ActiveState"], said["stale"]) == ("active", [])

    # An upgrade brings other units; the mirror goes on with what it knew.
    systemd.run("sed", "-i", "s/^RestartSec=.*/RestartSec=1h/", f"{UNITS}/mirrorfs@.service")
    systemd.systemctl("daemon-reload")
    assert any("stale" in line for line in service(systemd, "status", "it"))
    (bare.source / "before").write_text("the upgrade")
    renewed = ["systemctl daemon-reload", f"systemctl restart {UNIT}"]
    assert service(systemd, "enable", "it") == [f"replace {ALL[3]}", *renewed]
    bare.everything_is_there()
    assert bare.comparisons() == ["this pair was not mirrored before"]

    # A second mirror needs the units, and keeps them.
    systemd.run("cp", "/etc/mirrorfs/it.toml", "/etc/mirrorfs/second.toml")
    systemd.systemctl("enable", "mirrorfs@second")
    gone = [f"systemctl disable {UNIT}", f"systemctl stop {UNIT}"]
    assert service(systemd, "remove", "it") == gone
    assert present(systemd) == ALL
    assert service(systemd, "disable", "it") == [
        f"nothing to do: {UNIT} is not enabled, and does not run"
    ]
    assert service(systemd, "remove", "second") == [
        "systemctl disable mirrorfs@second.service",
        *(f"remove {path}" for path in ALL),
        "systemctl daemon-reload",
    ]
    assert present(systemd) == []
    assert systemd.run("test", "-e", "/etc/mirrorfs/it.toml").returncode == 0


def test_what_cannot_be_is_refused_with_what_helps(bare: Machine) -> None:
    systemd = bare.systemd
    (said,) = service(systemd, "enable", "itt", code=2)
    assert "no mirror is called itt" in said and "did you mean it?" in said
    bare.configure("max-delete = many")
    assert "/etc/mirrorfs/it.toml" in service(systemd, "enable", "it", code=2)[0]
    assert "rename its configuration" in service(systemd, "enable", "übrig", code=2)[0]
    bare.configure()
    systemd.run("chmod", "o+rx", "/etc/mirrorfs")
    (said,) = service(
        systemd, "enable", "it", code=6, program=("runuser", "-u", "nobody", "--", *MIRRORFS)
    )
    assert "sudo" in said and "--user" in said
    (said,) = service(systemd, "enable", "it", "--user", code=6)
    assert "leave out --user" in said
    assert present(systemd) == []
    here = subprocess.run(
        [*MIRRORFS, "service", "enable", "it"], capture_output=True, text=True, check=False
    )
    assert (here.returncode, "systemd does not run here" in here.stderr) == (6, True)


def test_a_program_below_a_path_with_spaces_is_called(bare: Machine) -> None:
    place = bare.state / "a venv; 100 %i $HOME"
    venv.create(place, with_pip=False, symlinks=True)
    (site,) = place.glob("lib/python3*/site-packages")
    (site / "all.pth").write_text(f"{ROOT}\n{Path(pytest.__file__).parents[1]}\n")
    command = place / "bin" / "mirrorfs"
    command.write_text('#!/bin/sh\nexec "$(dirname "$0")/python" -P -m mirrorfs "$@"\n')
    command.chmod(0o755)
    program = (str(place / "bin/python"), "-m", "mirrorfs")
    service(bare.systemd, "enable", "it", program=program)
    bare.everything_is_there()
    running = bare.systemd.read(f"/proc/{bare.systemd.main_pid(UNIT)}/cmdline").split("\0")
    assert running[0] == str(place / "bin/python")
    judged = bare.systemd.run("systemd-analyze", "verify", "--man=no", UNIT)
    assert (judged.stdout, judged.stderr) == ("", "")
    service(bare.systemd, "remove", "it", program=program)


def test_a_users_mirror_is_a_service_of_his(systemd: Systemd) -> None:
    """From boot on, and continued when it is killed."""
    systemd.add_user("tester")
    base = systemd.shared[-1] / "of a user"
    source, destination = base / "source", base / "destination"
    number = int(systemd.run("id", "-u", "tester").stdout)
    for place in (base, source, destination):
        place.mkdir()
        os.chown(place, number, number)
    home = "/home/tester/.config"
    toml = f'source = "{source}"\ndestination = "{destination}"\n'
    systemd.write(f"{home}/mirrorfs/home.toml", toml, user="tester")
    unit = "mirrorfs@home.service"
    did = service(systemd, "enable", "home", "--user", user="tester")
    assert f"write {home}/systemd/user/mirrorfs@.service" in did
    assert did[-2:] == [f"systemctl --user enable {unit}", f"systemctl --user start {unit}"]
    judged = systemd.run(
        "systemd-analyze", "--user", "verify", "--man=no", unit, "mirrorfs-view@home.service",
        "mirrorfs-audit@home.timer", user="tester",
    )  # fmt: skip
    assert (judged.stdout, judged.stderr) == ("", "")
    state = f"/proc/{systemd.pid}/root/home/tester/.local/state/mirrorfs"
    mirror = State(state).mirror(str(source), str(destination))
    (source / "first").write_text("his")
    until(lambda: answered(mirror), "a barrier to be passed")

    systemd.unit(f"{unit}.d/at-once.conf", "[Service]\nRestartSec=0\n", user="tester")
    systemd.run("kill", "-KILL", str(systemd.main_pid(unit, user="tester")))
    (source / "while dead").write_text("told all the same")
    until(lambda: (destination / "while dead").exists(), "what was made while it was dead")
    until(lambda: answered(mirror), "a barrier to be passed")
    assert differences(source, destination) == []
    assert systemd.show(unit, "NRestarts", user="tester") == "1"
    assert systemd.log(unit, user="tester").count("comparing everything") == 1

    systemd.systemctl("reload", unit, user="tester")
    shown = service(systemd, "status", "home", "--user", user="tester")
    assert any(line.split() == ["linger", "yes"] for line in shown)
    # Logged in, and not to be left running: that can be had.
    login = ("-p", "PAMName=login", "-p", "User=tester", "--unit=login", "sleep", "infinity")
    systemd.run("systemd-run", *login)
    systemd.run_until("sh", "-c", "loginctl --no-legend list-sessions | grep -q tester")
    systemd.run("loginctl", "disable-linger", "tester")
    shown = service(systemd, "status", "home", "--user", user="tester")
    assert any(line.split()[:2] == ["linger", "no:"] for line in shown)
    would = service(systemd, "enable", "home", "--user", "--linger", "-n", user="tester")
    assert would == ["would loginctl enable-linger"]
    systemd.run("loginctl", "enable-linger", "tester")
    systemd.systemctl("stop", "login")

    view = "mirrorfs-view@home.service"
    point = f"/run/user/{number}/mirrorfs/view/home"
    systemd.systemctl("start", view, user="tester")
    systemd.run_until("runuser", "-u", "tester", "--", "test", "-e", f"{point}/after/first")
    gone = service(systemd, "remove", "home", "--user", user="tester")
    assert f"systemctl --user stop {view}" in gone
    assert point not in systemd.read("/proc/self/mounts")
    assert systemd.show(unit, "LoadState", user="tester") == "not-found"
