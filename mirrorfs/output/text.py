"""Log lines as rclone writes them: `2006/01/02 15:04:05 INFO  : path: Copied (new)`."""

import time
from typing import Any

from mirrorfs.output.escape import printable

NAMES = ("EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG")


def line(level: int, path: str, message: str, more: dict[str, Any]) -> str:
    """The moment is now, local time."""
    return f"{time.strftime('%Y/%m/%d %H:%M:%S')} {plain(level, path, message)}"


def plain(level: int, path: str, message: str) -> str:
    """Without the time."""
    where = f"{printable(path)}: " if path else ""
    return f"{NAMES[level]:<6}: {where}{message}"
