"""Bandwidth limits: RATE, UP:DOWN, or a weekly timetable (rclone: BwTimetable).

A rate is bytes per second; -1 means no limit and 0 is kept as given (rclone: no limit too).
"""

import re
from collections.abc import Sequence

from mirrorfs.core.record import record

from .errors import ValueRefused
from .size import format_size, parse_size

_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_CLOCK = r"([01]\d|2[0-3]):([0-5]\d)"
_ACCEPTED = (
    "a rate such as 10M, UP:DOWN such as 10M:1M, 'off', or a timetable such as "
    "'08:00,512k Mon-12:00,10M:1M 23:00,off'"
)


@record
class Slot:
    """From `hhmm` (1340 is 13:40) on `weekday` (0 is Sunday) these rates hold."""

    weekday: int
    hhmm: int
    up: int
    down: int

    def limited(self) -> bool:
        return self.up > 0 or self.down > 0


UNLIMITED = Slot(0, 0, -1, -1)


def parse_bwlimit(value: str) -> tuple[Slot, ...]:
    """The slots in the order given, one per day where no day is named. Raises ValueRefused."""
    if not value:
        raise ValueRefused(value, _ACCEPTED)
    if not any(mark in value for mark in " ,;"):
        return (Slot(0, 0, *_rates(value, value)),)
    slots: list[Slot] = []
    for entry in re.split("[ ;]", value):
        when, comma, rate = entry.partition(",")
        if not comma or "," in rate:
            raise ValueRefused(value, _ACCEPTED, f"bad entry {entry!r}")
        day, dash, clock = when.rpartition("-")
        time = re.fullmatch(_CLOCK, clock, re.ASCII)
        if time is None:
            raise ValueRefused(value, _ACCEPTED, f"bad time {clock!r}")
        days = [_weekday(value, day)] if dash else range(7)
        up, down = _rates(value, rate)
        slots += [Slot(number, int(time[1]) * 100 + int(time[2]), up, down) for number in days]
    return tuple(slots)


def _weekday(value: str, name: str) -> int:
    wanted = name.lower()
    for number, day in enumerate(_DAYS):
        if wanted in (day, day[:3]):
            return number
    raise ValueRefused(value, _ACCEPTED, f"bad weekday {name!r}")


def _rates(value: str, text: str) -> tuple[int, int]:
    up, colon, down = text.partition(":")
    try:
        return parse_size(up), parse_size(down if colon else up)
    except ValueRefused:
        raise ValueRefused(value, _ACCEPTED, f"bad rate {text!r}") from None


def format_bwlimit(slots: Sequence[Slot]) -> str:
    """The timetable on one line, as rclone prints it; a constant limit is its rate alone."""
    if len(slots) == 1 and slots[0].weekday == slots[0].hhmm == 0:
        return _format_rates(slots[0])
    return " ".join(
        f"{_DAYS[slot.weekday][:3].title()}-{slot.hhmm // 100:02}:{slot.hhmm % 100:02},"
        f"{_format_rates(slot)}"
        for slot in slots
    )


def _format_rates(slot: Slot) -> str:
    up, down = format_size(slot.up), format_size(slot.down)
    return up if slot.up == slot.down else f"{up}:{down}"


def rate_at(slots: Sequence[Slot], weekday: int, hhmm: int) -> Slot:
    """The slot in force: the latest that has begun, else the week's last (the week wraps round).

    Of two slots at the same moment the later one in the table wins. No slots: no limit.
    """
    if not slots:
        return UNLIMITED
    begun = [slot for slot in slots if (slot.weekday, slot.hhmm) <= (weekday, hhmm)]
    # max() keeps the first of equals, so the table is read backwards.
    return max(reversed(begun or slots), key=lambda slot: (slot.weekday, slot.hhmm))
