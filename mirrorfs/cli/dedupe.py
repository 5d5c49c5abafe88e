"""Find files with duplicate names in one directory; a local tree cannot hold any.

rclone's dedupe is for remotes that allow two files of one name. Nothing is read or changed here.
"""

from mirrorfs.cli.invocation import Call
from mirrorfs.errors import UsageError

MODES = ["interactive", "skip", "first", "newest", "oldest", "largest", "smallest"]
MODES += ["rename", "list"]


def run(call: Call) -> int:
    flags = call.flags.deduplicating
    if flags.dedupe_mode not in MODES:
        raise UsageError(
            f"unknown mode for dedupe {flags.dedupe_mode!r}", remedy=f"one of {', '.join(MODES)}"
        )
    if flags.by_hash:
        raise UsageError(
            "--by-hash is refused: mirrorfs deletes nothing from a source",
            remedy="look for equal files with a tool made for it, such as jdupes",
        )
    call.log.notice("a local directory holds each name once: there are no duplicates to find")
    return 0
