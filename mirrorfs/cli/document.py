"""docs/flags.md, from the table of flags: `python -m mirrorfs.cli.document > docs/flags.md`."""

from mirrorfs.cli.flags import ALL, KEYS, NOT_YET, Flag, Verdict
from mirrorfs.cli.flags.refused import REASONS

HEAD = """\
# Flags

Made from the table in `mirrorfs/cli/flags`; a test keeps it true.

Flags have rclone's names, meanings and defaults. A flag may stand anywhere on the line; booleans
take `--flag=false`; short ones can be joined (`-vn`). Every flag can be set by an environment
variable, too: `--max-delete 5` is `MIRRORFS_MAX_DELETE=5`; and nearly every one in the file of a
mirror ([configuration.md](configuration.md)): the last column says what it takes there, and
whether it is common to all destinations. The command line beats the environment, the environment
the file.
"""


def document() -> str:
    """The whole page."""
    groups: dict[str, list[Flag]] = {}
    for flag in ALL.values():
        groups.setdefault(flag.group, []).append(flag)
    parts = [HEAD]
    for title, flags in groups.items():
        parts.append(f"## {title}\n")
        parts.append("| flag | default | meaning | compared with rclone | commands | in a file |")
        parts.append("|---|---|---|---|---|---|")
        parts += [_row(flag) for flag in flags]
        parts.append("")
    parts.append("## Refused\n")
    parts.append("rclone's flags that would have no honest meaning here. Exit code 2.\n")
    for reason, names in REASONS.items():
        listed = ", ".join(f"`--{name}`" for name in names.split())
        parts.append(f"- {reason}: {listed}")
    if NOT_YET:
        parts.append("\n## Not yet\n")
        parts.append("Known, and refused until they work: ")
        parts[-1] += ", ".join(f"`--{name}`" for name in sorted(NOT_YET)) + "."
    return "\n".join(parts) + "\n"


def _row(flag: Flag) -> str:
    short = f"`{flag.short}` " if flag.short else ""
    name = f"{short}`--{flag.name}{flag.takes}`"
    verdict = flag.verdict.value + (f": {flag.reason}" if flag.reason else "")
    if flag.verdict is Verdict.SAME:
        verdict = "same"
    commands = ", ".join(sorted(flag.commands)) if len(flag.commands) < 12 else "all"
    cells = [name, flag.shown or "", flag.help, verdict, commands, in_file(flag)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def in_file(flag: Flag) -> str:
    """What its key takes in the file of a mirror; "" where it is none."""
    if flag.name not in KEYS:
        return ""
    from mirrorfs.config.keys import accepted, is_shared

    return accepted(flag)[1] + "; common" * is_shared(flag)


if __name__ == "__main__":
    print(document(), end="")
