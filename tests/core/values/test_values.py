"""Values beyond the recorded facts: the edges, as rclone 1.60.1 takes them."""

import pickle
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorfs.core import values
from mirrorfs.core.values import OrderBy, Slot, ValueRefused
from mirrorfs.errors import UsageError

DAY = 86_400 * 10**9


@pytest.mark.parametrize(
    ("text", "size"),
    [("1e3", 1024000), ("+1", 1024), (".5", 512), ("1kiB", 1024), ("1eib", 1 << 60), ("0b", 0)],
)
def test_size_forms(text, size):
    assert values.parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    ["1KIB", "1KB", "1i", "1iB", "inf", "nan", "0x10", "-1", " 1", ".", "k", "b", "iB", "8E"],
)
def test_size_refused(text):
    with pytest.raises(ValueRefused):
        values.parse_size(text)


@given(st.integers(0, 1 << 62))
def test_whole_sizes_read_back(size):
    text = values.format_size(size)
    if size < 1024:
        assert values.parse_size(text + "B") == size
    else:
        # Three decimals of the unit remain.
        assert abs(values.parse_size(text) - size) <= size / 1000


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1h30m", 5400 * 10**9), ("1e3", 10**12), ("+1s", 10**9), ("-1d", -DAY), ("0", 0),
        (".5s", 5 * 10**8), ("5.s", 5 * 10**9), ("1us", 1000), ("1µs", 1000), ("200y", 73000 * DAY),
        ("20010203", 20010203 * 10**9), ("1M", 30 * DAY), ("1m", 60 * 10**9), ("0.1s", 10**8),
        ("off", None),
    ],
)  # fmt: skip
def test_duration_forms(text, ns):
    assert values.parse_duration(text) == ns


@pytest.mark.parametrize(
    "text",
    ["1d12h", "1.5 d", "", "OFF", "2001-02-03T10:11", "2001-02-03T10:11:12+0000", "2001-2-3",
     "2001-02-30", "1H", "1D", "inf", "1e999999999", "300y", "2001-02-03 10:11:12Z", "s"],
)  # fmt: skip
def test_age_refused(text):
    with pytest.raises(ValueRefused):
        values.parse_age(text)


def test_a_date_is_an_instant_in_its_zone():
    east = timezone(timedelta(hours=2))
    assert values.parse_age("1970-01-02", UTC).instant_ns == DAY
    assert values.parse_age("1970-01-02", east).instant_ns == DAY - 7200 * 10**9
    assert values.parse_age("1970-01-02T00:00:00.5+02:00").instant_ns == DAY - 71995 * 10**8
    assert values.parse_age("1970-01-02 00:00:00.000000001", UTC).cutoff(99) == DAY + 1
    assert values.parse_age("1d").cutoff(3 * DAY) == 2 * DAY


def test_a_date_without_a_zone_is_local(monkeypatch):
    monkeypatch.setenv("TZ", "Etc/GMT-3")
    import time

    time.tzset()
    try:
        assert values.parse_age("1970-01-02").instant_ns == DAY - 3 * 3600 * 10**9
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("ns", "text"),
    [(0, "0s"), (1, "1ns"), (1500, "1.5µs"), (20 * 10**6, "20ms"), (1500 * 10**6, "1.5s"),
     (3600 * 10**9, "1h0m0s"), (-90 * 10**9, "-1m30s"), (36 * 3600 * 10**9, "1.5d"),
     (7 * DAY, "1w")],
)  # fmt: skip
def test_duration_text(ns, text):
    assert values.format_duration(ns) == text


@given(st.integers(-(1 << 62), 1 << 62))
def test_durations_read_back(ns):
    again = values.parse_duration(values.format_duration(ns))
    # From a day on the text is a float of days.
    assert abs(again - ns) <= (0 if abs(ns) < DAY else max(1, abs(ns) / 10**14))


@pytest.mark.parametrize(
    "text",
    ["", "10M  20M", "10:00,1M  11:00,2M", "1:", ":1", " 1M", "24:00,1", "10-00,1", "10:00,", "1,2",
     "Mo-10:00,1", "Mon-10:00,1M;", "Mon-10:00"],
)  # fmt: skip
def test_bwlimit_refused(text):
    with pytest.raises(ValueRefused):
        values.parse_bwlimit(text)


def test_bwlimit_forms():
    assert values.parse_bwlimit("10M:off") == (Slot(0, 0, 10 << 20, -1),)
    assert values.parse_bwlimit("monday-10:00,1;SUN-11:30,off") == (
        Slot(1, 1000, 1024, 1024),
        Slot(0, 1130, -1, -1),
    )
    assert not values.UNLIMITED.limited()
    assert values.rate_at((), 3, 1200) == values.UNLIMITED


def test_the_week_wraps_round_and_the_later_of_equals_wins():
    table = values.parse_bwlimit("Fri-00:00,1 Mon-10:00,2 Mon-10:00,3")
    assert values.rate_at(table, 0, 0).weekday == 5
    assert values.rate_at(table, 1, 959).weekday == 5
    assert values.rate_at(table, 1, 1000).up == 3 * 1024


def test_order_by_meaning():
    assert values.parse_order_by("") is None
    assert values.parse_order_by("SIZE,DESC") == OrderBy("size", descending=True)
    assert values.parse_order_by("size,mixed") == OrderBy("size", mixed=50)
    assert values.parse_order_by("size,mixed,075") == OrderBy("size", mixed=75)
    assert values.parse_order_by("name,asc") == OrderBy("name")
    globs = OrderBy("pattern", globs=("*.{a,b}", "Z*"))
    assert values.parse_order_by("pattern,*.{a,b},Z*") == globs


@pytest.mark.parametrize(
    "text", ["size,sideways", "size,", "size,mixed,", "size,mixed,1,2", "size,asc,1", "pattern,a,"]
)
def test_order_by_refused(text):
    with pytest.raises(ValueRefused):
        values.parse_order_by(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0x10", 16),
        ("010", 8),
        ("1_0", 10),
        ("+4", 4),
        ("0b11", 3),
        ("0o7", 7),
        ("-0", 0),
        ("0", 0),
    ],
)
def test_int_forms(text, number):
    assert values.parse_int(text) == number


@pytest.mark.parametrize("text", ["", " 4", "4.0", "08", "9" * 20, "9" * 5000, "x", "٤", "4\n"])
def test_int_refused(text):
    with pytest.raises(ValueRefused):
        values.parse_int(text)


def test_bool():
    assert values.parse_bool("t") is values.parse_bool("TRUE") is values.parse_bool("1") is True
    assert values.parse_bool("False") is values.parse_bool("0") is False
    for text in ("", "yes", "tRUE", "2"):
        with pytest.raises(ValueRefused):
            values.parse_bool(text)


def test_choices_refused():
    for parse in (values.parse_cutoff_mode, values.parse_log_level, values.parse_rename_strategy):
        with pytest.raises(ValueRefused):
            parse("potato")
    with pytest.raises(ValueRefused):
        values.parse_rename_strategy("")


@pytest.mark.parametrize(
    ("path", "want"),
    [("d.x/a", "d.x/a-S"), ("d/a.tar.gz", "d/a-S.tar.gz"), ("a.v1.gz", "a.v1-S.gz"),
     (".bashrc", "-S.bashrc"), ("a.", "a-S."), ("d.tar/a.TAR.gz", "d.tar/a-S.TAR.gz")],
)  # fmt: skip
def test_extensions_that_are_kept(path, want):
    assert values.suffix_name(path, "-S", keep_extension=True) == want


def test_partial_suffix():
    assert values.parse_partial_suffix(".partial") == ".partial"
    for text in ("", "/x", "x" * 17, "a\0"):
        with pytest.raises(ValueRefused):
            values.parse_partial_suffix(text)


def test_a_refusal_is_the_users_to_correct_and_survives_pickling():
    error = ValueRefused("x", "a number", "too odd")
    assert isinstance(error, UsageError)
    assert (
        str(pickle.loads(pickle.dumps(error)))
        == str(error)
        == ("'x' is not accepted (too odd); expected a number")
    )


@pytest.mark.parametrize(
    ("text", "of_a_million", "shown"),
    [("10B", 10, "10"), ("1K", 1024, "1Ki"), ("1%", 10_000, "1%"), ("0.5%", 5_000, "0.5%")],
)
def test_a_reserve_is_a_size_or_a_share(text: str, of_a_million: int, shown: str) -> None:
    reserve = values.parse_reserve(text)
    assert reserve.of(1_000_000) == of_a_million
    assert str(reserve) == shown


@pytest.mark.parametrize("text", ["off", "0", "0%"])
def test_no_reserve(text: str) -> None:
    assert values.parse_reserve(text) == values.NOTHING


@pytest.mark.parametrize("text", ["%", "-1%", "100%", "nan%", "1%%", "x", ""])
def test_what_is_no_reserve(text: str) -> None:
    with pytest.raises(values.ValueRefused):
        values.parse_reserve(text)
