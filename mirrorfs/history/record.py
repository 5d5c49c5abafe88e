"""A line of a history, and the records it holds.

Law: a line is one JSON object of ASCII: what was done to names of one directory at one moment, for
one reason. A line that is not one of ours is no record; it never raises.

    {"at": 1795392000000000000, "verb": "create", "in": "a/b", "names": ["c", "d"],
     "bytes": [5, 0], "why": "new in the source"}

``origins`` stands in the lines of renames and links: the old name, or the file linked to.
``outcome`` is left out where it is "done". A name that is not UTF-8 has its odd bytes as surrogate
escapes. A line without names is an event of the whole mirror.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

# What can befall the whole mirror.
STARTED, STOPPED, HELD, WAITING, MISSING = "started", "stopped", "held", "waiting", "missing"
EVENTS = frozenset({STARTED, STOPPED, HELD, WAITING, MISSING})

DONE = "done"
_ENCODE = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Record(NamedTuple):
    """One thing that happened. ``at_ns``: wall clock, nanoseconds. ``verb``: an action's, or one of
    `EVENTS`, which have no path. ``outcome``: done, failed or drift. ``bytes`` of content that were
    copied. ``why``: the action's reason, or why it was not done."""

    at_ns: int
    verb: str
    path: str = ""
    origin: str = ""
    bytes: int = 0
    outcome: str = DONE
    why: str = ""


def line(
    at_ns: int,
    verb: str,
    why: str,
    *,
    directory: str = "",
    names: Sequence[str] = (),
    sizes: Sequence[int] = (),
    origins: Sequence[str] = (),
    outcome: str = DONE,
) -> bytes:
    """The line, with its end."""
    said: dict[str, Any] = {"at": at_ns, "verb": verb}
    if names:
        said |= {"in": directory, "names": names}
        if any(sizes):
            said["bytes"] = sizes
        if any(origins):
            said["origins"] = origins
    if outcome != DONE:
        said["outcome"] = outcome
    said["why"] = why
    return _ENCODE(said).encode() + b"\n"


def records(line: bytes) -> Iterator[Record]:
    """What a line holds, the last first; nothing if it is none of ours."""
    try:
        said = json.loads(line)
        made = list(_records(said))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return
    yield from reversed(made)


def _records(said: dict[str, Any]) -> Iterator[Record]:
    at, verb, why = int(said["at"]), str(said["verb"]), str(said["why"])
    outcome = str(said.get("outcome", DONE))
    if "names" not in said:
        yield Record(at, verb, outcome=outcome, why=why)
        return
    directory, names = str(said["in"]), said["names"]
    above = directory and directory + "/"
    sizes = said.get("bytes") or [0] * len(names)
    origins = said.get("origins") or [""] * len(names)
    for name, size, origin in zip(names, sizes, origins, strict=True):
        yield Record(at, verb, above + name, origin + "", int(size), outcome, why)


def moment(line: bytes) -> int | None:
    """When a line was written; ``None`` for what is none of ours. Reads only its beginning."""
    head = line[:32]
    if not head.startswith(b'{"at":'):
        return None
    digits = head[6:].partition(b",")[0]
    return int(digits) if digits.isdigit() else None
