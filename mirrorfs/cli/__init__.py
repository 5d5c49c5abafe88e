"""The command line: a table of commands, each a module that is imported when it is called.

Law: help and version import nothing heavy; whatever ends a command ends here, as one line that says
what to do about it and as one of rclone's exit codes.
"""

import sys

from mirrorfs import __version__


class Command:
    """``module`` below this package has ``run(call) -> int`` and, as its docstring, the help.
    ``places`` are the arguments; those in brackets may be left out."""

    # No NamedTuple: importing typing takes a third of the time that --help takes.
    def __init__(self, module: str, places: str, summary: str) -> None:
        self.module = module
        self.places = places
        self.summary = summary


COMMANDS: dict[str, Command] = {
    "run": Command("run", "SRC DST", "mirror SRC to DST, and keep it true until stopped"),
    "sync": Command("sync", "SRC DST", "make DST identical to SRC, once"),
    "copy": Command("copy", "SRC DST", "copy what is new or differs, delete nothing"),
    "plan": Command("plan", "SRC DST", "show what sync would do, and why"),
    "check": Command("check", "SRC DST", "compare the contents of SRC and DST"),
    "mount": Command("mount", "SRC DST MOUNTPOINT", "show the pending plan as a file system"),
    "watch": Command("watch", "SRC", "journal what changes in SRC"),
    "journal": Command("journal", "show|verify|path SRC", "look at the journal of SRC"),
    "audit": Command("audit", "SRC DST", "compare everything beside the mirror that runs"),
    "doctor": Command("doctor", "SRC", "say how well changes in SRC can be noticed"),
    "status": Command("status", "[SRC [DST]]", "show what mirrors there are and how they are"),
    "log": Command("log", "[MIRROR] [PATH]", "show what was mirrored, and when"),
    "service": Command(
        "service", "install|enable|disable|remove|status NAME", "have systemd run the mirror NAME"
    ),
    "held": Command("held", "MIRROR", "show the plan that is held, and what it would do"),
    "approve": Command("approve", "MIRROR PLAN", "carry out exactly the plan that is held"),
    "discard": Command("discard", "MIRROR PLAN", "give up the plan that is held"),
    "pause": Command("pause", "[MIRROR]", "write nothing to a destination for a while"),
    "resume": Command("resume", "[MIRROR]", "go on after a pause"),
    "sync-now": Command("sync_now", "[MIRROR]", "look at everything at once, also at what is owed"),
    "explain": Command("explain", "PATH", "say which filter rule decides about PATH"),
    "dedupe": Command("dedupe", "PATH", "find duplicate names (a local tree has none)"),
    "move": Command("move", "SRC DST", "refused: mirrorfs never writes a source"),
    "init": Command("init", "[NAME]", "ask a few questions and write a mirror's file"),
    "config": Command("config", "check|show|list [NAME...]", "look at the files of mirrors"),
    "completion": Command("completion", "bash|zsh|fish", "print a completion script"),
    "help": Command("help", "[flags|COMMAND]", "explain flags or a command"),
    "version": Command("version", "", "print the version"),
}

TOP = """\
mirrorfs: a one-way continuous mirror for Linux

Usage: mirrorfs COMMAND [ARGUMENTS] [FLAGS]

Commands:
{commands}

`mirrorfs COMMAND --help` explains a command, `mirrorfs help flags` all flags.
"""


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit code. Errors have been reported when it returns."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _dispatch(words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Nobody reads any more. Python would complain once more when it closes the stream.
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except KeyboardInterrupt:
        return 130
    except SystemExit as end:
        return int(end.code or 0)


def top() -> str:
    """What `mirrorfs --help` prints."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return TOP.format(commands="\n".join(lines))


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help") or words == ["help"]:
        print(top(), end="", file=sys.stdout if words else sys.stderr)
        return 0 if words else 2
    if words[0] in ("-V", "--version", "version") and len(words) == 1:
        print(f"mirrorfs {__version__}")
        return 0
    from mirrorfs.cli.invocation import invoke

    return invoke(words)
