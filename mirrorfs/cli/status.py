"""Show what mirrors there are and how they are.

Without arguments all mirrors of the state directory, with SRC or SRC and DST only those. Ends
with 0 when all that are shown are running and healthy, with 1 when one is not, so that monitoring
can ask.
"""

import os
import time
from dataclasses import asdict
from typing import Any

from mirrorfs.checkpoint import CheckpointFile
from mirrorfs.cli.invocation import Call
from mirrorfs.cli.voice import print_out
from mirrorfs.core import carry
from mirrorfs.core.plan import Totals
from mirrorfs.core.values import format_size
from mirrorfs.coverage import shown
from mirrorfs.drives import name
from mirrorfs.errors import ExitCode, StateError
from mirrorfs.hold import HoldFile, approve_command
from mirrorfs.output.escape import printable
from mirrorfs.output.plans import amount
from mirrorfs.service.audited import Audit
from mirrorfs.state import State
from mirrorfs.status import load


def run(call: Call) -> int:
    wanted = [name(place) for place in call.places]
    state = State.find(call.flags.state.state_dir)
    mirrors = [
        mirror
        for directory in state.mirrors()
        if (mirror := _mirror(directory, state.home)) is not None
        and all(
            name(place) == real
            for place, real in zip((mirror["source"], mirror["destination"]), wanted, strict=False)
        )
    ]
    if call.flags.logging.json:
        print_out(carry.dumps(mirrors) + "\n")
    else:
        for mirror in mirrors:
            print_out(_shown(mirror))
        if not mirrors and wanted:
            print_out("no such mirror: `mirrorfs status` shows all (or give its --state-dir)\n")
        elif not mirrors:
            print_out("no mirrors yet: `mirrorfs run SRC DST` starts one\n")
    healthy = bool(mirrors) and all(mirror["healthy"] for mirror in mirrors)
    return ExitCode.OK if healthy else ExitCode.UNCATEGORISED


def _mirror(directory: str, home: str) -> dict[str, Any] | None:
    """What is known of one mirror: what it says itself, and its checkpoint."""
    said = load(directory)
    checkpoint = CheckpointFile(directory).load()
    problem, held = "", None
    try:
        held = HoldFile(directory).load()
    except StateError as error:
        problem = f"{error} ({error.remedy})"
    if said is None and checkpoint is None and held is None:
        return None
    mirror: dict[str, Any] = {"name": os.path.basename(directory), **(said or {})}
    mirror["held"] = held and held.record()
    if held is not None:
        mirror.setdefault("source", held.places[0])
        mirror.setdefault("destination", held.places[1])
    alive = bool(mirror.pop("alive", False))
    if checkpoint is not None:
        mirror.setdefault("source", checkpoint.places[0])
        mirror.setdefault("destination", checkpoint.places[1])
        mirror["compared_ns"] = checkpoint.compared_ns
        mirror["cursor"] = checkpoint.cursor and checkpoint.cursor.sequence
        mirror["entries"] = mirror.get("entries") or checkpoint.entries
        if not alive:
            mirror["owed"] = checkpoint.retry
            mirror["owed_count"] = len(checkpoint.retry)
    mirror["running"] = alive
    mirror["audit"] = asdict(Audit.load(directory))
    if not alive:
        mirror["phase"] = "not running"
    if held is not None and not held.discarded and mirror["phase"] in ("held", "not running"):
        command = approve_command(mirror["destination"], held.id, home)
        mirror["why"] = held.message
        mirror["remedy"] = f"if this is what you want: `{command}`"
    if problem:
        mirror["why"] = problem
    troubled = mirror.get("phase") in ("held", "waiting") or bool(mirror.get("owed_count"))
    mirror["healthy"] = alive and not troubled
    return mirror


def _shown(mirror: dict[str, Any]) -> str:
    lines = [f"{printable(mirror['source'])} → {printable(mirror['destination'])}"]
    state = str(mirror["phase"])
    if mirror.get("why"):
        state += f": {printable(mirror['why'])}"
    lines.append(f"  state      {state}")
    if mirror.get("configuration"):
        lines.append(f"  not read   {printable(mirror['configuration'])}")
    if mirror.get("remedy"):
        lines.append(f"  to do      {printable(mirror['remedy'])}")
    if held := mirror["held"]:
        what = "discarded" if held["discarded"] else amount(Totals(**held["totals"]))
        lines.append(f"  plan       {held['id']}, refused {_clock(held['at_ns'])}: {what}")
    if last := mirror.get("last"):
        lines.append(f"  last       {_clock(last[0])} {last[1]} {printable(last[2]) or '.'}")
    if mirror["running"]:
        lines.append(
            f"  since      {_clock(mirror['started_ns'])}: {mirror['actions']:,} changes, "
            f"{format_size(mirror['bytes'])}B (process {mirror['pid']})"
        )
        watch = f"{mirror['watched']:,} directories"
        if mirror["unwatched"]:
            watch += f"; {mirror['unwatched']:,} with everything below could not be watched"
        if mirror["overflows"]:
            watch += f", {mirror['overflows']:,} overflows"
        # Where one mark watches a whole file system no directory is counted.
        watched = [watch] if mirror["watched"] or mirror["unwatched"] or mirror["overflows"] else []
        watched += map(printable, shown(mirror["coverage"]))
        heads = ["watched", *[""] * len(watched)]
        lines += [f"  {head:<10} {line}" for head, line in zip(heads, watched, strict=False)]
    if mirror.get("compared_ns"):
        lines.append(f"  compared   {_clock(mirror['compared_ns'])}, {mirror['entries']:,} entries")
    if (audit := mirror["audit"])["at_ns"]:
        found = f"{audit['entries']:,} entries, {audit['defect_count']:,} coverage defects"
        lines.append(f"  audited    {_clock(audit['at_ns'])}, {found}")
        lines += [f"             {printable(path) or '.'}" for path in audit["defects"]]
    if mirror.get("owed_count"):
        lines.append(f"  owed       {mirror['owed_count']:,} paths, looked at again:")
        for path, reason in mirror["owed"].items():
            lines.append(f"             {printable(path)}: {printable(reason)}")
    return "\n".join(lines) + "\n"


def _clock(ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ns / 1e9))
