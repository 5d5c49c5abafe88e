"""Every error mirrorfs raises on purpose, split by who must act; the exit code lives on the class.

A message says what happened, naming the path; ``remedy`` says what to do about it. What concerns
one path only is not an exception but an outcome (`mirrorfs.core.plan.Outcome`). Exit codes are
rclone's.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells its caller (rclone's numbers, so that scripts keep working)."""

    OK = 0
    UNCATEGORISED = 1
    USAGE = 2
    DIRECTORY_NOT_FOUND = 3
    FILE_NOT_FOUND = 4
    TEMPORARY = 5
    NO_RETRY = 6
    FATAL = 7
    TRANSFER_LIMIT = 8
    NOTHING_TRANSFERRED = 9
    DURATION_LIMIT = 10


# From the best to the worst, for several runs that end as one.
SEVERITY = (
    *(ExitCode.OK, ExitCode.NOTHING_TRANSFERRED, ExitCode.DURATION_LIMIT, ExitCode.TRANSFER_LIMIT),
    *(ExitCode.TEMPORARY, ExitCode.UNCATEGORISED, ExitCode.FILE_NOT_FOUND),
    *(ExitCode.DIRECTORY_NOT_FOUND, ExitCode.NO_RETRY, ExitCode.USAGE, ExitCode.FATAL),
)


class MirrorError(Exception):
    """The root of all of them; raised itself only where nobody in particular can act."""

    exit_code = ExitCode.UNCATEGORISED

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class UsageError(MirrorError):
    """The command line or the configuration is wrong; the user corrects it."""

    exit_code = ExitCode.USAGE


class SettingError(MirrorError):
    """A value was well formed but cannot be used (a bad filter, two flags that exclude each
    other).
    """


class DirectoryMissing(MirrorError):
    """A directory that must exist does not: the source, or the place a destination is to be made
    in.
    """

    exit_code = ExitCode.DIRECTORY_NOT_FOUND


class TemporaryError(MirrorError):
    """Nothing is wrong with the request: trying again later may help (a vanished drive, a full
    disk).
    """

    exit_code = ExitCode.TEMPORARY


class DriveAway(TemporaryError):
    """The drive that a place is on is not plugged in, or not mounted; the user brings it."""


class PermanentError(MirrorError):
    """Trying again will not help before somebody changes something (a permission, a read-only
    disk).
    """

    exit_code = ExitCode.NO_RETRY


class FatalError(MirrorError):
    """Going on would do harm: trees that overlap, a wrong root, a destroyed state directory."""

    exit_code = ExitCode.FATAL


class LimitReached(MirrorError):
    """The run has copied or taken as much as the user allowed; the next run goes on."""


class TransferLimit(LimitReached):
    """--max-transfer (rclone's words)."""

    exit_code = ExitCode.TRANSFER_LIMIT

    def __init__(self) -> None:
        super().__init__("max transfer limit reached as set by --max-transfer")


class DurationLimit(LimitReached):
    """--max-duration (rclone's words)."""

    exit_code = ExitCode.DURATION_LIMIT

    def __init__(self) -> None:
        super().__init__("max transfer duration reached as set by --max-duration")


class Locked(FatalError):
    """Another process is writing to the destination; it may be done soon."""


class StateError(FatalError):
    """The state directory cannot be trusted or used (foreign owner, locked, damaged)."""
