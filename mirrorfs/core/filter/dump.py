"""The filter in the words of `rclone --dump filters`."""

from collections.abc import Iterable

from .limits import Limits
from .rules import Rule


def dump(files: Iterable[Rule], directories: Iterable[Rule], limits: Limits) -> str:
    lines = ["--- start filters ---"]
    if limits.oldest_ns is not None:
        lines.append(
            f"Last-modified date must be equal or greater than: {_moment(limits.oldest_ns)}"
        )
    if limits.newest_ns is not None:
        lines.append(f"Last-modified date must be equal or less than: {_moment(limits.newest_ns)}")
    lines.append("--- File filter rules ---")
    lines += map(str, files)
    lines.append("--- Directory filter rules ---")
    lines += map(str, directories)
    lines.append("--- end filters ---")
    return "\n".join(lines)


def _moment(ns: int) -> str:
    from datetime import UTC, datetime

    seconds, rest = divmod(ns, 1_000_000_000)
    try:
        text = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError):  # beyond the years 1 to 9999
        return f"@{seconds}.{rest:09}"
    fraction = f".{rest:09}".rstrip("0") if rest else ""
    return f"{text}{fraction} +0000 UTC"
