"""The manual pages, from the table of flags, the commands' docstrings and the exit codes.

Law: what `--help` says and what `man` says is one text. `mirrorfs.1` is the way in, each command
has a page of its own, `mirrorfs.toml.5` lists the keys of a configuration. They are made when a
wheel is built (.ci/made.py) and are nowhere kept.
"""

import re
from collections.abc import Iterable, Iterator

from mirrorfs import __version__
from mirrorfs.cli import COMMANDS
from mirrorfs.cli.flags import KEYS, Flag, Verdict, of_command
from mirrorfs.cli.helping import description, endings
from mirrorfs.config.keys import accepted

OVERVIEW = """\
mirrorfs keeps a destination folder identical to a source folder, continuously and one way. A
watcher records what changes in an append-only journal; a syncer replays the journal on the
destination, and compares the full trees where the journal cannot vouch for what happened. Nothing
but the destination is written.

`mirrorfs run SRC DST` does all of it until it is stopped; `mirrorfs sync SRC DST` does what
`rclone sync` does, once, with the same flags, filters and exit codes.
"""

ENVIRONMENT = {
    "MIRRORFS_*": "Every flag can be set by a variable: `--max-delete 5` is MIRRORFS_MAX_DELETE=5. "
    "The command line wins.",
    "STATE_DIRECTORY": "Where state lives, unless `--state-dir` says otherwise; set by systemd.",
    "XDG_STATE_HOME": "Else state lives in mirrorfs/ below this (~/.local/state; /var/lib for "
    "root).",
}

CONFIGURATION = """\
A mirror has a name, and a file of that name with the ending .toml says what it mirrors.
`mirrorfs init` asks a few questions and writes one, `mirrorfs config check` judges it,
`mirrorfs run NAME` and `mirrorfs service enable NAME` use it. A mirror that runs takes up a change
of its file at once.

    source = "/home/ada/photos"
    destination = "/run/media/ada/backup/photos"
    archive = true
    exclude = ["*.tmp", "/cache/**"]

Paths are whole: /…, ~/…, file:///… (%XX is any byte), or a place on a drive, wherever that is
mounted: UUID=…:/folder, LABEL=…:/folder. Several destinations of one source are tables:

    source = "/srv"

    [[destination]]
    path = "/mnt/one/srv"

    [[destination]]
    path = "LABEL=two:/srv"
    delete-excluded = true

Every option of the command line may stand in the file under its long name; the command line beats
the environment, the environment the file.
"""

FILES = {
    "/etc/mirrorfs/NAME.toml": "The system's mirrors: where root has them.",
    "~/.config/mirrorfs/NAME.toml": "Everybody else's. `--config-dir` says otherwise.",
}

Page = Iterator[str]


def pages() -> dict[str, str]:
    """Each page by the name of its file."""
    made = {"mirrorfs.1": _overview(), "mirrorfs.toml.5": _configuration()}
    made |= {f"mirrorfs-{name}.1": _command(name) for name in COMMANDS}
    return {name: "\n".join(lines) + "\n" for name, lines in made.items()}


def _overview() -> Page:
    yield from _head("mirrorfs", "a one-way continuous mirror for Linux")
    yield r"\fBmirrorfs\fR \fICOMMAND\fR [\fIARGUMENTS\fR] [\fIFLAGS\fR]"
    yield ".SH DESCRIPTION"
    yield from _prose(OVERVIEW)
    yield ".SH COMMANDS"
    for name, command in COMMANDS.items():
        yield from _item(_synopsis(name), command.summary)
    yield ".SH ENVIRONMENT"
    for name, meaning in ENVIRONMENT.items():
        yield from _item(_bold(name), meaning)
    yield from _foot(f"mirrorfs-{name}" for name in COMMANDS)


def _command(name: str) -> Page:
    yield from _head(f"mirrorfs-{name}", COMMANDS[name].summary)
    yield f"{_synopsis(name)} [\\fIFLAGS\\fR]"
    yield ".SH DESCRIPTION"
    yield from _prose(description(name))
    flags = [flag for flag in of_command(name).values() if flag.verdict is not Verdict.IGNORED]
    yield ".SH OPTIONS"
    group = ""
    for flag in flags:
        if flag.group != group:
            group = flag.group
            yield f".SS {_quoted(group)}"
        yield from _flag(flag)
    yield from _foot(["mirrorfs"])


def _configuration() -> Page:
    yield from _head("mirrorfs.toml", "the configuration of a mirror", section=5)
    yield r"\fINAME\fR.toml"
    yield ".SH DESCRIPTION"
    yield from _prose(CONFIGURATION)
    yield ".SH KEYS"
    group = ""
    for key in KEYS.values():
        if key.verdict is Verdict.IGNORED:
            continue
        if key.group != group:
            group = key.group
            yield f".SS {_quoted(group)}"
        yield from _item(_bold(key.name), f"{key.help} ({accepted(key)[1]})")
    yield ".SH FILES"
    for file, meaning in FILES.items():
        yield from _item(_bold(file), meaning)
    yield '.SH "SEE ALSO"'
    yield r"\fBmirrorfs\fR(1), \fBmirrorfs\-init\fR(1), \fBmirrorfs\-config\fR(1)"


def _head(name: str, summary: str, section: int = 1) -> Page:
    # No date: the same source makes the same page.
    yield f'.TH {_quoted(name.upper())} {section} "" "mirrorfs {__version__}" "mirrorfs"'
    yield ".SH NAME"
    yield f"{escaped(name)} \\- {escaped(summary)}"
    yield ".SH SYNOPSIS"


def _foot(also: Iterable[str]) -> Page:
    yield '.SH "EXIT STATUS"'
    for code, meaning in endings():
        yield from _item(_bold(str(code)), meaning)
    yield '.SH "SEE ALSO"'
    yield ",\n".join(f"{_bold(name)}(1)" for name in sorted(also))


def _synopsis(name: str) -> str:
    places = " ".join(f"\\fI{escaped(place)}\\fR" for place in COMMANDS[name].places.split())
    return f"{_bold(f'mirrorfs {name}')} {places}".rstrip()


def _flag(flag: Flag) -> Page:
    short = f"{_bold(flag.short)}, " if flag.short else ""
    takes = flag.takes.replace(flag.value, f"\\fI{escaped(flag.value)}\\fR") if flag.value else ""
    default = f" (default {flag.shown})" if flag.shown and flag.shown != "off" else ""
    yield from _item(f"{short}{_bold('--' + flag.name)}{takes}", flag.help + default)


def _item(tag: str, text: str) -> Page:
    yield ".TP"
    yield tag
    yield from _prose(text)


def _prose(text: str) -> Page:
    """Paragraphs; what is indented stands as it is, what is in backticks is bold."""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text.strip("\n"))):
        if number:
            yield ".PP"
        if paragraph.startswith("    "):
            yield from (".RS 4", ".nf")
            yield from (_line(escaped(line[4:])) for line in paragraph.splitlines())
            yield from (".fi", ".RE")
        else:
            joined = escaped(" ".join(paragraph.split()))
            yield _line(re.sub(r"`([^`]+)`", r"\\fB\1\\fR", joined))


def _line(text: str) -> str:
    """Text that begins like a request of roff is none."""
    return rf"\&{text}" if text[:1] in (".", "'") else text


def _bold(text: str) -> str:
    return rf"\fB{escaped(text)}\fR"


def _quoted(text: str) -> str:
    return f'"{escaped(text)}"'


def escaped(text: str) -> str:
    """Text for roff: a backslash is one, and a dash can be copied into a shell."""
    return text.replace("\\", r"\e").replace("-", r"\-").replace('"', r"\(dq")
