"""--order-by: which waiting transfer goes first (rclone: newLess)."""

import re
from typing import Literal, cast

from mirrorfs.core.record import record

from .errors import ValueRefused
from .number import parse_decimal, parse_int

Key = Literal["name", "size", "modtime", "pattern"]
_KEYS = ("name", "size", "modtime")
_ACCEPTED = (
    "name, size or modtime, then optionally ascending, descending or mixed[,PERCENT]; "
    "or pattern,GLOB[,GLOB...]"
)
# A comma inside braces belongs to the glob.
_GLOB_COMMA = r",(?![^{]*\})"


@record
class OrderBy:
    """`mixed` is the percentage of workers that take from the small end; None: not mixed."""

    key: Key
    descending: bool = False
    mixed: int | None = None
    globs: tuple[str, ...] = ()


def parse_order_by(value: str) -> OrderBy | None:
    """None for the empty value (no order). Case does not matter. Raises ValueRefused."""
    if not value:
        return None
    key, comma, rest = value.partition(",")
    key = key.lower()
    if key == "pattern":
        globs = tuple(re.split(_GLOB_COMMA, rest))
        if not all(globs):
            raise ValueRefused(value, _ACCEPTED, "an empty glob")
        return OrderBy("pattern", globs=globs)
    if key not in _KEYS:
        raise ValueRefused(value, _ACCEPTED, f"unknown --order-by comparison {key!r}")
    name = cast("Key", key)
    if not comma:
        return OrderBy(name)
    direction, *more = rest.lower().split(",")
    if direction == "mixed" and len(more) < 2:
        return OrderBy(name, mixed=_percent(value, more[0]) if more else 50)
    if direction not in ("asc", "ascending", "desc", "descending", "mixed"):
        raise ValueRefused(value, _ACCEPTED, f"unknown --order-by sort direction {direction!r}")
    if more:
        raise ValueRefused(value, _ACCEPTED, "bad --order-by string: too many parts")
    return OrderBy(name, descending=direction.startswith("desc"))


def _percent(value: str, text: str) -> int:
    try:
        if parse_decimal(text) is None:
            raise ValueRefused(text, "digits")
        return parse_int(text.lstrip("0") or "0")
    except ValueRefused:
        raise ValueRefused(value, _ACCEPTED, f"bad mixed fraction {text!r}") from None
