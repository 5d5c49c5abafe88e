"""Spans of time and ages: ms s m h d w M y, Go's combinations, or a date (rclone: Duration)."""

import re
from typing import TYPE_CHECKING

from mirrorfs.core.record import record

from .errors import ValueRefused
from .number import INT64_MAX, parse_decimal

if TYPE_CHECKING:
    from datetime import tzinfo

_SECOND = 1_000_000_000
_DAY = 86_400 * _SECOND
_GO_UNITS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3_600 * _SECOND,
}
_LONG_UNITS = {"d": _DAY, "w": 7 * _DAY, "M": 30 * _DAY, "y": 365 * _DAY}
_TERM = r"(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)"
_GO = rf"([+-]?)((?:{_TERM})+)"
_DATE = r"(\d{4}-\d\d-\d\d)(?:([T ])(\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)?)?"
_ACCEPTED = (
    "a duration such as 10 (seconds), 1.5s, 1h30m, 2d, 3w, 4M, 1y (ms, s, m, h, d, w, M, y), "
    "a date such as 2006-01-02 or 2006-01-02T15:04:05Z, or 'off'"
)


@record
class Age:
    """Either a span before now or a fixed instant, in ns; exactly one of the two is set."""

    span_ns: int | None = None
    instant_ns: int | None = None

    def cutoff(self, now_ns: int) -> int:
        """The instant (ns since the epoch) that lies this age before `now_ns`."""
        return self.instant_ns if self.instant_ns is not None else now_ns - (self.span_ns or 0)


def parse_age(value: str, tz: "tzinfo | None" = None) -> Age | None:
    """A span or a date; None for `off`. `tz` is the zone of dates without one (local: None).

    Raises ValueRefused.
    """
    if value == "off":
        return None
    span = _go_duration(value)
    if span is None:
        span = _single_suffix(value)
    if span is not None:
        if not -INT64_MAX - 1 <= span <= INT64_MAX:
            raise ValueRefused(value, _ACCEPTED, "too long")
        return Age(span_ns=span)
    return Age(instant_ns=_date(value, tz))


def parse_duration(
    value: str, *, now_ns: int | None = None, tz: "tzinfo | None" = None
) -> int | None:
    """Nanoseconds, None for `off`. A date means the span from it to `now_ns`.

    Without `now_ns` a date is refused: the flag wants a span. Raises ValueRefused.
    """
    age = parse_age(value, tz)
    if age is None:
        return None
    if age.instant_ns is None:
        return age.span_ns
    if now_ns is None:
        raise ValueRefused(
            value, "a duration such as 10 (seconds), 1.5s, 1h30m, 2d", "it is a date"
        )
    return now_ns - age.instant_ns


def _go_duration(value: str) -> int | None:
    whole = re.fullmatch(_GO, value, re.ASCII)
    if whole is None:
        return 0 if value in ("0", "+0", "-0") else None
    terms = re.findall(_TERM, whole[2], re.ASCII)
    total = sum(_times(number, _GO_UNITS[unit]) for number, unit in terms)
    return -total if whole[1] == "-" else total


def _single_suffix(value: str) -> int | None:
    unit = _LONG_UNITS.get(value[-1:])
    number = value if unit is None else value[:-1]
    amount = parse_decimal(number)
    if amount is None:
        return None
    # Bounded before it becomes an int: 1e999999999 would have a billion digits.
    if abs(amount) > INT64_MAX:
        return 2 * INT64_MAX
    return _times(number, unit or _SECOND)


def _times(number: str, unit: int) -> int:
    # Decimal, so that 0.1 of a unit is exact and a long fraction loses nothing.
    from decimal import Decimal, localcontext

    with localcontext(prec=60):
        return int(Decimal(number) * unit)


def _date(value: str, tz: "tzinfo | None") -> int:
    from datetime import UTC, datetime

    parts = re.fullmatch(_DATE, value, re.ASCII)
    if parts is None or (parts[5] and parts[2] != "T"):
        raise ValueRefused(value, _ACCEPTED)
    try:
        moment = datetime.fromisoformat(f"{parts[1]}T{parts[3] or '00:00:00'}")
        zone = _zone(parts[5]) if parts[5] else tz
        aware = moment.replace(tzinfo=zone) if zone else moment.astimezone()
        since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise ValueRefused(value, _ACCEPTED, str(error)) from None
    fraction = int(((parts[4] or "") + "000000000")[:9])
    return (since.days * 86_400 + since.seconds) * _SECOND + fraction


def _zone(text: str) -> "tzinfo":
    from datetime import UTC, timedelta, timezone

    if text == "Z":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return timezone(-offset if text[0] == "-" else offset)


def format_duration(span_ns: int | None) -> str:
    """As rclone prints a duration: `off`, `1.5d`, `1w`, or Go's `1h0m0s`, `1.5s`, `20ms`."""
    if span_ns is None:
        return "off"
    for suffix in ("y", "M", "w", "d"):
        if abs(span_ns) >= _LONG_UNITS[suffix]:
            return _bare(f"{span_ns / _LONG_UNITS[suffix]!r}") + suffix
    if span_ns == 0:
        return "0s"
    sign, rest = ("-", -span_ns) if span_ns < 0 else ("", span_ns)
    if rest < _SECOND:
        name = "ns" if rest < 1_000 else "\u00b5s" if rest < 1_000_000 else "ms"
        return sign + _quotient(rest, _GO_UNITS[name]) + name
    minutes, left = divmod(rest, 60 * _SECOND)
    seconds = _quotient(left, _SECOND) + "s"
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{sign}{hours}h{minutes}m{seconds}"
    return f"{sign}{minutes}m{seconds}" if minutes else sign + seconds


def _quotient(span_ns: int, unit: int) -> str:
    if span_ns % unit == 0:
        return str(span_ns // unit)
    from decimal import Decimal

    return _bare(str(Decimal(span_ns) / unit))


def _bare(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


def format_readable(span_ns: int | None, units: int | None = None) -> str:
    """`1y2w3d4h5m6s7ms`, at most the `units` largest of them (an ETA shows three)."""
    if span_ns is None:
        return "off"
    sign, rest = ("-", -span_ns) if span_ns < 0 else ("", span_ns)
    parts = []
    for suffix in ("y", "w", "d", "h", "m", "s", "ms"):
        count, rest = divmod(rest, _LONG_UNITS.get(suffix) or _GO_UNITS[suffix])
        if count:
            parts.append(f"{count}{suffix}")
    return sign + "".join(parts[:units]) if parts else "0s"
