"""Mirrors as Prometheus' text format (version 0.0.4).

Law: one sample for each mirror in each family, in base units (seconds, bytes); moments are seconds
since the epoch, and missing where there was none. Totals begin anew with the process. A label has
any name there is: what cannot be printed is escaped as everywhere, then as the format asks.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from mirrorfs.output.escape import printable
from mirrorfs.status.status import Phase

Mirror = dict[str, Any]
Value = float | int | bool | None


class Family(NamedTuple):
    """``value`` of one mirror; ``None`` for none. Without ``always`` a mirror must run."""

    name: str
    kind: str
    help: str
    value: Callable[[Mirror], Value]
    always: bool = False


def _at(field: str) -> Callable[[Mirror], Value]:
    return lambda mirror: mirror.get(field)


def _moment(field: str) -> Callable[[Mirror], Value]:
    return lambda mirror: mirror.get(field, 0) / 1e9 or None


def _parts(backend: str) -> Callable[[Mirror], Value]:
    def count(mirror: Mirror) -> int:
        parts = mirror.get("coverage", {}).get("parts", ())
        return sum(part["backend"] == backend for part in parts)

    return count


def _audit(field: str) -> Callable[[Mirror], Value]:
    return lambda mirror: mirror["audit"][field] if mirror["audit"]["at_ns"] else None


FAMILIES = (
    Family("up", "gauge", "Whether the mirror runs.", _at("running"), True),
    Family("healthy", "gauge", "Whether nothing is wrong with it.", _at("healthy"), True),
    Family("lag_seconds", "gauge", "Age of the oldest change not applied.", _at("lag")),
    Family("unread_changes", "gauge", "Journal records not looked at yet.", _at("unread")),
    Family("planned_actions", "gauge", "Actions planned and not done yet.", _at("planned")),
    Family("planned_bytes", "gauge", "Bytes these are to copy.", _at("planned_bytes")),
    Family("owed_paths", "gauge", "Paths that failed and are owed.", _at("owed_count"), True),
    Family("held_plan", "gauge", "Whether a plan is held.", lambda m: _holds(m), True),
    Family("actions_total", "counter", "Actions done since the start.", _at("actions")),
    Family("copied_files_total", "counter", "Files copied since the start.", _at("files")),
    Family("copied_bytes_total", "counter", "Bytes copied since the start.", _at("bytes")),
    Family("failures_total", "counter", "Actions that failed since the start.", _at("failures")),
    Family("overflows_total", "counter", "Overflows of the kernel's queue.", _at("overflows")),
    Family("entries", "gauge", "Entries of the source.", _at("entries"), True),
    Family("watched_directories", "gauge", "Directories with a watch.", _at("watched")),
    Family("blind_directories", "gauge", "Directories nothing is heard of.", _at("unwatched")),
    Family("polled_mounts", "gauge", "Mounts that are polled.", _parts("poll")),
    Family("start_time_seconds", "gauge", "When it was started.", _moment("started_ns")),
    Family(
        "last_action_timestamp_seconds",
        "gauge",
        "When something was mirrored last.",
        lambda mirror: mirror["last"][0] / 1e9 if mirror.get("last") else None,
    ),
    Family(
        "last_in_sync_timestamp_seconds",
        "gauge",
        "When the destination was last known to hold everything.",
        _moment("synced_ns"),
        True,
    ),
    Family(
        "last_comparison_timestamp_seconds",
        "gauge",
        "When everything was compared last.",
        _moment("compared_ns"),
        True,
    ),
    Family(
        "last_audit_timestamp_seconds",
        "gauge",
        "When the last audit ended.",
        lambda mirror: mirror["audit"]["at_ns"] / 1e9 or None,
        True,
    ),
    Family(
        "audit_defects",
        "gauge",
        "Changes the last audit found and nothing had told of.",
        _audit("defect_count"),
        True,
    ),
    Family(
        "audit_drift",
        "gauge",
        "Changes by others the last audit found on the destination.",
        _audit("drift_count"),
        True,
    ),
)
PHASES = [str(phase) for phase in Phase]


def text(mirrors: Iterable[Mirror]) -> str:
    """All families, each with a sample for every mirror that has one."""
    labelled = [(_labels(mirror), mirror) for mirror in mirrors]
    lines = []
    for family in FAMILIES:
        name = f"mirrorfs_{family.name}"
        lines += [f"# HELP {name} {family.help}", f"# TYPE {name} {family.kind}"]
        for labels, mirror in labelled:
            if not (family.always or mirror["running"]):
                continue
            if (value := family.value(mirror)) is not None:
                lines.append(f"{name}{{{labels}}} {_number(value)}")
    lines += ["# HELP mirrorfs_phase Which phase it is in: 1 for that one.", *_phases(labelled)]
    return "".join(line + "\n" for line in lines)


def _phases(labelled: Iterable[tuple[str, Mirror]]) -> list[str]:
    lines = ["# TYPE mirrorfs_phase gauge"]
    for labels, mirror in labelled:
        for phase in dict.fromkeys([*PHASES, str(mirror["phase"])]):
            given = int(mirror["phase"] == phase)
            lines.append(f'mirrorfs_phase{{{labels},phase="{_escaped(phase)}"}} {given}')
    return lines


def _holds(mirror: Mirror) -> bool:
    return bool(mirror["held"]) and not mirror["held"]["discarded"]


def _labels(mirror: Mirror) -> str:
    names = {"mirror": "name", "source": "source", "destination": "destination"}
    return ",".join(f'{label}="{_escaped(mirror[field])}"' for label, field in names.items())


def _escaped(text: str) -> str:
    shown = printable(text).replace("\\", "\\\\").replace('"', '\\"')
    return shown.encode("utf-8", "backslashreplace").decode()


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
