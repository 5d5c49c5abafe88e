"""Times in Go's layouts (`2006-01-02 15:04:05`), which is how rclone's flags write formats."""

import re
from collections.abc import Callable
from datetime import datetime

_PARTS: dict[str, Callable[[datetime], str]] = {
    "January": lambda at: f"{at:%B}",
    "Monday": lambda at: f"{at:%A}",
    "2006": lambda at: f"{at:%Y}",
    "Jan": lambda at: f"{at:%b}",
    "Mon": lambda at: f"{at:%a}",
    "MST": lambda at: f"{at.astimezone():%Z}",
    "-07:00": lambda at: f"{at.astimezone():%z}"[:3] + ":" + f"{at.astimezone():%z}"[3:],
    "-0700": lambda at: f"{at.astimezone():%z}",
    "Z07:00": lambda at: at.astimezone().isoformat()[-6:].replace("+00:00", "Z"),
    "01": lambda at: f"{at:%m}",
    "02": lambda at: f"{at:%d}",
    "03": lambda at: f"{at:%I}",
    "04": lambda at: f"{at:%M}",
    "05": lambda at: f"{at:%S}",
    "06": lambda at: f"{at:%y}",
    "15": lambda at: f"{at:%H}",
    "PM": lambda at: f"{at:%p}",
}
_LAYOUT = re.compile(r"\.0+|" + "|".join(map(re.escape, _PARTS)))


def format_time(at: datetime, layout: str) -> str:
    """``at`` in a layout; what is no part of a time stays as it is.

    >>> format_time(datetime(2024, 3, 9, 17, 5, 8, 250000), "2006/01/02 15:04:05.000 - ")
    '2024/03/09 17:05:08.250 - '
    """

    def part(found: re.Match[str]) -> str:
        text = found[0]
        if text[0] == ".":
            return "." + f"{at.microsecond:06}000"[: len(text) - 1]
        return _PARTS[text](at)

    return _LAYOUT.sub(part, layout)
