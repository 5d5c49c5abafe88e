"""Show what `sync SRC DST` would do and why, without doing it; --json for programs.

Takes the flags of sync. Exits with 0 also when there is something to do.
"""

import json
from typing import Any

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.mirroring import read_settings
from mirrorfs.cli.voice import print_out
from mirrorfs.core.guard import Refusal, refuse
from mirrorfs.core.plan import Action, Plan, Verb
from mirrorfs.core.values import format_size
from mirrorfs.errors import ExitCode
from mirrorfs.mirror import Mirror, Reading
from mirrorfs.output.escape import printable
from mirrorfs.output.words import is_directory, size_of
from mirrorfs.state import State


def run(call: Call) -> int:
    source, destination = call.places
    made = read_settings(call)
    with Mirror(
        source,
        destination,
        options=made.options,
        filter=made.filter,
        settings=made.settings,
        state=State.find(call.flags.state.state_dir),
        full=call.flags.copying.full,
        dry=True,
    ) as mirror:
        reading = mirror.reading()
        plan = mirror.plan(reading)
        refusal = refuse(
            plan,
            made.settings.limits,
            first=mirror.checkpoint is None,
            whole=reading.scope.is_everything,
        )
    show = as_json if call.flags.logging.json else as_text
    print_out(show(reading, plan, refusal))
    return ExitCode.UNCATEGORISED if plan.failures else 0


def as_text(reading: Reading, plan: Plan, refusal: Refusal | None) -> str:
    """One line per action, then the totals."""
    lines = [printable(reading.why)]
    lines += [_line(action) for action in plan.actions]
    lines += [f"notice      {printable(path)}  ({printable(why)})" for path, why in plan.notices]
    lines += [
        f"error       {printable(failure.path)}  ({printable(failure.message)})"
        for failure in plan.failures
    ]
    totals = plan.totals()
    counts = [
        f"{getattr(totals, name)} to {name}"
        for name in ("create", "update", "rename", "delete")
        if getattr(totals, name)
    ]
    if totals.attributes:
        counts.append(f"attributes of {totals.attributes}")
    amount = f"; {format_size(totals.bytes, 'B')} to copy" if totals.bytes else ""
    freed = f", {format_size(totals.freed, 'B')} to free" if totals.freed else ""
    lines.append((", ".join(counts) or "nothing to do") + amount + freed)
    if refusal is not None:
        lines.append(f"would be held: {refusal.message}")
    return "\n".join(lines) + "\n"


def _line(action: Action) -> str:
    slash = "/" if is_directory(action) else ""
    path = printable(action.path or ".") + slash
    if action.verb is Verb.RENAME:
        path = f"{printable(action.origin)}{slash} -> {path}"
    size = size_of(action)
    amount = f"{format_size(size, 'B')}, " if size is not None else ""
    return f"{action.verb.value:<11} {path}  ({amount}{action.reason})"


def as_json(reading: Reading, plan: Plan, refusal: Refusal | None) -> str:
    """The plan as one JSON object; names that are not UTF-8 as surrogate escapes."""
    document: dict[str, Any] = {
        "why": reading.why,
        "actions": [_object(action) for action in plan.actions],
        "notices": [notice._asdict() for notice in plan.notices],
        "failures": [
            {"path": path, "trouble": trouble.name.lower(), "message": message}
            for path, trouble, message in plan.failures
        ],
        "totals": plan.totals()._asdict(),
        "source_entries": plan.source_entries,
        "destination_entries": plan.destination_entries,
        "held": None
        if refusal is None
        else {"danger": refusal.danger.value, "message": refusal.message},
    }
    return json.dumps(document, indent=1) + "\n"


def _object(action: Action) -> dict[str, Any]:
    entry = action.want or action.expect
    record: dict[str, Any] = {
        "verb": action.verb.value,
        "stage": action.stage.name.lower(),
        "path": action.path,
        "kind": entry.kind.name.lower() if entry is not None else None,
        "reason": action.reason,
    }
    if action.origin:
        record["origin"] = action.origin
    if (size := size_of(action)) is not None:
        record["size"] = size
    return record
