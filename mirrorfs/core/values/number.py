"""Numbers and booleans, as Go's flag package reads them (rclone's flags are Go's)."""

import re

from .errors import ValueRefused

_TRUE = frozenset(("1", "t", "T", "true", "TRUE", "True"))
_FALSE = frozenset(("0", "f", "F", "false", "FALSE", "False"))
# Patterns are compiled when they are used: most starts use none.
_OCTAL = r"[+-]?0_?[0-7][0-7_]*"
_FLOAT = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"

INT64_MAX = (1 << 63) - 1


def parse_bool(value: str) -> bool:
    """True or False from the twelve spellings Go knows. Raises ValueRefused."""
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ValueRefused(value, "true or false (1, t, T, TRUE, 0, f, F, FALSE...)")


def parse_int(value: str) -> int:
    """A 64-bit integer; 0x, 0o, 0b and a leading 0 (octal) set the base. Raises ValueRefused."""
    accepted = "an integer"
    try:
        if value != value.strip() or not value.isascii():
            raise ValueError
        # Go reads a leading zero as octal; Python's base 0 refuses it.
        number = int(value, 8) if re.fullmatch(_OCTAL, value, re.ASCII) else int(value, 0)
    except ValueError:
        raise ValueRefused(value, accepted) from None
    if not -INT64_MAX - 1 <= number <= INT64_MAX:
        raise ValueRefused(value, accepted, "out of range")
    return number


def parse_count(value: str) -> int:
    """An integer raised to 1 when it is less (rclone: --transfers, --checkers, --retries)."""
    return max(1, parse_int(value))


def parse_decimal(value: str) -> float | None:
    """A plain decimal number, or None when `value` is something else."""
    return float(value) if re.fullmatch(_FLOAT, value, re.ASCII) else None
