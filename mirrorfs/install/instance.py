"""One mirror as a service: what has to be done so that it is there, runs, or is gone.

Law: what is asked for is a state, not an action; what holds already is not done again.
"""

import glob
import os
import re

from mirrorfs.errors import UsageError
from mirrorfs.install import units
from mirrorfs.install.manager import Manager
from mirrorfs.install.program import program, quoted
from mirrorfs.install.steps import Command, Remove, Step, Write

# What stands in the name of a unit as it is; the rest would be escaped, and %i not be the name.
_PLAIN = re.compile(r"[A-Za-z0-9:_.@-]+")


class Instance:
    """The mirror called ``name``. Raises UsageError for a name that no unit can have."""

    def __init__(self, name: str, manager: Manager) -> None:
        if not _PLAIN.fullmatch(name):
            raise UsageError(
                f"{name} cannot be the name of a service",
                remedy="letters (a to z), digits and : _ . @ - can: rename its configuration",
            )
        self.manager = manager
        self.unit = f"mirrorfs@{name}.service"
        self.all = (self.unit, f"mirrorfs-view@{name}.service", f"mirrorfs-audit@{name}.timer")
        self.files = units.files(quoted(program()), user=manager.user)

    def install(self) -> list[Step]:
        """The units are there, as this version ships them."""
        stale = [file for file in self.files if not file.is_current]
        steps: list[Step] = [
            Write(file.path, file.text, replaces=file.present is not None) for file in stale
        ]
        if any(file.path.endswith((".service", ".timer")) for file in stale):
            steps.append(Command(self.manager.command("daemon-reload")))
        for file in stale:
            if "/sysusers.d/" in file.path:
                steps.append(Command(["systemd-sysusers", file.path]))
            if "/tmpfiles.d/" in file.path:
                steps.append(Command(["systemd-tmpfiles", "--create", file.path]))
        return steps

    def enable(self) -> list[Step]:
        """It runs, now and from the next start on, by the units of this version."""
        steps = self.install()
        state = self.manager.show(self.unit, "UnitFileState", "ActiveState")
        if state.get("UnitFileState") != "enabled":
            steps.append(Command(self.manager.command("enable", self.unit)))
        runs = state.get("ActiveState") in ("active", "reloading", "activating")
        stale = any(isinstance(step, Write) and "/mirrorfs@." in step.path for step in steps)
        if not runs or stale:
            verb = "restart" if runs else "start"
            log = "journalctl" + " --user" * self.manager.user
            steps.append(
                Command(
                    self.manager.command(verb, self.unit), f"`{log} -u {self.unit} -n 20` says why"
                )
            )
        return steps

    def disable(self) -> list[Step]:
        """It does not run, nor does what stands beside it; the units stay."""
        steps: list[Step] = []
        for unit in self.all:
            state = self.manager.show(unit, "UnitFileState", "ActiveState")
            if state.get("UnitFileState") == "enabled":
                steps.append(Command(self.manager.command("disable", unit)))
            if state.get("ActiveState") not in (None, "", "inactive", "failed"):
                steps.append(Command(self.manager.command("stop", unit)))
            if state.get("ActiveState") == "failed":
                steps.append(Command(self.manager.command("reset-failed", unit)))
        return steps

    def remove(self) -> list[Step]:
        """It does not run, and when no other mirror does, the units are gone, too."""
        steps = self.disable()
        if self.others():
            return steps
        there = [file for file in self.files if file.present is not None]
        steps += [Remove(file.path) for file in there]
        if there:
            steps.append(Command(self.manager.command("daemon-reload")))
        return steps

    def others(self) -> set[str]:
        """The units of other mirrors that are enabled, or run."""
        (place,) = {
            os.path.dirname(file.path) for file in self.files if file.path.endswith(".service")
        }
        enabled = glob.glob(os.path.join(glob.escape(place), "*.*", "mirrorfs*@*.*"))
        listed = self.manager.ask("list-units", "--plain", "--no-legend", "mirrorfs*@*")
        found = {os.path.basename(link) for link in enabled if os.path.islink(link)}
        found |= {line.split()[0] for line in listed.splitlines() if line.strip()}
        return found - {*self.all, self.unit.replace("mirrorfs@", "mirrorfs-audit@")}
