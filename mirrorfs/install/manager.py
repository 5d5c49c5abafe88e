"""The service manager: the system's, or a user's.

Law: it is asked through systemctl alone, which says itself what is wrong.
"""

import os
import subprocess

from mirrorfs.errors import PermanentError


class Manager:
    """``user``: the one of the user who asks."""

    def __init__(self, *, user: bool) -> None:
        self.user = user
        self._scope = ["--user"] if user else []

    def require(self, *, changing: bool) -> None:
        """Raises PermanentError unless it is there, and may be told to change things."""
        if not os.path.isdir("/run/systemd/system"):
            raise PermanentError(
                "systemd does not run here",
                remedy="have `mirrorfs run` started by what this machine has instead",
            )
        if self.user and not os.geteuid():
            raise PermanentError(
                "root's mirrors are the system's",
                remedy="leave out --user, or call this as the user whose mirror it is",
            )
        if not self.user and changing and os.geteuid():
            raise PermanentError(
                "only root may change the system's services",
                remedy="use sudo, or --user for a mirror of your own that runs while you are "
                "logged in",
            )
        if self.user and not self.ask("show", "-P", "Version"):
            raise PermanentError(
                "your service manager does not answer",
                remedy="log in as yourself (not through su or sudo), or have root call "
                "`loginctl enable-linger` for you and set XDG_RUNTIME_DIR=/run/user/"
                f"{os.geteuid()}",
            )

    def command(self, *words: str) -> list[str]:
        """What has it do something."""
        return ["systemctl", *self._scope, *words]

    def ask(self, *words: str) -> str:
        """What it answers; "" when it cannot."""
        try:
            done = subprocess.run(
                self.command(*words),
                capture_output=True,
                text=True,
                check=False,
                env=_environment(),
            )
        except OSError:
            return ""
        return done.stdout.strip()

    def show(self, unit: str, *names: str) -> dict[str, str]:
        """Properties of a unit."""
        said = self.ask("show", *(f"-p{name}" for name in names), unit)
        return {
            name: value for name, _, value in (line.partition("=") for line in said.splitlines())
        }

    def lingers(self) -> bool:
        """Whether a user's services run while he is not logged in."""
        asked = ["loginctl", "show-user", str(os.geteuid()), "-P", "Linger"]
        try:
            done = subprocess.run(asked, capture_output=True, text=True, check=False)
        except OSError:
            return False
        return done.stdout.strip() == "yes"


def _environment() -> dict[str, str]:
    """So that a user's manager is found where no session says where it is."""
    return {"XDG_RUNTIME_DIR": f"/run/user/{os.geteuid()}", **os.environ}
