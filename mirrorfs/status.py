"""What a running mirror says about itself, in a file beside its checkpoint.

Law: the file is for looking at only; nothing is decided from it. It is replaced in one step and not
made durable, so that a reader sees a whole one and writing it costs no disk.
"""

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mirrorfs.coverage import covered, limits, makes_sense

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


@dataclass(slots=True)
class Status:
    """``last`` is the last thing mirrored: [wall-clock ns, verb, path]; ``owed`` the first paths
    that failed, with reasons, of ``owed_count``. ``watched`` counts directories, ``unwatched``
    those that could not be watched, each for all below it. ``configuration``: what is wrong with
    the file, so that it was not taken up. Times are wall-clock nanoseconds."""

    source: str
    destination: str
    pid: int = field(default_factory=os.getpid)
    phase: Phase = Phase.STARTING
    why: str = ""
    remedy: str = ""
    started_ns: int = field(default_factory=time.time_ns)
    updated_ns: int = 0
    actions: int = 0
    bytes: int = 0
    entries: int = 0
    last: tuple[int, str, str] | None = None
    owed: dict[str, str] = field(default_factory=dict)
    owed_count: int = 0
    watched: int = 0
    unwatched: int = 0
    overflows: int = 0
    coverage: dict[str, Any] = field(default_factory=dict)
    configuration: str = ""

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
    moments = (said["started_ns"], said["updated_ns"], last[0])
    if not makes_sense(said["coverage"]):
        return False
    return all(0 <= moment < MOMENTS for moment in moments) and all(
        isinstance(reason, str) for reason in said["owed"].values()
    )


def _is_alive(pid: int, started_ns: int) -> bool:
    """Whether the process that wrote the file is still the one with that number."""
    try:
        began = os.stat(f"/proc/{pid}").st_mtime_ns
    except OSError:
        return False
    return began <= started_ns + 60_000_000_000
