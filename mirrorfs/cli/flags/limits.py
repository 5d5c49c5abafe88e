"""How fast, how often, how much."""

from mirrorfs.core.values import CUTOFF_MODES, OrderBy, Reserve, Slot

from .kinds import (
    EVERYWHERE,
    Group,
    amount,
    bandwidth,
    choice,
    duration,
    number,
    order,
    patience,
    reserve,
    size,
    switch,
    text,
)

DAY = 86_400_000_000_000  # nanoseconds
ONE_READER = "one reader walks both trees; more would only compete for the disk"
KERNEL = "the kernel copies and sizes its own buffers"
SECOND = 1_000_000_000
LAZY = "directories are paired one at a time; there is no backlog to bound"


class Limiting(Group):
    """Attempts, threads, bandwidth."""

    retries: int = amount("Attempts of the whole run", 3)
    retries_sleep: int = duration("Pause between the attempts")
    low_level_retries: int = amount(
        "Attempts of one file", 10, ignored="a local file is tried again with the next attempt"
    )
    transfers: int = amount("Files copied at the same time", 4)
    checkers: int = amount("Directories compared at the same time", 8, ignored=ONE_READER)
    error_on_no_transfer: bool = switch("Exit with 9 when no file was copied")
    max_transfer: int = size("Stop after copying SIZE")
    max_duration: int = duration("Stop after DURATION")
    min_free: Reserve | None = reserve(
        "Copy nothing that would leave less of the destination's file system free", own=True
    )
    cutoff_mode: str = choice(
        "How to stop: at once, after the running files, before a file that would exceed",
        *CUTOFF_MODES,
        default="HARD",
    )
    order_by: OrderBy | None = order(
        "Which files are copied first: size, name, modtime",
        better="everything is read first, so that the order holds for all files",
    )
    bwlimit: tuple[Slot, ...] = bandwidth("Copy at most so many bytes per second")
    bwlimit_file: tuple[Slot, ...] = bandwidth("The same, for each file")
    max_backlog: int = number("Pairs that wait to be copied", 10000, ignored=LAZY)
    list_cutoff: int = number(
        "Directories larger than this are sorted on disk", 1000000, ignored=LAZY
    )
    buffer_size: int = size("Memory per file", 16 << 20, ignored=KERNEL)
    max_buffer_memory: int = size("Memory for all files", ignored=KERNEL)


class Watching(Group):
    """How changes are noticed."""

    watch_backend: str = choice(
        "Notice changes by fanotify (needs rights), inotify or polling; auto: what fits each mount",
        *("auto", "fanotify", "inotify", "poll"),
        default="auto",
        own=True,
    )
    poll_interval: int = duration(
        "How often to look where changes are not noticed by themselves", 30 * SECOND, own=True
    )


class State(Group):
    """Where mirrorfs remembers things, and is told them."""

    state_dir: str = text(
        "Keep journals and checkpoints in DIR", value="DIR", own=True, on=EVERYWHERE
    )
    config_dir: str = text(
        "Mirrors that are called by a name have their files in DIR",
        value="DIR",
        own=True,
        on=EVERYWHERE,
    )
    wait: int = patience(
        "Where another mirrorfs keeps this mirror, wait (so long at most): sync until the one that "
        "runs has brought everything there, all others until the destination is free",
        own=True,
    )
    audit_interval: int = duration(
        "Compare everything this often, unhurriedly, and name what nothing told of (0 is off)",
        DAY,
        own=True,
        on=frozenset({"run"}),
    )
    cache_dir: str = text(
        "rclone's cache",
        value="DIR",
        on=EVERYWHERE,
        ignored="there is no cache; journals and checkpoints are in --state-dir",
    )
