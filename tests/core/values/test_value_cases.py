"""What rclone makes of flag values (cases.json: value, accepted or not, and its meaning)."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mirrorfs.core import values
from mirrorfs.core.values import ValueRefused

DAY = 86_400 * 10**9
CASES = json.loads(Path(__file__).with_name("cases.json").read_text())


def cases(group, key="value"):
    return [pytest.param(case, id=str(case.get(key))) for case in CASES[group] if key in case]


def accepted(case, parse):
    """The parsed value; None when it is refused, as it must be."""
    if case["ok"]:
        return parse(case["value"])
    with pytest.raises(ValueRefused) as caught:
        parse(case["value"])
    assert repr(case["value"]) in str(caught.value)
    assert caught.value.accepted in str(caught.value)
    return None


@pytest.mark.parametrize("case", cases("size"))
def test_size(case):
    assert accepted(case, values.parse_size) == case["bytes"]


@pytest.mark.parametrize("case", cases("size_text", "bytes"))
def test_size_text(case):
    assert values.format_size(case["bytes"]) == case["short"]
    assert values.format_size(case["bytes"], "B") == case["long"]


@pytest.mark.parametrize("case", cases("duration"))
def test_duration(case):
    if case["ns"] != "date":
        assert accepted(case, values.parse_duration) == case["ns"]
        return
    # A date is counted from now, in the zone it names or the one given.
    now = datetime(2020, 1, 1, tzinfo=UTC)
    moment = datetime.fromisoformat(case["value"])
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    now_ns = int(now.timestamp()) * 10**9
    span = round((now - moment).total_seconds() * 1000) * 10**6
    assert values.parse_duration(case["value"], now_ns=now_ns, tz=UTC) == span
    with pytest.raises(ValueRefused, match="date"):
        values.parse_duration(case["value"], tz=UTC)


@pytest.mark.parametrize("case", cases("duration_text", "text"))
def test_duration_text(case):
    ns = None if case["seconds"] is None else case["seconds"] * 10**9
    assert values.format_duration(ns) == case["text"]


@pytest.mark.parametrize("case", cases("duration_text", "long"))
def test_readable(case):
    units = {"y": 365 * DAY, "w": 7 * DAY, "d": DAY, "h": DAY // 24, "m": DAY // 1440}
    units |= {"s": 10**9, "ms": 10**6}
    ns = sum(int(count) * units[unit] for count, unit in re.findall(r"(\d+)(\D+)", case["value"]))
    assert values.format_readable(ns) == case["long"]
    assert values.format_readable(ns, 3) == case["short3"]


@pytest.mark.parametrize("case", cases("bwlimit"))
def test_bwlimit(case):
    slots = accepted(case, values.parse_bwlimit)
    if slots is not None:
        shown = [[s.weekday, f"{s.hhmm // 100:02}:{s.hhmm % 100:02}", s.up, s.down] for s in slots]
        assert shown == case["slots"]
        if case["text"] is not None:
            assert values.format_bwlimit(slots) == case["text"]
            assert values.parse_bwlimit(case["text"]) == slots


@pytest.mark.parametrize("case", cases("bwlimit", "timetable"))
def test_rate_at(case):
    table = values.parse_bwlimit(case["timetable"])
    for entry in case["at"]:
        at = datetime.fromisoformat(entry["time"])
        slot = values.rate_at(table, at.isoweekday() % 7, at.hour * 100 + at.minute)
        day, clock = entry["slot"]
        assert (slot.weekday, slot.hhmm) == (day, int(clock.replace(":", "")))


@pytest.mark.parametrize("case", cases("order_by"))
def test_order_by(case):
    accepted(case, values.parse_order_by)


@pytest.mark.parametrize("case", cases("strategy"))
def test_rename_strategy(case):
    parsed = accepted(case, values.parse_rename_strategy)
    assert parsed is None or parsed == set(case["parts"]) - {"size"}


@pytest.mark.parametrize("case", cases("enum"))
def test_choice(case):
    parse = {"cutoff_mode": values.parse_cutoff_mode, "log_level": values.parse_log_level}
    assert accepted(case, parse[case["kind"]]) == case["value"].upper()


@pytest.mark.parametrize("case", cases("ints"))
def test_count(case):
    number = accepted(case, values.parse_count)
    assert number is None or number == max(1, int(case["value"]))


@pytest.mark.parametrize("case", cases("suffix_name", "path"))
def test_suffix_name(case):
    keep = case["keep_extension"]
    assert values.suffix_name(case["path"], case["suffix"], keep_extension=keep) == case["want"]
