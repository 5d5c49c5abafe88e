"""A mirror called by its name: source, destinations and options come from its file.

Law: where a command wants SRC and DST, one word in their place is a name, and so is a word that
asks about a mirror. Where SRC alone is wanted, a path that is there comes first. A word with a
slash is never a name.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from mirrorfs.cli import COMMANDS
from mirrorfs.cli.parse import Parsed, parse
from mirrorfs.core.record import record
from mirrorfs.errors import MirrorError, UsageError

if TYPE_CHECKING:
    from mirrorfs.config import Configuration, Directory, Target


@record
class Named:
    """How a mirror was called: `expanded` makes the same of its file as it is by then."""

    command: str
    words: tuple[str, ...]
    parsed: Parsed
    index: int

    @property
    def name(self) -> str:
        return self.parsed.places[self.index]

    @property
    def directory(self) -> "Directory":
        return directory(self.parsed.flags.state.config_dir)

    def expanded(self) -> list[Parsed]:
        """What the command is given, once for each destination. Raises UsageError."""
        configuration = self.directory.load(self.name)
        if len(configuration.targets) > 1:
            if self.command == "mount":
                raise UsageError(
                    f"{self.name} has several destinations, and the view shows one plan",
                    remedy="name one: mirrorfs mount SRC DST MOUNTPOINT",
                )
            if self.command in ("status", "log"):  # all of them at once
                return [self._with([configuration.source], common(configuration))]
        if not _wants_both(self.command) and _wants("SRC", self.command):
            return [self._with([configuration.source], common(configuration))]
        each = [
            self._with(self._places(configuration, target), target.layer())
            for target in configuration.targets
        ]
        if "PLAN" in COMMANDS[self.command].places:  # it is the plan of one of them
            return [one for one in each if _holds(one)] or each[:1]
        return each

    def _with(self, places: list[str], layer: dict[str, list[str]]) -> Parsed:
        parsed = parse(self.command, self.words, os.environ, layer)
        before, after = parsed.places[: self.index], parsed.places[self.index + 1 :]
        return parsed._replace(places=[*before, *places, *after])

    def _places(self, configuration: "Configuration", target: "Target") -> list[str]:
        places = [configuration.source, target.destination]
        if "MIRROR" not in COMMANDS[self.command].places:
            return places
        from mirrorfs.state import State

        # Several sources may share a destination: a mirror that is known has a name of its own.
        given = target.layer().get("state-dir", [""])[-1]
        chosen = State.find(self.parsed.flags.state.state_dir or given).mirror(*places)
        return [os.path.basename(chosen) if os.path.isdir(chosen) else target.destination]


def directory(chosen: str) -> "Directory":
    """Where the files lie; ``chosen`` is --config-dir."""
    from mirrorfs.cli.flags import KEYS, REFUSED
    from mirrorfs.config import Directory

    return Directory.find(chosen, KEYS, REFUSED)


def meant(command: str, parsed: Parsed, words: Sequence[str]) -> Named | None:
    """The mirror that is called by its name, if one is. Raises UsageError."""
    index = _index(command, parsed.places)
    if index is None:
        return None
    word = parsed.places[index]
    if "/" in word or not directory(parsed.flags.state.config_dir).has(word):
        return None
    if _wants("SRC", command) and not _wants_both(command) and os.path.lexists(word):
        return None
    return Named(command, tuple(words), parsed, index)


def unknown(command: str, parsed: Parsed) -> str:
    """What to say of a word that stands where a name could, and is none; "" if there is none."""
    index = _index(command, parsed.places)
    if index is None or not _wants_both(command) or "/" in parsed.places[index]:
        return ""
    import difflib

    known = directory(parsed.flags.state.config_dir)
    file = known.file(parsed.places[index])
    near = difflib.get_close_matches(parsed.places[index], known.names(), 1)
    more = f"; did you mean {near[0]}?" if near else ""
    return f"a mirror that is called by its name has a file, and there is no {file}{more}"


def common(configuration: "Configuration") -> dict[str, list[str]]:
    """What is set alike for all destinations: a watcher that serves them all leaves out nothing
    that one of them takes in."""
    first, *others = [target.layer() for target in configuration.targets]
    return {
        name: texts
        for name, texts in first.items()
        if all(other.get(name) == texts for other in others)
    }


def _index(command: str, places: list[str]) -> int | None:
    """Where a name could stand."""
    wanted = COMMANDS[command].places.split()
    if _wants_both(command):
        return wanted.index("SRC") if len(places) == len(wanted) - 1 else None
    if "[SRC" in wanted:
        return 0 if len(places) == 1 else None
    for place in ("SRC", "MIRROR", "[MIRROR]"):
        if place in wanted and len(places) > wanted.index(place):
            return wanted.index(place)
    return None


def _holds(parsed: Parsed) -> bool:
    """Whether the mirror holds the plan that is named."""
    from mirrorfs.cli.lookup import lookup
    from mirrorfs.hold import HoldFile
    from mirrorfs.state import State

    word, plan = parsed.places
    held = None
    with suppress(MirrorError):
        held = HoldFile(lookup(State.find(parsed.flags.state.state_dir), word, plan)).load()
    return held is not None and held.id == plan


def _wants(place: str, command: str) -> bool:
    return place in COMMANDS[command].places.split()


def _wants_both(command: str) -> bool:
    return {"SRC", "DST"} <= set(COMMANDS[command].places.split())
