"""Have systemd run the mirror NAME, the name of its configuration.

`enable` does all that is needed: it puts the units in place, and has the mirror run now and from
the next boot on. After an upgrade it brings the units up to date and restarts the mirror, which
misses nothing. `disable` ends that; `remove` takes the units away, too, once no other mirror needs
them. `install` only puts the units in place. `status` says how the service is; how the mirror is,
says `mirrorfs status`.

Each thing that is done is shown, and nothing is done twice; with --dry-run it is only shown. As
root this is about the system's services (/etc/systemd/system, /etc/mirrorfs/NAME.toml), with --user
about your own (~/.config/systemd/user, ~/.config/mirrorfs/NAME.toml).
"""

import getpass
import json
import pwd

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.naming import directory
from mirrorfs.cli.voice import print_out
from mirrorfs.config.directory import MACHINE
from mirrorfs.errors import ExitCode, UsageError
from mirrorfs.install import Command, Instance, Manager, Step, carry_out, foreign_owner
from mirrorfs.output.escape import printable

VERBS = ("install", "enable", "disable", "remove", "status")


def run(call: Call) -> int:
    verb, name = call.places
    if verb not in VERBS:
        raise UsageError(f"service does not know {verb!r}", remedy=f"use {', '.join(VERBS)}")
    flags = call.flags.serving
    if flags.linger and not (flags.user and verb == "enable"):
        raise UsageError("--linger goes with `service enable NAME --user`", remedy="leave it out")
    dry = call.flags.important.dry_run
    manager = Manager(user=flags.user)
    manager.require(changing=verb != "status" and not dry)
    instance = Instance(name, manager)
    if verb == "status":
        return _status(call, instance)
    if verb in ("install", "enable"):
        _known(call, name)
    done = carry_out(_steps(call, verb, instance), lambda line: _say(call, line), dry=dry)
    if not done:
        _say(call, f"nothing to do: {instance.unit} is {_STATES[verb]}")
    _hint(call, verb, instance)
    return ExitCode.OK


_STATES = {
    "install": "installed",
    "enable": "enabled, and runs",
    "disable": "not enabled, and does not run",
    "remove": "not there",
}


def _steps(call: Call, verb: str, instance: Instance) -> list[Step]:
    wanted = {
        "install": instance.install,
        "enable": instance.enable,
        "disable": instance.disable,
        "remove": instance.remove,
    }
    steps = wanted[verb]()
    if call.flags.serving.linger and not instance.manager.lingers():
        who = getpass.getuser()
        steps.append(Command(["loginctl", "enable-linger"], f"`sudo loginctl enable-linger {who}`"))
    return steps


def _known(call: Call, name: str) -> None:
    """Raises UsageError unless there is a configuration of that name that can be used."""
    place = directory("" if call.flags.serving.user else MACHINE)
    if call.flags.state.config_dir and directory(call.flags.state.config_dir).path != place.path:
        raise UsageError(
            f"a service has its configuration in {place.path}",
            remedy="leave out --config-dir, and have the file there",
        )
    place.load(name)


def _hint(call: Call, verb: str, instance: Instance) -> None:
    """What somebody would want to know next."""
    manager = instance.manager
    if verb in ("install", "enable") and not manager.user:
        owner = foreign_owner()
        if owner is not None:
            who = pwd.getpwuid(owner).pw_name
            call.log.notice(f"{who} owns the program that is run as root, and could change it")
    if verb == "enable" and manager.user and not (call.flags.serving.linger or manager.lingers()):
        call.log.notice(
            "it runs while you are logged in; `loginctl enable-linger` (or --linger) lets it run "
            "from boot on"
        )
    if verb == "install":
        user = " --user" if manager.user else ""
        call.log.notice(f"`mirrorfs service enable NAME{user}` has it run")


def _status(call: Call, instance: Instance) -> int:
    """How the service is; 0 when it runs, 1 when it does not."""
    manager = instance.manager
    names = ("LoadState", "UnitFileState", "ActiveState", "SubState", "StatusText", "NRestarts")
    shown = manager.show(instance.unit, *names, "Result", "FragmentPath", "DropInPaths", "MainPID")
    stale = [file.path for file in instance.files if not file.is_current]
    if call.flags.logging.json:
        said = {"unit": instance.unit, "stale": stale, **shown}
        print_out(json.dumps(said) + "\n")
    else:
        enabled = shown.get("UnitFileState") or "not installed"
        state = f"{shown.get('ActiveState')} ({shown.get('SubState')})"
        if shown.get("Result", "success") != "success":
            state += f", because of {shown['Result']}"
        print_out(f"{instance.unit}\n")
        lines = {
            "unit": shown.get("FragmentPath", ""),
            "drop-ins": shown.get("DropInPaths", ""),
            "enabled": enabled,
            "state": state,
            "says": shown.get("StatusText", ""),
            "restarts": shown.get("NRestarts", ""),
        }
        if manager.user:
            lines["linger"] = "yes" if manager.lingers() else "no: it ends when you log out"
        lines["stale"] = ", ".join(stale) + "; `service enable` renews it" if stale else ""
        for what, value in lines.items():
            if value:
                print_out(f"  {what:<10} {printable(value)}\n")
    return ExitCode.OK if shown.get("ActiveState") == "active" else ExitCode.UNCATEGORISED


def _say(call: Call, line: str) -> None:
    print_out(("would " if call.flags.important.dry_run else "") + f"{printable(line)}\n")
