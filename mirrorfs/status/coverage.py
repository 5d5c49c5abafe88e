"""What of a source is watched, polled or not seen at all, and the command that would help.

Law: plain data, as it stands in `status --json`; whoever shows it reads nothing else. A directory
that cannot be watched stands for all below it.

    {"parts": [{"path", "backend", "kind", "directories", "lag", "why"}, …],
     "blind": {path: reason}, "lag": seconds, "help": [command, …]}
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mirrorfs.watch import Serving, WatchStatus

Covered = dict[str, Any]

_INOTIFY = "/proc/sys/fs/inotify"
_FIELDS: dict[str, tuple[type, ...]] = {
    "path": (str,),
    "backend": (str,),
    "kind": (str,),
    "directories": (int,),
    "lag": (int, float),
    "why": (str,),
}
_ROOM = 2  # times what is needed: the limit is shared with all that the user runs


def covered(watch: "WatchStatus", limits: Mapping[str, int]) -> Covered:
    """What a watcher says. ``limits`` are inotify's, by their names below /proc/sys/fs/inotify."""
    return coverage(watch.serving, dict(watch.failures), watch.lag, limits)


def coverage(
    parts: tuple["Serving", ...], blind: dict[str, str], lag: float, limits: Mapping[str, int]
) -> Covered:
    needed = sum(part.directories for part in parts if part.backend == "inotify")
    return {
        "parts": [part._asdict() for part in parts],
        "blind": blind,
        "lag": lag,
        "help": commands(blind, needed, limits),
    }


def makes_sense(said: object) -> bool:
    """Whether this has the shape stated above; nothing at all has it, too."""
    if not isinstance(said, dict):
        return False
    if not said:
        return True
    parts, blind, help = said.get("parts"), said.get("blind"), said.get("help")
    return (
        isinstance(parts, list)
        and all(_is_part(part) for part in parts)
        and isinstance(blind, dict)
        and all(isinstance(reason, str) for reason in blind.values())
        and isinstance(help, list)
        and all(isinstance(command, str) for command in help)
        and isinstance(said.get("lag"), (int, float))
    )


def _is_part(part: object) -> bool:
    return isinstance(part, dict) and all(
        isinstance(part.get(name), types) for name, types in _FIELDS.items()
    )


def shown(covered: Covered) -> list[str]:
    """Lines for people, with names as they are."""
    lines = [_part(part) for part in covered.get("parts", ())]
    for path, reason in covered.get("blind", {}).items():
        lines.append(
            f"{path or '.'} and everything below: not watched, looked at every "
            f"{covered['lag']:.0f} s ({reason})"
        )
    return lines + [f"to do: {command}" for command in covered.get("help", ())]


def unseen(covered: Covered) -> list[str]:
    """The lines of `shown` that nobody should have to ask for: where changes arrive late."""
    late = [part for part in covered.get("parts", ()) if part["backend"] == "poll"]
    return shown({**covered, "parts": late})


def _part(part: dict[str, Any]) -> str:
    place = part["path"] or "."
    match part["backend"]:
        case "poll":
            how = f"polled, found within {part['lag']:.0f} s"
        case "fanotify":
            how = "watched as a whole by fanotify"
        case _:
            how = f"{part['directories']:,} directories watched by {part['backend']}"
    why = f"; {part['why']}" if part["why"] else ""
    return f"{place} ({part['kind']}): {how}{why}"


def commands(blind: dict[str, str], needed: int, limits: Mapping[str, int]) -> list[str]:
    """What can be typed so that less is blind."""
    said = []
    reasons = blind.values()
    if any("max_user_watches" in reason for reason in reasons):
        said.append(raise_limit("max_user_watches", needed, limits))
    if any("max_user_instances" in reason for reason in reasons):
        said.append(raise_limit("max_user_instances", limits.get("max_user_instances", 0), limits))
    if any("too many open files" in reason for reason in reasons):
        said.append("systemctl edit UNIT, and add [Service] LimitNOFILE=65536; or ulimit -n 65536")
    if any("permission denied" in reason for reason in reasons):
        said.append(
            "give the user of mirrorfs permission to read there; or systemctl edit UNIT, and add "
            "[Service] AmbientCapabilities=CAP_DAC_READ_SEARCH"
        )
    return said


def raise_limit(name: str, needed: int, limits: Mapping[str, int]) -> str:
    """The command that raises one of inotify's limits, now and for good."""
    number = max(needed, limits.get(name, 0), 1 << 13) * _ROOM
    return (
        f"sysctl -w fs.inotify.{name}={number} && "
        f"echo fs.inotify.{name}={number} > /etc/sysctl.d/60-mirrorfs-{name}.conf"
    )


def limits() -> dict[str, int]:
    """Inotify's limits, by name."""
    found = {}
    for name in ("max_user_watches", "max_user_instances", "max_queued_events"):
        try:
            with open(f"{_INOTIFY}/{name}", encoding="utf-8") as file:
                found[name] = int(file.read())
        except (OSError, ValueError):
            continue
    return found


RIGHTS = (
    "systemctl edit UNIT, and add [Service] AmbientCapabilities=CAP_SYS_ADMIN CAP_DAC_READ_SEARCH"
)
