"""The files that are shipped, and where they belong.

Law: there is one text of each, in systemd/; a wheel carries it inside the package. Only the command
behind ExecStart= is put in. What a distribution's package has put into /usr/lib is left to it.
"""

import os
from typing import NamedTuple

import mirrorfs
from mirrorfs.errors import PermanentError

SHIPPED_PROGRAM = "/usr/bin/mirrorfs"
SYSTEM = {
    "system": "/etc/systemd/system",
    "sysctl.d": "/etc/sysctl.d",
    "sysusers.d": "/etc/sysusers.d",
    "tmpfiles.d": "/etc/tmpfiles.d",
}


class File(NamedTuple):
    """``path`` is where ``text`` belongs."""

    path: str
    text: str

    @property
    def present(self) -> str | None:
        """What is there; ``None`` for nothing."""
        return _read(self.path)

    @property
    def is_current(self) -> bool:
        """Whether the text is there, or where a package has put it."""
        there = self.present
        if there is None and self.path.startswith("/etc/"):
            there = _read("/usr/lib/" + self.path.removeprefix("/etc/"))
        return there == self.text


def files(program: str, *, user: bool) -> list[File]:
    """All of them; ``program`` is quoted for a unit. Raises PermanentError."""
    above = _shipped()
    found = []
    for kind, place in ({"user": user_units()} if user else SYSTEM).items():
        for name in sorted(os.listdir(os.path.join(above, kind))):
            with open(os.path.join(above, kind, name), encoding="utf-8") as file:
                text = file.read()
            text = text.replace(f"ExecStart={SHIPPED_PROGRAM} ", f"ExecStart={program} ")
            found.append(File(os.path.join(place, name), text))
    return found


def user_units() -> str:
    """Where a user's units are."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.path.join(base, "systemd", "user")


def _shipped() -> str:
    package = os.path.dirname(os.path.abspath(mirrorfs.__file__))
    for above in (package, os.path.dirname(package)):  # a wheel, a checkout
        place = os.path.join(above, "systemd")
        if os.path.isdir(os.path.join(place, "system")):
            return place
    raise PermanentError("the units are not here", remedy="install mirrorfs anew")


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None
