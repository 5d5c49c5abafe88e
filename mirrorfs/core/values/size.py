"""Sizes: a number with a binary suffix; a plain number counts KiB (rclone: SizeSuffix)."""

from .errors import ValueRefused
from .number import INT64_MAX, parse_decimal

_UNITS = "KMGTPE"
_ACCEPTED = "a size such as 100, 10B, 1.5K, 20Mi, 3GiB (B, K, M, G, T, P, E; plain is KiB) or 'off'"


def parse_size(value: str) -> int:
    """Bytes; -1 for `off`. Raises ValueRefused.

    >>> parse_size("1"), parse_size("1b"), parse_size("0.1k"), parse_size("OFF")
    (1024, 1, 102, -1)
    """
    if value.lower() == "off":
        return -1
    number, unit = _split(value)
    amount = parse_decimal(number)
    if amount is None:
        raise ValueRefused(value, _ACCEPTED)
    if amount < 0:
        raise ValueRefused(value, _ACCEPTED, "a size can't be negative")
    size = amount * unit
    if size > INT64_MAX:
        raise ValueRefused(value, _ACCEPTED, "too large")
    return int(size)


def _split(value: str) -> tuple[str, int]:
    """The number's text and the bytes of its unit; an unknown suffix stays with the number."""
    if value[-1:] in ("b", "B"):
        # `iB` needs a lower-case i and a unit before it; a lone B means bytes.
        if value[-2:-1] != "i":
            return value[:-1], 1
        value = value[:-1]
    elif value[-1:].isdigit() or value[-1:] == ".":
        return value, 1024
    if value[-1:] in ("i", "I"):
        value = value[:-1]
    unit = value[-1:].upper()
    if unit and unit in _UNITS:
        return value[:-1], 1024 ** (_UNITS.index(unit) + 1)
    return "", 0


def format_size(size: int, unit: str = "") -> str:
    """As rclone prints sizes: whole numbers bare, others with three decimals.

    >>> format_size(11), format_size(1536), format_size(-1), format_size(1536, "B")
    ('11', '1.500Ki', 'off', '1.500 KiB')
    """
    if size < 0:
        return "off"
    power = 0
    while power < len(_UNITS) and size >= 1024 ** (power + 1):
        power += 1
    scaled = size / 1024**power
    suffix = f"{_UNITS[power - 1]}i" if power else ""
    text = f"{scaled:.0f}" if scaled == int(scaled) else f"{scaled:.3f}"
    return f"{text} {suffix}{unit}" if unit else f"{text}{suffix}"
