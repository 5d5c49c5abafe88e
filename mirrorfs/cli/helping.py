"""Help texts, made from the table of flags, the commands' docstrings and the exit codes."""

import ast
import importlib.util
from collections.abc import Iterable

from mirrorfs.cli import COMMANDS
from mirrorfs.cli.flags import ALL, Flag, Verdict, of_command
from mirrorfs.errors import ExitCode

WIDTH = 100
COLUMN = 34

MEANINGS = {
    ExitCode.OK: "done",
    ExitCode.UNCATEGORISED: "something failed, see the log; check: there are differences",
    ExitCode.USAGE: "the command line is wrong",
    ExitCode.DIRECTORY_NOT_FOUND: "the source directory is not there",
    ExitCode.FILE_NOT_FOUND: "a file is not there",
    ExitCode.TEMPORARY: "failed; trying again later may help",
    ExitCode.NO_RETRY: "failed; trying again does not help before something is changed",
    ExitCode.FATAL: "going on would do harm: trees overlap, a guard refused the plan",
    ExitCode.TRANSFER_LIMIT: "--max-transfer was reached",
    ExitCode.NOTHING_TRANSFERRED: "nothing was transferred (--error-on-no-transfer)",
    ExitCode.DURATION_LIMIT: "--max-duration was reached",
}


def command_help(name: str) -> str:
    """What `mirrorfs NAME --help` prints."""
    command = COMMANDS[name]
    usage = f"Usage: mirrorfs {name} {command.places}".rstrip() + " [FLAGS]"
    flags = [flag for flag in of_command(name).values() if flag.verdict is not Verdict.IGNORED]
    parts = [description(name), usage, *groups(flags), exit_status()]
    return "\n\n".join(parts) + "\n"


def description(name: str) -> str:
    """The docstring of a command's module, which is not imported for it."""
    found = importlib.util.find_spec(f"mirrorfs.cli.{COMMANDS[name].module}")
    if found is None or found.origin is None:
        return COMMANDS[name].summary
    with open(found.origin, encoding="utf-8") as source:
        return ast.get_docstring(ast.parse(source.read())) or COMMANDS[name].summary


def all_flags() -> str:
    """What `mirrorfs help flags` prints."""
    parts = ["Every flag can be set by the environment, too: --dry-run is MIRRORFS_DRY_RUN=true."]
    return "\n\n".join([*parts, *groups(ALL.values())]) + "\n"


def groups(flags: Iterable[Flag]) -> list[str]:
    """One paragraph per group."""
    by_group: dict[str, list[str]] = {}
    for flag in flags:
        by_group.setdefault(flag.group, []).append(_line(flag))
    return [f"{title}:\n" + "\n".join(lines) for title, lines in by_group.items()]


def _line(flag: Flag) -> str:
    head = "  " + spelled(flag)
    default = f" (default {flag.shown})" if flag.shown and flag.shown != "off" else ""
    note = " [no effect]" if flag.verdict is Verdict.IGNORED else ""
    text = flag.help + default + note
    lines = _wrap(text, WIDTH - COLUMN)
    if len(head) >= COLUMN:
        lines.insert(0, "")
    first, *rest = lines
    return "\n".join([f"{head:<{COLUMN}}{first}".rstrip(), *(" " * COLUMN + more for more in rest)])


def spelled(flag: Flag) -> str:
    """`-n, --dry-run` or `    --max-size SIZE`."""
    short = f"{flag.short}, " if flag.short else "    "
    return f"{short}--{flag.name}{flag.takes}"


def _wrap(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def exit_status() -> str:
    return "EXIT STATUS\n" + "\n".join(f"  {code:>3}  {meaning}" for code, meaning in endings())


def endings() -> list[tuple[int, str]]:
    """Each exit code there is, with what it means."""
    known = [(code.value, MEANINGS[code]) for code in ExitCode]
    return [*known, (130, "interrupted (Ctrl-C)"), (143, "terminated (SIGTERM)")]
