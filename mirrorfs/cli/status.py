"""Show what mirrors there are and how they are.

Without arguments all mirrors of the state directory, with SRC or SRC and DST only those. --watch
keeps showing them: q ends, s syncs now, arrows choose among several.

Ends with 0 when all that are shown are well, with 1 when one is not, so that monitoring can ask.
Well is a mirror that starts, compares, mirrors, is in sync or paused. Not well: one that does not
run or does not answer, holds a plan, owes paths, or waits for a root. With --max-lag one that waits
is well for so long, and none is that is behind for longer.
"""

import time
from collections.abc import Sequence
from typing import Any

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.settings import NANOSECONDS
from mirrorfs.cli.voice import print_out
from mirrorfs.core import carry
from mirrorfs.core.plan import Totals
from mirrorfs.core.values import format_readable, format_size
from mirrorfs.drives import name
from mirrorfs.errors import ExitCode
from mirrorfs.output.escape import printable
from mirrorfs.output.plans import amount
from mirrorfs.state import State
from mirrorfs.status.account import Account, account
from mirrorfs.status.coverage import shown


def run(call: Call) -> int:
    wanted = [name(place) for place in call.places]
    state = State.find(call.flags.state.state_dir)
    flags = call.flags.looking
    max_lag = flags.max_lag / NANOSECONDS if flags.max_lag else None

    def look() -> list[Account]:
        """The mirrors that are meant, as they are now."""
        found = (account(place, state.home, max_lag=max_lag) for place in state.mirrors())
        return [mirror for mirror in found if mirror is not None and _is_meant(mirror, wanted)]

    if flags.watch:
        from mirrorfs.cli.watching import watch

        return _code(watch(state, look))
    mirrors = look()
    if call.flags.logging.json:
        print_out(carry.dumps(mirrors) + "\n")
    elif flags.prometheus:
        from mirrorfs.output.prometheus import text

        print_out(text(mirrors))
    else:
        for mirror in mirrors:
            print_out(_shown(mirror))
        if not mirrors and wanted:
            places = printable(" → ".join(call.places))
            print_out(
                f"no such mirror: {places} was never mirrored, as far as {printable(state.home)} "
                "knows (`mirrorfs run` begins it; `mirrorfs status` shows all)\n"
            )
        elif not mirrors:
            print_out("no mirrors yet: `mirrorfs run SRC DST` starts one\n")
    return _code(mirrors)


def _code(mirrors: Sequence[Account]) -> int:
    """What monitoring is told."""
    healthy = bool(mirrors) and all(mirror["healthy"] for mirror in mirrors)
    return ExitCode.OK if healthy else ExitCode.UNCATEGORISED


def _is_meant(mirror: Account, wanted: list[str]) -> bool:
    places = (mirror["source"], mirror["destination"])
    return all(name(place) == meant for place, meant in zip(places, wanted, strict=False))


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
    if mirror["phase"] == "waiting":
        lines.append(f"  waiting    since {_clock(mirror.get('phase_ns', 0))}")
        for root, known in mirror.get("drives", {}).items():
            lines.append(f"  was on     {_drive(root, known)}")
    if held := mirror["held"]:
        what = "discarded" if held["discarded"] else amount(Totals(**held["totals"]))
        lines.append(f"  plan       {held['id']}, refused {_clock(held['at_ns'])}: {what}")
    if mirror["lag"] >= 1:
        lines.append(f"  behind     {format_readable(int(mirror['lag']) * NANOSECONDS, 2)}")
    if pending := _pending(mirror):
        lines.append(f"  pending    {pending}")
    for one in mirror.get("transfers", ()) if mirror["running"] else ():
        done, size = format_size(one["done"], "B"), format_size(one["size"], "B")
        lines.append(f"  copying    {printable(one['path'])}: {done} of {size}")
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


def _pending(mirror: Account) -> str:
    """What is known to be still to do."""
    said = []
    if mirror.get("planned"):
        said.append(f"{mirror['planned']:,} actions")
    if mirror.get("planned_bytes"):
        said.append(f"{format_size(mirror['planned_bytes'], 'B')} to copy")
    if mirror.get("unread"):
        said.append(f"{mirror['unread']:,} changes to look at")
    return ", ".join(said) if mirror["running"] else ""


def _drive(root: str, known: dict[str, Any]) -> str:
    """The drive that a root was on when it was there last."""
    kind, label, point = (printable(known[name]) for name in ("kind", "label", "point"))
    what = " ".join(filter(None, (kind, label, f"UUID={printable(known['uuid'])}")))
    size, when = format_size(known["size"], "B"), _clock(known["at_ns"])
    return f"{what}, {size}, at {point} on {when} (the {printable(root)})"


def _clock(ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ns / 1e9))
