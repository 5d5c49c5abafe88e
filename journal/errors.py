"""Every way this package says no, under one root, split by who must act.

`JournalLocked`, `JournalUnsafe` and `JournalVersion` are for the person who runs the program;
`JournalUnwritable` for the writer's owner (free space, then append again), and so is `JournalGone`
(open another writer); `JournalUnreadable` for whoever reads (the disk, or too many open files);
`CursorLost`, `CursorDamaged` and `JournalCorrupt` for a reader, and all three mean the same to it:
*what changed is not known, look at everything*; `RecordInvalid` for the programmer.
"""

from typing import Literal

Lost = Literal["foreign", "trimmed", "future"]


class JournalError(Exception):
    """The root: nothing else leaves this package on account of what a file holds."""


class JournalLocked(JournalError):
    """Another process (or another object in this one) holds the lock."""


class JournalUnsafe(JournalError):
    """A file that should be ours is a link, is not a regular file, or can be written by others."""


class JournalVersion(JournalError):
    """The segment is whole, but of a format this release does not know. It is left alone."""


class JournalUnwritable(JournalError):
    """The system refused a write or a flush; `errno` is its number.

    The record that was being appended is not in the journal. The next append begins a new segment.
    """

    def __init__(self, path: str, cause: OSError) -> None:
        super().__init__(f"cannot write the journal at {path}: {cause.strerror or cause}")
        self.path = path
        self.errno = cause.errno


class JournalGone(JournalError):
    """Others removed the journal, or put it elsewhere, while it was written: no reader would find
    what is appended. This writer is of no use any more."""

    def __init__(self, path: str) -> None:
        super().__init__(f"the journal at {path} was removed, or moved, while it was written")
        self.path = path


class JournalUnreadable(JournalError):
    """The system refused to let a file of ours be read; later it may not. Nothing is known of what
    it holds, so it is neither missing nor damaged."""

    def __init__(self, path: str, cause: OSError) -> None:
        super().__init__(f"cannot read the journal at {path}: {cause.strerror or cause}")
        self.path = path
        self.errno = cause.errno


class JournalCorrupt(JournalError):
    """Bytes that once were good no longer are, or a segment is missing, at `path`, `offset`."""

    def __init__(self, path: str, offset: int, reason: str) -> None:
        super().__init__(f"{path}: at byte {offset}: {reason}")
        self.path = path
        self.offset = offset
        self.reason = reason


class CursorLost(JournalError):
    """A position from which reading cannot continue.

    `reason`: "foreign" (its epoch is not of this journal), "trimmed" (what comes after it was
    dropped) or "future" (the journal ends before it, as after a power cut).
    """

    def __init__(self, reason: Lost, detail: str) -> None:
        super().__init__(f"the cursor is lost ({reason}): {detail}")
        self.reason: Lost = reason


class CursorDamaged(JournalError):
    """A cursor file that does not hold what `CursorFile.store` wrote."""


class RecordInvalid(JournalError, ValueError):
    """A record that could not be read back: a type, a size or a nesting that is not allowed."""
