"""Lines for the systemd journal: the level as a prefix it understands, no times of our own."""

from typing import Any

from mirrorfs.output import text


def line(level: int, path: str, message: str, more: dict[str, Any]) -> str:
    """Every line of a message gets the prefix, or the journal would file the rest as INFO."""
    prefix = f"<{level}>"
    return "\n".join(prefix + part for part in text.plain(level, path, message).split("\n"))
