"""How much of a file system is to stay free: a size, or a share of the whole (1%)."""

from typing import NamedTuple

from .errors import ValueRefused
from .number import parse_decimal
from .size import format_size, parse_size

_ACCEPTED = "a size such as 10G (a plain number counts KiB), a share such as 1%, or 'off'"


class Reserve(NamedTuple):
    """``size`` in bytes or, where that is 0, ``percent`` of the file system."""

    size: int = 0
    percent: float = 0.0

    def of(self, total: int) -> int:
        """The bytes that stay free of ``total``."""
        return self.size or int(total * self.percent / 100)

    def __str__(self) -> str:
        return format_size(self.size) if self.size else f"{self.percent:g}%"


NOTHING = Reserve()


def parse_reserve(value: str) -> Reserve:
    """Nothing is kept free for `off`. Raises ValueRefused.

    >>> parse_reserve("1.5%"), parse_reserve("10M"), parse_reserve("off") == NOTHING
    (Reserve(size=0, percent=1.5), Reserve(size=10485760, percent=0.0), True)
    """
    if not value.endswith("%"):
        return Reserve(size=max(0, parse_size(value)))
    percent = parse_decimal(value[:-1])
    if percent is None or not 0 <= percent < 100:
        raise ValueRefused(value, _ACCEPTED)
    return Reserve(percent=percent)
