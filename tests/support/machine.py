"""A mirror as a service of a real systemd: an instance of the units that are shipped.

Law: it is called as a user would call it, and judged by the walker and by what systemd says.
"""

import re
from pathlib import Path
from typing import Any

from support.process import DEADLINE, until
from support.systemd import ROOT, Systemd, program
from support.walker import differences

from mirrorfs.service.client import NotRunning, ask
from mirrorfs.state import State

UNIT = "mirrorfs@it.service"
AT_ONCE = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestartSec=0\nRestart=always\n"


class Machine:
    """A mirror as an instance of the unit that is shipped."""

    def __init__(self, systemd: Systemd, base: Path) -> None:
        self.systemd = systemd
        self.source, self.destination = base / "source", base / "destination"
        self.state = base / "state"
        for place in (self.source, self.destination, self.state):
            place.mkdir()
        self.configure()
        self.use(ROOT)
        systemd.unit("mirrorfs@.service", shipped("system/mirrorfs@.service"))

    def configure(self, *lines: str, destination: str = "") -> None:
        """Its configuration, with more lines of TOML."""
        place = destination or self.destination
        places = f'source = "{self.source}"\ndestination = "{place}"\n'
        self.systemd.write("/etc/mirrorfs/it.toml", places + "\n".join(lines) + "\n")

    def use(self, sources: Path) -> None:
        """Which mirrorfs it is."""
        environment = f"PYTHONPATH={sources} {compiled(self.systemd)}"
        state = f"MIRRORFS_STATE_DIR={self.state}"
        for kind in ("mirrorfs", "mirrorfs-view", "mirrorfs-audit"):
            self.systemd.write(
                f"/etc/systemd/system/{kind}@it.service.d/environment.conf",
                f"[Service]\nEnvironment={environment} {state}\n",
            )

    def install_all(self) -> None:
        """The other units, too."""
        for unit in (ROOT / "systemd/system").iterdir():
            self.systemd.write(f"/etc/systemd/system/{unit.name}", shipped(f"system/{unit.name}"))
        self.systemd.systemctl("daemon-reload")

    def mount_unit(self, point: Path, *, kind: str, what: str | Path = "none") -> str:
        """The name of a unit that mounts something there."""
        name = self.systemd.run("systemd-escape", "-p", "--suffix=mount", point).stdout.strip()
        self.systemd.unit(name, f"[Mount]\nWhat={what}\nWhere={point}\nType={kind}\n")
        return name

    def status(self) -> dict[str, Any]:
        """What it says of itself."""
        return ask(self.mirror, "status", within=DEADLINE)

    def at_once(self) -> None:
        """Started again without a pause, however often it ends."""
        self.systemd.unit(f"{UNIT}.d/at-once.conf", AT_ONCE)

    def start(self) -> None:
        self.systemd.systemctl("start", UNIT)

    def restart(self) -> None:
        self.systemd.systemctl("restart", UNIT)

    def kill(self) -> None:
        """SIGKILL, and no more; it may just be starting, and have no process."""
        pid = self.systemd.main_pid(UNIT)
        if pid:
            self.systemd.run("kill", "-KILL", str(pid), code=None)

    def everything_is_there(self) -> None:
        """Once a barrier was passed, which a starting process may not be there to hear."""
        until(lambda: answered(self.mirror), "a barrier to be passed")
        assert differences(self.source, self.destination) == []

    def is_there(self, path: Path) -> None:
        """Wait for something inside that this machine need not see."""
        self.systemd.run_until("test", "-e", path)

    def is_fed_after(self, before: str) -> str:
        """Wait until the watchdog was fed since; when that was."""

        def since() -> str:
            now = self.systemd.show(UNIT, "WatchdogTimestampMonotonic")
            return now if now != before else ""

        return until(since, "the watchdog to be fed")

    @property
    def mirror(self) -> str:
        """Its state directory."""
        return State(str(self.state)).mirror(str(self.source), str(self.destination))

    def comparisons(self) -> list[str]:
        """Why everything was compared, each time."""
        log = self.systemd.log(UNIT)
        return re.findall(r"comparing everything: (.*)", log)


def compiled(systemd: Systemd) -> str:
    """A variable: where Python keeps what it has compiled, which is half of the time of a start."""
    return f"PYTHONPYCACHEPREFIX={systemd.shared[-1]}/compiled"


def shipped(name: str) -> str:
    """A unit, to call the mirrorfs of the tests."""
    text = (ROOT / "systemd" / name).read_text()
    return text.replace("/usr/bin/mirrorfs", program())


def answered(mirror: str) -> bool:
    try:
        answer = ask(mirror, "wait", within=DEADLINE)
    except NotRunning:
        return False
    assert answer["complete"], answer
    return True
