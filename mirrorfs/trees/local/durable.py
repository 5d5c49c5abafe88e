"""When what was written must be on disk.

Law: by default a file that was there survives a power cut, as the old one or the new one: the new
content is durable before the rename. New files are published at once; the flush before a
checkpoint makes them durable.
"""

from enum import StrEnum


class Fsync(StrEnum):
    """``--fsync``; each includes those before it."""

    NEVER = "never"  # the kernel decides; a checkpoint may vouch for what a power cut takes back
    CHECKPOINT = "checkpoint"  # everything, before the checkpoint moves
    REPLACE = "replace"  # and the content of a replaced file, before it takes its place
    ALWAYS = "always"  # and every file before it gets its name, and the name after it


# Up to so many files of a batch one fdatasync each is cheaper than a syncfs, which writes out
# everything others have dirtied on the file system.
FEW = 4
