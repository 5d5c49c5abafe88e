"""A mirror as a service of a real systemd: an instance of the units that are shipped.

Law: it is called as a user would call it, and judged by the walker and by what systemd says.
"""

import re
from pathlib import Path

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
        shipped = (ROOT / "systemd/system/mirrorfs@.service").read_text()
        assert "/usr/bin/mirrorfs" in shipped
        systemd.unit("mirrorfs@.service", shipped.replace("/usr/bin/mirrorfs", program()))
        systemd.write(
            "/etc/mirrorfs/it.env",
            f"SRC={self.source}\nDST={self.destination}\nPYTHONPATH={ROOT}\n"
            f"PYTHONDONTWRITEBYTECODE=1\nMIRRORFS_STATE_DIR={self.state}\n",
        )

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


def answered(mirror: str) -> bool:
    try:
        answer = ask(mirror, "wait", within=DEADLINE)
    except NotRunning:
        return False
    assert answer["complete"], answer
    return True
