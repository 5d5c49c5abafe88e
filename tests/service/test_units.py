"""The units that are shipped, under a real systemd: what they allow, what they keep from a mirror,
how they stand beside mounts, and what users who are not root get.
"""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from support import mounting
from support.machine import UNIT, Machine, answered
from support.portrait import portrait, unlike
from support.process import until
from support.systemd import ROOT, Systemd
from support.walker import differences

pytestmark = [pytest.mark.root, pytest.mark.slow]


def test_the_units_are_clean_and_the_mirrors_is_hardened(machine: Machine) -> None:
    systemd = machine.systemd
    units = [unit.name.replace("@.", "@it.") for unit in (ROOT / "systemd/system").iterdir()]
    machine.install_all()
    judged = systemd.run("systemd-analyze", "verify", "--man=no", *units)
    assert (judged.stdout, judged.stderr) == ("", "")
    most = {"mirrorfs@": 25, "mirrorfs-view@": 40, "mirrorfs-audit@": 20}  # tenths
    for unit, threshold in most.items():
        path = f"/etc/systemd/system/{unit}.service"
        systemd.run(
            "systemd-analyze", "security", "--offline=true", f"--threshold={threshold}", path
        )


def make_everything(source: Path) -> None:
    """What only root can make, and what only root may look at."""
    (source / "private").mkdir(mode=0o700)
    (source / "private" / "file").write_text("nobody else may read it")
    shutil.chown(source / "private" / "file", 1234, 4321)
    shutil.chown(source / "private", 1234, 4321)
    (source / "set user id").write_bytes(b"\x7fELF")
    shutil.chown(source / "set user id", 1, 1)
    (source / "set user id").chmod(0o6755)
    os.mkfifo(source / "fifo", 0o640)
    os.mknod(source / "disk", stat.S_IFBLK | 0o660, os.makedev(7, 200))
    os.mknod(source / "terminal", stat.S_IFCHR | 0o620, os.makedev(4, 64))
    (source / "link").symlink_to("/etc/passwd")
    os.lchown(source / "link", 5, 6)
    (source / "one").write_text("a file with two names")
    os.link(source / "one", source / "two")
    (source / "attributes").write_text("of all kinds")
    for name, value in (
        ("user.note", b"hello"),
        ("trusted.overlay.opaque", b"y"),
        ("security.capability", bytes.fromhex("0100000200040000000000000000000000000000")),
    ):
        os.setxattr(source / "attributes", name, value)
    subprocess.run(["setfacl", "-m", "u:1234:rw", source / "attributes"], check=True)


def test_the_sandbox_keeps_nothing_from_a_mirror(machine: Machine) -> None:
    """Owners, devices, capabilities, ACLs: equal in every property, first and later."""
    source, destination, systemd = machine.source, machine.destination, machine.systemd
    make_everything(source)
    machine.start()
    machine.everything_is_there()
    assert unlike(portrait(source), portrait(destination)) == []
    hidden = [
        point
        for line in systemd.read(f"/proc/{systemd.main_pid(UNIT)}/mountinfo").splitlines()
        for root, point in [line.split()[3:5]]
        if "inaccessible" in root and not point.startswith(("/proc/", "/sys/", "/dev/", "/run/"))
    ]
    assert hidden == [], "a mirror of the whole system would lack it"
    # Replaced by an exchange, renamed, and what a set-user-ID file loses when it is written.
    (source / "set user id").write_bytes(b"\x7fELF, another")
    (source / "set user id").chmod(0o6755)
    (source / "private").rename(source / "renamed")
    os.unlink(source / "disk")
    os.mknod(source / "disk", stat.S_IFBLK | 0o660, os.makedev(7, 201))
    machine.everything_is_there()
    assert unlike(portrait(source), portrait(destination)) == []


def test_fanotify_is_there_for_who_asks(machine: Machine) -> None:
    """It hears of a directory that no watch was set on."""
    machine.configure('watch-backend = "fanotify"')
    machine.start()
    (machine.source / "new" / "deep").mkdir(parents=True)
    (machine.source / "new" / "deep" / "file").write_text("heard of")
    machine.everything_is_there()
    assert "fanotify" in str(machine.status()["coverage"])
    assert machine.comparisons() == ["this pair was not mirrored before"]


def test_a_drive_is_known_by_its_label(machine: Machine) -> None:
    """Without udev: its first blocks can be read in the sandbox. A mount that is made meanwhile is
    seen there, and nothing is written before."""
    systemd = machine.systemd
    (image,) = mounting.make("xfs", machine.state.parent / "drive")[2:]
    subprocess.run(["xfs_admin", "-L", "backup", image], check=True, capture_output=True)
    machine.configure(destination="LABEL=backup:/mirror")
    systemd.unit(f"{UNIT}.d/at-once.conf", "[Service]\nRestartSec=0\n")
    (machine.source / "file").write_text("waits for its drive")
    systemd.systemctl("start", "--no-block", UNIT)
    until(lambda: "LABEL=backup is not there" in systemd.log(UNIT), "the drive to be missed")
    systemd.run("mount", "-o", "loop", image, machine.destination)
    machine.is_there(machine.destination / "mirror" / "file")
    systemd.systemctl("stop", UNIT)
    systemd.run("umount", machine.destination)


def test_a_reload_takes_up_what_the_configuration_says(machine: Machine) -> None:
    systemd = machine.systemd
    machine.start()
    machine.everything_is_there()
    before = systemd.main_pid(UNIT)
    machine.configure('exclude = ["/private/**"]')
    systemd.systemctl("reload", UNIT)
    until(lambda: "is taken up" in systemd.log(UNIT), "the configuration to be read")
    (machine.source / "private").mkdir()
    (machine.source / "private" / "file").write_text("stays here")
    (machine.source / "other").write_text("is mirrored")
    machine.is_there(machine.destination / "other")
    until(lambda: answered(machine.mirror), "a barrier to be passed")
    assert not (machine.destination / "private" / "file").exists()
    assert (systemd.main_pid(UNIT), systemd.show(UNIT, "ActiveState")) == (before, "active")


def test_a_wrong_configuration_is_said_once_and_not_hammered(machine: Machine) -> None:
    systemd = machine.systemd
    systemd.unit(f"{UNIT}.d/at-once.conf", "[Service]\nRestartSec=0\n")
    machine.configure("fsnyc = true")
    systemd.systemctl("start", UNIT, code=1)
    machine.systemd.reaches(UNIT, "failed")
    assert systemd.show(UNIT, "NRestarts") == "0"
    assert systemd.show(UNIT, "ExecMainStatus") == "2"
    assert "did you mean" in systemd.log(UNIT)


def test_a_mirror_that_is_bound_to_a_mount_lives_with_it(machine: Machine) -> None:
    """Stopped by an umount, started by the mount; nothing is written beside it."""
    systemd, point = machine.systemd, machine.destination
    (image,) = mounting.make("ext4", machine.state.parent / "drive", size="64M")[2:]
    how = machine.mount_unit(point, kind="ext4", what=image)
    bound = f"[Unit]\nBindsTo={how}\nAfter={how}\n[Install]\nWantedBy=\nWantedBy={how}\n"
    systemd.unit(f"{UNIT}.d/bound.conf", bound)
    systemd.systemctl("enable", UNIT)
    systemd.systemctl("start", how)
    (machine.source / "first").write_text("there")
    machine.is_there(point / "first")
    systemd.run("umount", "--lazy", point)
    systemd.reaches(UNIT, "inactive")
    (machine.source / "second").write_text("while it is away")
    assert systemd.run("ls", point).stdout == ""
    systemd.systemctl("start", how)
    machine.is_there(point / "second")
    systemd.systemctl("disable", UNIT)
    systemd.systemctl("stop", UNIT, how)


def test_a_slow_automount_is_waited_for(machine: Machine) -> None:
    """RequiresMountsFor= mounts first; meanwhile nothing is written into the bare directory."""
    systemd, point = machine.systemd, machine.destination
    let = machine.state / "let it be mounted"
    helper = f"#!/bin/sh\nuntil test -e '{let}'; do sleep 0.05; done\nexec mount -t tmpfs none $2\n"
    systemd.write("/sbin/mount.slow", helper)
    systemd.run("chmod", "755", "/sbin/mount.slow")
    how = machine.mount_unit(point, kind="slow")
    automount = how.replace(".mount", ".automount")
    systemd.unit(automount, f"[Automount]\nWhere={point}\n")
    systemd.unit(f"{UNIT}.d/needs.conf", f"[Unit]\nRequiresMountsFor={point}\n")
    systemd.systemctl("start", automount)
    (machine.source / "file").write_text("waits for its drive")
    systemd.systemctl("start", "--no-block", UNIT)
    systemd.reaches(how, "activating")
    assert systemd.show(UNIT, "ActiveState") == "inactive"
    let.touch()
    machine.is_there(point / "file")
    systemd.systemctl("stop", UNIT, automount, how)
    assert systemd.run("ls", point).stdout == "", "it was written to the drive alone"


def test_the_view_is_visible_to_everybody_outside_its_unit(machine: Machine) -> None:
    systemd = machine.systemd
    machine.install_all()
    view = "mirrorfs-view@it.service"
    (machine.source / "pending").write_text("not mirrored yet")
    systemd.systemctl("start", view)
    point = "/run/mirrorfs/view/it"
    systemd.run_until("test", "-e", f"{point}/after/pending")
    seen = systemd.run("runuser", "-u", "nobody", "--", "cat", f"{point}/after/pending")
    assert seen.stdout == "not mirrored yet"
    # A view that was killed leaves no dead mount behind, and is there again.
    systemd.unit(f"{view}.d/at-once.conf", "[Service]\nRestartSec=0\n")
    systemd.run("kill", "-KILL", str(systemd.main_pid(view)))
    until(lambda: systemd.show(view, "NRestarts") == "1", "it to be started again")
    systemd.run_until("test", "-e", f"{point}/after/pending")
    systemd.systemctl("stop", view)
    assert point not in systemd.read("/proc/self/mounts")


def test_the_audit_unit_has_the_mirror_compare_everything(machine: Machine) -> None:
    systemd = machine.systemd
    machine.install_all()
    machine.start()
    machine.everything_is_there()
    systemd.systemctl("start", "mirrorfs-audit@it.service")
    assert "0 coverage defects" in systemd.log("mirrorfs-audit@it")

    # Its timer makes up for the one that was missed while the machine was off.
    stamp = "/var/lib/systemd/timers/stamp-mirrorfs-audit@it.timer"
    systemd.write(stamp, "")
    systemd.run("touch", "--date=3 days ago", stamp)
    systemd.unit("mirrorfs-audit@it.timer.d/now.conf", "[Timer]\nRandomizedDelaySec=0\n")
    systemd.systemctl("start", "mirrorfs-audit@it.timer")
    until(
        lambda: systemd.log("mirrorfs-audit@it").count("0 coverage defects") == 2,
        "the timer to start it",
    )


def test_a_mirror_that_needs_no_root_is_run_by_a_user_of_its_own(machine: Machine) -> None:
    """As docs/service.md says: it may read everything, and owns what it writes."""
    systemd = machine.systemd
    systemd.write("/etc/sysusers.d/mirrorfs.conf", read("sysusers.d/mirrorfs.conf"))
    systemd.run("systemd-sysusers", "/etc/sysusers.d/mirrorfs.conf")
    systemd.unit(f"{UNIT}.d/user.conf", documented())
    (machine.source / "private").write_text("for root alone")
    (machine.source / "private").chmod(0o600)
    systemd.run("chown", "mirrorfs:", machine.destination)
    systemd.run("chown", "-R", "mirrorfs:", machine.state)
    machine.start()
    machine.is_there(machine.destination / "private")
    until(lambda: differences(machine.source, machine.destination, root=False) == [], "equal")
    number = int(systemd.run("id", "-u", "mirrorfs").stdout)
    assert (machine.destination / "private").stat().st_uid == number


def documented() -> str:
    """The drop-in of the documentation."""
    text = (ROOT / "docs/service.md").read_text()
    return text.partition("## Without root")[2].split("```")[1].removeprefix("ini\n")


def read(name: str) -> str:
    return (ROOT / "systemd" / name).read_text()


def test_shutting_down_while_copying_leaves_nothing_half_done(tmp_path: Path) -> None:
    """In time, and whatever is there is whole."""
    (tmp_path / "shared").mkdir()
    with Systemd(tmp_path, tmp_path / "shared") as systemd:
        machine = Machine(systemd, tmp_path / "shared")
        machine.configure('bwlimit = "1M"')
        (machine.source / "first").write_text("small")
        machine.start()
        machine.is_there(machine.destination / "first")
        (machine.source / "large").write_bytes(os.urandom(64 << 20))
        until(lambda: len(os.listdir(machine.destination)) > 1, "the copy to be begun")
        systemd.systemctl("poweroff", "--no-block")
        until(lambda: not os.path.exists(f"/proc/{systemd.pid}"), "systemd to end")
        assert "Timed out" not in (said := systemd.console.read_text(errors="replace")), said
    assert os.listdir(machine.destination) == ["first"]
    assert (machine.destination / "first").read_text() == "small"
