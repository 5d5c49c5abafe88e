"""An account of a mirror: what it says itself, its checkpoint, its held plan, its last audit; and
whether it is well.

Law: looking changes nothing, and what is missing or damaged is said. A process that runs is asked;
one that does not answer is not well, whatever its file says.

Well are: starting, comparing everything, mirroring, in sync, paused. Not well: not running, not
answering, held, anything owed, waiting for a root; and with a longest lag, whoever is behind for
longer. A mirror that waits is well until then: its drive may be away.
"""

import os
import time
from typing import Any

from mirrorfs.core.record import asdict
from mirrorfs.errors import MirrorError, StateError
from mirrorfs.hold import HoldFile, approve_command
from mirrorfs.mirror.checkpoint import CheckpointFile
from mirrorfs.service.audited import Audit
from mirrorfs.service.client import NotRunning, ask
from mirrorfs.status.status import Phase, load

Account = dict[str, Any]

NOT_RUNNING = "not running"
SILENT = "not answering"
PATIENCE = 10.0  # seconds a mirror may take to say how it is


def account(
    directory: str,
    home: str,
    *,
    max_lag: float | None = None,
    live: dict[str, Any] | None = None,
) -> Account | None:
    """Of the mirror whose state is in ``directory`` below ``home``; ``None`` where there is none.
    ``max_lag``: so many seconds it may be behind. ``live``: what it says of itself, where that is
    known. ``ailments`` says why it is not ``healthy``."""
    said = load(directory) if live is None else {**live, "alive": True}
    checkpoint = CheckpointFile(directory).load()
    problem, held = "", None
    try:
        held = HoldFile(directory).load()
    except StateError as error:
        problem = f"{error} ({error.remedy})"
    if said is None and checkpoint is None and held is None:
        return None
    alive = bool(said and said.pop("alive"))
    if alive and live is None:
        said = {**(said or {}), **_live(directory)}
    mirror: Account = {"name": os.path.basename(directory), **(said or {})}
    mirror["held"] = held and held.record()
    for known in (held, checkpoint):
        if known is not None:
            mirror.setdefault("source", known.places[0])
            mirror.setdefault("destination", known.places[1])
    if checkpoint is not None:
        mirror["compared_ns"] = checkpoint.compared_ns
        mirror["cursor"] = checkpoint.cursor and checkpoint.cursor.sequence
        mirror["entries"] = mirror.get("entries") or checkpoint.entries
        if not alive:
            mirror["owed"] = checkpoint.retry
            mirror["owed_count"] = len(checkpoint.retry)
    mirror["running"] = alive
    mirror["audit"] = asdict(Audit.load(directory))
    if not alive:
        mirror["phase"] = NOT_RUNNING
    behind = mirror.get("behind_ns", 0) if alive else 0
    mirror["lag"] = max(0.0, (time.time_ns() - behind) / 1e9) if behind else 0.0
    if held is not None and not held.discarded and mirror["phase"] in (Phase.HELD, NOT_RUNNING):
        command = approve_command(mirror["destination"], held.id, home)
        mirror["why"] = held.message
        mirror["remedy"] = f"if this is what you want: `{command}`"
    if problem:
        mirror["why"] = problem
    mirror["ailments"] = _ailments(mirror, max_lag)
    mirror["healthy"] = not mirror["ailments"]
    return mirror


def _live(directory: str) -> dict[str, Any]:
    """What it says as of now; what it wrote down stands where it cannot be asked yet."""
    try:
        return ask(directory, "status", within=PATIENCE)
    except NotRunning:
        return {}  # it begins, or ends, or could not make its socket
    except MirrorError as error:
        return {"phase": SILENT, "why": str(error), "remedy": "see its log, then restart it"}


def _ailments(mirror: Account, max_lag: float | None) -> list[str]:
    found = []
    phase, lag = mirror["phase"], mirror["lag"]
    if phase in (NOT_RUNNING, SILENT, Phase.HELD) or (phase == Phase.WAITING and max_lag is None):
        found.append(str(phase))
    if owed := mirror.get("owed_count"):
        found.append(f"{owed} owed")
    if mirror["running"] and mirror.get("configuration"):
        found.append("its file is wrong")  # and it would not start again
    if max_lag is not None and lag > max_lag:
        found.append(f"{lag:.0f} s behind")
    return found
