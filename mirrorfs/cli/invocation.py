"""One call of a command: find it, parse, check the number of arguments, run it, report its error.

Law: a command's module has ``run(call: Call) -> int`` and raises MirrorError for what ends it. A
mirror with several destinations is a call for each, one after the other, and the worst exit code;
a module that has ``several(calls: list[Call]) -> int`` is given all of them.
"""

import gc
import importlib
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mirrorfs import __version__
from mirrorfs.cli import COMMANDS
from mirrorfs.core.record import field, record
from mirrorfs.errors import SEVERITY, DirectoryMissing, ExitCode, MirrorError, UsageError

if TYPE_CHECKING:
    from mirrorfs.cli.flags import Flags
    from mirrorfs.cli.naming import Named
    from mirrorfs.output.log import Log

# Entries and plans are plain data without cycles, by the hundred thousand: to look at all of them
# again and again for garbage took a third of the time of a large plan.
RARELY = (50_000, 20, 100)


@record
class Call:
    """What a command is given; ``words`` say all that the flags do. ``named``: the mirror was
    called by its name."""

    command: str
    places: list[str]
    flags: "Flags"
    log: "Log"
    words: tuple[str, ...] = ()
    named: "Named | None" = None
    typed: Mapping[str, list[str]] = field(default_factory=dict)


def invoke(words: list[str]) -> int:
    """Run the command that the words name; its exit code."""
    name = ""
    gc.set_threshold(*RARELY)
    try:
        name, rest = find(words)
        return _invoke(name, rest)
    except MirrorError as error:
        from mirrorfs.output.log import Log

        report(error, name, Log())
        return error.exit_code


def find(words: list[str]) -> tuple[str, list[str]]:
    """The command and the words without it; flags may come first. Raises UsageError."""
    from mirrorfs.cli.flags import ALL

    takes_value = {flag.name for flag in ALL.values() if not flag.bare}
    takes_value |= {flag.short for flag in ALL.values() if flag.short and not flag.bare}
    takes_value -= {flag.short for flag in ALL.values() if flag.bare}  # -n of most, and of log
    skip = False
    for index, word in enumerate(words):
        if skip:
            skip = False
        elif not word.startswith("-"):
            if word not in COMMANDS:
                raise _unknown(word)
            return word, words[:index] + words[index + 1 :]
        else:
            skip = word.removeprefix("--") in takes_value
    raise UsageError("no command was given", remedy="see `mirrorfs --help`")


def _unknown(word: str) -> UsageError:
    import difflib

    near = difflib.get_close_matches(word, COMMANDS, 1)
    remedy = f"did you mean {near[0]}?" if near else "see `mirrorfs --help`"
    return UsageError(f"unknown command {word!r}", remedy=remedy)


def _invoke(name: str, words: list[str]) -> int:
    from mirrorfs.cli.parse import parse

    parsed = parse(name, words, os.environ)
    if parsed.flags.logging.help:
        from mirrorfs.cli.helping import command_help

        print(command_help(name), end="")
        return 0
    if parsed.flags.logging.version:
        print(f"mirrorfs {__version__}")
        return 0
    from mirrorfs.cli.logs import open_log
    from mirrorfs.cli.naming import meant, unknown

    named = meant(name, parsed, words)
    prepared = [parsed] if named is None else named.expanded()
    log = open_log(prepared[0].flags.logging)
    for warning in prepared[0].warnings:
        log.notice(warning)
    try:
        if named is None:
            _count(name, parsed.places, unknown(name, parsed))
        module = importlib.import_module(f"mirrorfs.cli.{COMMANDS[name].module}")
        calls = [
            Call(name, one.places, one.flags, log, one.words, named, one.typed) for one in prepared
        ]
        if len(calls) == 1 or hasattr(module, "several"):
            code: int = module.run(calls[0]) if len(calls) == 1 else module.several(calls)
            return code
        return max((_ended(module.run, call, log) for call in calls), key=SEVERITY.index)
    except MirrorError as error:
        report(error, name, log)
        return error.exit_code
    finally:
        log.close()


def _ended(run: Callable[[Call], int], call: Call, log: "Log") -> ExitCode:
    """The exit code; of several destinations one that fails does not keep the next from its
    turn."""
    try:
        return ExitCode(run(call))
    except MirrorError as error:
        report(error, call.command, log)
        return error.exit_code


def _count(name: str, places: list[str], more: str) -> None:
    """Raises UsageError unless the number of arguments is right; ``more`` is said besides."""
    wanted = COMMANDS[name].places.split()
    least = sum(1 for word in wanted if not word.startswith("["))
    if least <= len(places) and (len(places) <= len(wanted) or wanted[-1].endswith("...]")):
        return
    few = "exactly" if len(wanted) == least else "at least" if len(places) < least else "at most"
    number = least if len(places) < least else len(wanted)
    given = " ".join(repr(place) for place in places) or "none"
    raise UsageError(
        f"{name} takes {few} {number} argument{'s' * (number != 1)}, not {len(places)} ({given})",
        remedy=f"usage: mirrorfs {name} {COMMANDS[name].places} [FLAGS]" + f"; {more}" * bool(more),
    )


def report(error: MirrorError, name: str, log: "Log") -> None:
    """One line: what could not be done, why, and what helps."""
    from mirrorfs.output.escape import printable

    what = f"Failed to {name}: " if name and not isinstance(error, UsageError) else ""
    if isinstance(error, DirectoryMissing) and name != "journal":
        what += "directory not found: "  # rclone's words, which scripts look for
    remedy = f" ({printable(error.remedy)})" if error.remedy else ""
    log.error(f"{what}{printable(str(error))}{remedy}")
    sys.stdout.flush()
