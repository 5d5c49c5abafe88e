"""A plan as text and as JSON, for people and programs: `mirrorfs plan`, and the files of the view.

Law: both are written piece by piece, so that a plan of a million actions needs no second copy of
itself in memory.
"""

from collections.abc import Iterator
from typing import Any

from mirrorfs.core import carry
from mirrorfs.core.guard import Refusal
from mirrorfs.core.plan import Action, Plan, Totals, Verb
from mirrorfs.core.values import format_size
from mirrorfs.output.escape import printable
from mirrorfs.output.words import is_directory, size_of


def as_text(why: str, plan: Plan, refusal: Refusal | None) -> Iterator[str]:
    """One line per action, then the totals."""
    yield printable(why) + "\n"
    for action in plan.actions:
        yield action_line(action)
    for path, message in plan.notices:
        yield f"notice      {printable(path)}  ({printable(message)})\n"
    for failure in plan.failures:
        yield f"error       {printable(failure.path)}  ({printable(failure.message)})\n"
    yield amount(plan.totals()) + "\n"
    if refusal is not None:
        yield f"would be held: {refusal.message}\n"


def amount(totals: Totals) -> str:
    """What a plan amounts to, in one line."""
    counts = [
        f"{getattr(totals, name)} to {name}"
        for name in ("create", "update", "rename", "delete")
        if getattr(totals, name)
    ]
    if totals.attributes:
        counts.append(f"attributes of {totals.attributes}")
    copied = f"; {format_size(totals.bytes, 'B')} to copy" if totals.bytes else ""
    freed = f", {format_size(totals.freed, 'B')} to free" if totals.freed else ""
    return (", ".join(counts) or "nothing to do") + copied + freed


def action_line(action: Action) -> str:
    """One action for people, with its newline."""
    slash = "/" if is_directory(action) else ""
    path = printable(action.path or ".") + slash
    if action.verb is Verb.RENAME:
        path = f"{printable(action.origin)}{slash} -> {path}"
    size = size_of(action)
    length = f"{format_size(size, 'B')}, " if size is not None else ""
    return f"{action.verb.value:<11} {path}  ({length}{action.reason})\n"


def as_json(why: str, plan: Plan, refusal: Refusal | None) -> Iterator[str]:
    """One JSON object; an action has a line of its own. Names that are not UTF-8 are written as
    `mirrorfs.core.carry` says."""
    rest: dict[str, Any] = {
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
    yield f'{{"why": {carry.dumps(why)},\n"actions": ['
    between = "\n"
    for action in plan.actions:
        yield between + carry.dumps(action_record(action))
        between = ",\n"
    yield "],\n" + carry.dumps(rest, indent=1)[2:] + "\n"


def action_record(action: Action) -> dict[str, Any]:
    """One action for programs."""
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
