"""Every option there is. Parser, environment, help, docs/flags.md and completion come from here.

The rooms: `kinds` (how a flag is declared), one table per subject, `refused` (rclone's flags that
are not taken, and why).
"""

from typing import Any, NamedTuple

from .copying import Copying, Deleting, Important
from .filters import Filtering, Linking
from .kinds import EVERYWHERE, MIRRORS, TREES, Flag, Group, Verdict, declared, name_of
from .limits import Limiting, State, Watching
from .logs import Checking, Deduplicating, Listing, Logging, Reporting
from .looking import Looking
from .making import Making
from .pausing import Pausing
from .refused import NOT_YET, REFUSED
from .serving import SERVICES, Serving
from .viewing import VIEWERS, Viewing

__all__ = [
    "ALL",
    "KEYS",
    "NOT_YET",
    "REFUSED",
    "Flag",
    "Flags",
    "Verdict",
    "assemble",
    "not_yet",
    "of_command",
]

REPORTS = frozenset({"sync", "copy", "check", "run"})


class Flags(NamedTuple):
    """All flags' values, by group. ``given`` names those that were set on the command line, in the
    environment or in the configuration."""

    important: Important
    copying: Copying
    deleting: Deleting
    filtering: Filtering
    linking: Linking
    limiting: Limiting
    watching: Watching
    logging: Logging
    reporting: Reporting
    listing: Listing
    checking: Checking
    deduplicating: Deduplicating
    viewing: Viewing
    looking: Looking
    pausing: Pausing
    serving: Serving
    state: State
    making: Making
    given: frozenset[str]


_GROUPS: tuple[tuple[str, type[Group], str, frozenset[str]], ...] = (
    ("important", Important, "Important", TREES),
    ("copying", Copying, "Copying", TREES),
    ("deleting", Deleting, "Deleting", TREES),
    ("filtering", Filtering, "Filter", TREES | {"watch", "doctor"}),
    ("linking", Linking, "Links and special files", TREES),
    ("limiting", Limiting, "Limits", TREES),
    ("watching", Watching, "Watching", frozenset({"run", "watch", "doctor"})),
    ("logging", Logging, "Logging", EVERYWHERE),
    ("reporting", Reporting, "Reports", REPORTS),
    ("listing", Listing, "Listing of the destination", MIRRORS - {"plan", "mount"}),
    ("checking", Checking, "Check", frozenset({"check"})),
    ("deduplicating", Deduplicating, "Dedupe", frozenset({"dedupe"})),
    ("viewing", Viewing, "View", VIEWERS),
    ("looking", Looking, "Status and history", frozenset()),
    ("pausing", Pausing, "Pause", frozenset({"pause"})),
    ("serving", Serving, "Service", SERVICES),
    ("state", State, "State", MIRRORS),
    ("making", Making, "Making a file", frozenset({"init"})),
)

ALL: dict[str, Flag] = {
    flag.name: flag
    for _, group, title, commands in _GROUPS
    for flag in declared(group, title, commands)
}


# What may stand in the file of a mirror: all but what is about one call.
KEYS: dict[str, Flag] = {
    name: flag
    for name, flag in ALL.items()
    if name not in ("help", "version", "config-dir") and flag.commands & (TREES | {"watch"})
}


def of_command(command: str) -> dict[str, Flag]:
    """The flags a command takes, by name."""
    if command == "init":  # it writes down what it is given
        return KEYS | {name: flag for name, flag in ALL.items() if "init" in flag.commands}
    return {name: flag for name, flag in ALL.items() if command in flag.commands}


def not_yet(flags: Flags) -> list[str]:
    """The names of flags that were set to something nothing acts on yet."""
    return sorted(
        name
        for attribute, group, _, _ in _GROUPS
        for field, declaration in group.declarations.items()
        if (name := name_of(field)) in NOT_YET
        and getattr(getattr(flags, attribute), field) != declaration.default
    )


def assemble(values: dict[str, Any]) -> Flags:
    """The typed settings from parsed values by flag name; what is missing has its default."""
    groups: dict[str, Any] = {
        attribute: group(
            **{
                field: values[name]
                for field in group.declarations
                if (name := name_of(field)) in values
            }
        )
        for attribute, group, _, _ in _GROUPS
    }
    return Flags(**groups, given=frozenset(values))
