"""When what was written must be on disk.

Law: by default a file that was there survives a power cut, as the old one or the new one: the new
content is durable before the rename. New files are published at once; the flush before a
checkpoint makes them durable.
"""

import os
from enum import StrEnum

from mirrorfs.core.plan import Outcome, Status
from mirrorfs.trees import expect
from mirrorfs.trees.local.trouble import failure


class Fsync(StrEnum):
    """``--fsync``; each includes those before it."""

    NEVER = "never"  # the kernel decides; a checkpoint may vouch for what a power cut takes back
    CHECKPOINT = "checkpoint"  # everything, before the checkpoint moves
    REPLACE = "replace"  # and the content of a replaced file, before it takes its place
    ALWAYS = "always"  # and every file before it gets its name, and the name after it


# Up to so many files of a batch one fdatasync each is cheaper than a syncfs, which writes out
# everything others have dirtied on the file system.
FEW = 4


def sync_names(fd: int, outcomes: list[Outcome]) -> list[Outcome]:
    """Make the new names in a directory durable; where that fails, nothing counts as done."""
    try:
        os.fsync(fd)
    except OSError as error:
        return [
            expect.failed(action, failure(action.path, error, "make it durable"))
            if status is Status.DONE
            else Outcome(action, status, why, moved)
            for action, status, why, moved in outcomes
        ]
    return outcomes
