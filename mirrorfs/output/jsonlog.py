"""Log lines as JSON, one object per line, with rclone's names (--use-json-log)."""

from datetime import datetime
from typing import Any

from mirrorfs.core import carry

NAMES = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")


def line(level: int, path: str, message: str, more: dict[str, Any]) -> str:
    """``more`` stands beside the rest: object type, size, skipped, stats."""
    record: dict[str, Any] = {
        "time": datetime.now().astimezone().isoformat(timespec="microseconds"),
        "level": NAMES[level],
        "msg": message,
    }
    if path:
        record["object"] = path
    record.update(more)
    record["source"] = "mirrorfs"
    return carry.dumps(record)
