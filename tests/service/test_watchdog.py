"""Under a real systemd a mirror that hangs is killed, begun anew, and ends its work; one that only
has nothing to do, or a lot, is left alone.
"""

import pytest
from support import mounting
from support.machine import UNIT, Machine
from support.process import until

pytestmark = [pytest.mark.root, pytest.mark.slow]

SOON = "[Service]\nWatchdogSec=2\nRestartSec=0\n"


def test_a_mirror_that_hangs_is_killed_and_begun_anew(machine: Machine) -> None:
    """In a write to a frozen file system, which cannot even be interrupted."""
    systemd = machine.systemd
    how = mounting.make("ext4", machine.state.parent / "drive", size="64M")
    systemd.run("mount", *how, machine.destination)
    systemd.unit(f"{UNIT}.d/soon.conf", SOON)
    (machine.source / "first").write_text("there")
    machine.start()
    machine.is_there(machine.destination / "first")
    before = systemd.main_pid(UNIT)
    systemd.run("fsfreeze", "--freeze", machine.destination)
    try:
        (machine.source / "second").write_text("on its way")
        until(lambda: "watchdog" in systemd.show(UNIT, "Result"), "the watchdog to bark")
    finally:
        systemd.run("fsfreeze", "--unfreeze", machine.destination)
    machine.is_there(machine.destination / "second")
    assert systemd.main_pid(UNIT) != before
    said = systemd.log(UNIT)
    assert f"no sign of life: {machine.destination}" in said
    assert "Fatal Python error: Aborted" in said and "trees/local" in said, "where it hung"
    systemd.systemctl("stop", UNIT)
    systemd.run("umount", machine.destination)


def test_a_mirror_that_is_at_rest_or_at_work_is_not_killed(machine: Machine) -> None:
    """For several of the manager's patiences."""
    systemd = machine.systemd
    systemd.unit(f"{UNIT}.d/soon.conf", SOON.replace("2", "1"))
    machine.start()
    machine.everything_is_there()
    before = systemd.main_pid(UNIT)
    fed = systemd.show(UNIT, "WatchdogTimestampMonotonic")
    for number in range(3):
        fed = machine.is_fed_after(fed)
        for name in range(300):
            (machine.source / f"{number}.{name}").write_text("work")
    machine.everything_is_there()
    assert systemd.main_pid(UNIT) == before
