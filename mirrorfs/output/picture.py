"""What `status --watch` shows: a line for each mirror, then all of the chosen one, in as many lines
as there are.

Law: pure. The most important comes first; what has no room is left out from the end.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.text import Text

from mirrorfs.core.plan import Totals
from mirrorfs.core.values import format_readable, format_size
from mirrorfs.output.escape import printable
from mirrorfs.output.plans import amount
from mirrorfs.status.coverage import shown

Mirror = dict[str, Any]
Recent = Callable[[Mirror, int], Iterable[str]]

SECOND = 1_000_000_000
BAR = 30
KEYS = "q quit  s sync now  p pause  r resume"


def picture(
    mirrors: Sequence[Mirror], chosen: int, said: str, height: int, recent: Recent
) -> list[Text]:
    """At least one line, none with a line break; ``said``: an answer to a key."""
    several = len(mirrors) > 1
    clock = time.strftime("%H:%M:%S")
    keys = KEYS + "  ↑↓ choose" * several
    lines = [Text.assemble((f"mirrorfs  {clock}", "bold"), "   ", (said or keys, "dim"))]
    if not mirrors:
        return [*lines, Text(""), Text("no mirror is there")]
    if several:
        # A long list is shown around the chosen one; the rest of the screen is for that.
        room = max(3, height // 2)
        first = min(max(0, chosen - room // 2), max(0, len(mirrors) - room))
        for number, mirror in enumerate(mirrors[first : first + room], first):
            line = Text.assemble("▸ " if number == chosen else "  ", _mark(mirror), " ")
            line.append(f"{printable(mirror['destination'])}  {_brief(mirror)}")
            lines.append(line)
    mirror = mirrors[chosen]
    lines += [Text(""), *_details(mirror)]
    if (room := height - len(lines) - 2) > 0 and (past := [*recent(mirror, room)]):
        lines += [Text(""), Text("recently", "dim"), *map(Text, past)]
    return lines


def _brief(mirror: Mirror) -> str:
    pieces = [str(mirror["phase"]), *_flow(mirror)]
    if mirror.get("owed_count"):
        pieces.append(f"{mirror['owed_count']:,} owed")
    return " · ".join(pieces)


def _flow(mirror: Mirror) -> list[str]:
    """What is behind, pending and flowing."""
    said = []
    if mirror["lag"] >= 1:
        said.append(f"behind by {format_readable(int(mirror['lag']) * SECOND, 2)}")
    if mirror["running"]:
        pending = mirror.get("planned", 0) + mirror.get("unread", 0)
        if pending:
            said.append(
                f"{pending:,} pending, {format_size(mirror.get('planned_bytes', 0), 'B')} to copy"
            )
        if mirror.get("bytes_per_second") or mirror.get("files_per_second"):
            rate = format_size(int(mirror["bytes_per_second"]), "B")
            said.append(f"{rate}/s, {mirror['files_per_second']:.1f} files/s")
    return said


def _mark(mirror: Mirror) -> tuple[str, str]:
    if not mirror["running"]:
        return "○", "red"
    return "●", "green" if mirror["healthy"] else "red"


def _details(mirror: Mirror) -> list[Text]:
    lines = [
        Text.assemble(_mark(mirror), " ", (printable(mirror["source"]), "bold")),
        Text.assemble("→ ", (printable(mirror["destination"]), "bold")),
    ]

    def say(head: str, text: str, style: str = "") -> None:
        lines.append(Text.assemble((f"  {head:<9} ", "dim"), (printable(text), style)))

    why = f": {mirror['why']}" if mirror.get("why") else ""
    say("state", f"{mirror['phase']}{why}", "" if mirror["healthy"] else "red")
    if mirror.get("configuration"):
        say("not read", mirror["configuration"], "red")
    if mirror.get("remedy"):
        say("to do", mirror["remedy"], "bold")
    if held := mirror["held"]:
        what = "discarded" if held["discarded"] else amount(Totals(**held["totals"]))
        say("plan", f"{held['id']}, refused {_clock(held['at_ns'])}: {what}")
    for number, line in enumerate(_flow(mirror)):
        say("" if number else "flow", line)
    for one in mirror.get("transfers", ()) if mirror["running"] else ():
        full = BAR * one["done"] // max(1, one["size"])
        size = f"{format_size(one['done'], 'B')} of {format_size(one['size'], 'B')}"
        say("copying", f"{'█' * full}{'░' * (BAR - full)} {size} {one['path']}")
    if last := mirror.get("last"):
        say("last", f"{_clock(last[0])} {last[1]} {last[2] or '.'}")
    if mirror["running"]:
        done = f"{mirror['actions']:,} changes, {format_size(mirror['bytes'], 'B')}"
        say("since", f"{_clock(mirror['started_ns'])}: {done} (process {mirror['pid']})")
    for number, (path, reason) in enumerate(mirror.get("owed", {}).items()):
        say("" if number else "owed", f"{path or '.'}: {reason}", "yellow")
    if (more := mirror.get("owed_count", 0) - len(mirror.get("owed", {}))) > 0:
        say("", f"and {more:,} more", "yellow")
    watched = shown(mirror["coverage"]) if mirror["running"] else []
    for number, line in enumerate(watched):
        say("" if number else "watched", line)
    if mirror.get("compared_ns"):
        say("compared", f"{_clock(mirror['compared_ns'])}, {mirror['entries']:,} entries")
    if (audit := mirror["audit"])["at_ns"]:
        found = f"{audit['defect_count']:,} coverage defects"
        say("audited", f"{_clock(audit['at_ns'])}, {audit['entries']:,} entries, {found}")
    return lines


def _clock(ns: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ns / 1e9))
