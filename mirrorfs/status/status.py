"""What a running mirror says about itself, in a file beside its checkpoint.

Law: the file is for looking at only; nothing is decided from it. It is replaced in one step and not
made durable, so that a reader sees a whole one and writing it costs no disk.
"""

import json
import os
import time
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mirrorfs.core.record import asdict, field, mutable
from mirrorfs.status.coverage import covered, limits, makes_sense

if TYPE_CHECKING:
    from mirrorfs.watch import WatchStatus

NAME = "status.json"
MOMENTS = 1 << 63  # nanoseconds since the epoch; later ones no calendar can show
SHOWN_OWED = 20


class Phase(StrEnum):
    STARTING = "starting"
    COMPARING = "comparing everything"
    MIRRORING = "mirroring"
    IN_SYNC = "in sync"
    OWING = "in sync but for what is owed"
    HELD = "held"
    WAITING = "waiting"
    PAUSED = "paused"
    STOPPED = "stopped"


@mutable
class Status:
    """``last`` is the last thing mirrored: [wall-clock ns, verb, path]; ``owed`` the first paths
    that failed, with reasons, of ``owed_count``. ``watched`` counts directories, ``unwatched``
    those that could not be watched, each for all below it. ``configuration``: what is wrong with
    the file, so that it was not taken up. ``drives``: what the roots were on when they were opened
    last, by "source" and "destination" (`mirrorfs.drives.Description`). Times are wall-clock
    nanoseconds.

    Since the start: ``actions`` done, ``files`` and ``bytes`` copied, ``failures``. Not applied
    yet: ``unread`` records of the journal, and of what was read ``planned`` actions with
    ``planned_bytes`` to copy. ``behind_ns``: since when something is, 0 for nothing;
    ``synced_ns``: when the destination was last known to hold everything; ``phase_ns``: since when
    the phase lasts. ``transfers``: the large files on their way, each
    with its ``path``, the ``size`` in bytes and how much of it is ``done``."""

    source: str
    destination: str
    pid: int = field(default_factory=os.getpid)
    phase: Phase = Phase.STARTING
    why: str = ""
    remedy: str = ""
    started_ns: int = field(default_factory=time.time_ns)
    updated_ns: int = 0
    actions: int = 0
    files: int = 0
    bytes: int = 0
    failures: int = 0
    entries: int = 0
    behind_ns: int = 0
    synced_ns: int = 0
    phase_ns: int = 0
    unread: int = 0
    planned: int = 0
    planned_bytes: int = 0
    bytes_per_second: float = 0.0
    files_per_second: float = 0.0
    transfers: list[dict[str, Any]] = field(default_factory=list)
    last: tuple[int, str, str] | None = None
    owed: dict[str, str] = field(default_factory=dict)
    owed_count: int = 0
    watched: int = 0
    unwatched: int = 0
    overflows: int = 0
    coverage: dict[str, Any] = field(default_factory=dict)
    configuration: str = ""
    drives: dict[str, Any] = field(default_factory=dict)

    def hear(self, watch: "WatchStatus") -> None:
        """Take over what the watcher says of itself."""
        self.watched, self.unwatched = watch.watched, watch.failed
        self.overflows = watch.overflows
        self.coverage = covered(watch, limits())

    def store(self, directory: str) -> None:
        """Replace the file in the mirror's state directory; a full disk is no reason to stop."""
        self.updated_ns = time.time_ns()
        path = os.path.join(directory, NAME)
        with suppress(OSError):
            with open(f"{path}.new", "w", encoding="utf-8", errors="surrogateescape") as file:
                json.dump(asdict(self), file)
            os.rename(f"{path}.new", path)


def load(directory: str) -> dict[str, Any] | None:
    """What the mirror of a state directory said last, with ``alive``: whether it still runs;
    ``None`` if it said nothing, or nothing that makes sense."""
    try:
        with open(os.path.join(directory, NAME), encoding="utf-8") as file:
            said = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    if not _makes_sense(said):
        return None
    return {**said, "alive": _is_alive(said["pid"], said["started_ns"])}


def _makes_sense(said: object) -> bool:
    """Whether this is what `Status.store` writes: every field is there and of its type."""
    if not isinstance(said, dict):
        return False
    for name, value in asdict(Status("", "")).items():
        if name != "last" and type(said.get(name)) is not (str if name == "phase" else type(value)):
            return False
    last = said.get("last") or [0, "", ""]
    if not isinstance(last, list) or [type(part) for part in last] != [int, str, str]:
        return False
    moments = [value for name, value in said.items() if name.endswith("_ns")] + [last[0]]
    if not makes_sense(said["coverage"]) or not all(map(_is_transfer, said["transfers"])):
        return False
    if not all(map(_is_drive, said["drives"].values())):
        return False
    return all(type(one) is int and 0 <= one < MOMENTS for one in moments) and all(
        isinstance(reason, str) for reason in said["owed"].values()
    )


def _is_transfer(said: object) -> bool:
    return isinstance(said, dict) and all(
        type(said.get(name)) is kind for name, kind in (("path", str), ("size", int), ("done", int))
    )


def _is_drive(said: object) -> bool:
    return (
        isinstance(said, dict)
        and all(type(said.get(name)) is str for name in ("kind", "label", "uuid", "point"))
        and all(type(said.get(name)) is int for name in ("size", "at_ns"))
        and 0 <= said["at_ns"] < MOMENTS
    )


def _is_alive(pid: int, started_ns: int) -> bool:
    """Whether the process that wrote the file is still the one with that number."""
    try:
        began = os.stat(f"/proc/{pid}").st_mtime_ns
    except OSError:
        return False
    return began <= started_ns + 60_000_000_000
