"""Log lines in every format: one line each, whatever the names hold."""

import io
import re
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorfs.core.carry import loads
from mirrorfs.output import jsonlog, systemd, text
from mirrorfs.output.escape import printable
from mirrorfs.output.gotime import format_time
from mirrorfs.output.log import Level, Log, to_stream

anything = st.text(st.characters(codec=None, exclude_categories=()))


@given(anything)
def test_printable_is_one_line_without_anything_hidden(name: str) -> None:
    shown = printable(name)
    assert len(shown.splitlines()) <= 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)
    shown.encode()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain/é 中", "plain/é 中"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\udcff", r"\xff"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\x9b2J", r"\x9b2J"),
        ("\U000e0001", r"\U000e0001"),
        ("a\u00a0b", "a\u00a0b"),
    ],
)
def test_printable(name: str, shown: str) -> None:
    assert printable(name) == shown


def test_text_has_rclones_form() -> None:
    line = text.line(Level.INFO, "a\nb", "Copied (new)", {})
    assert re.fullmatch(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d INFO  : a\\nb: Copied \(new\)", line)
    assert text.plain(Level.NOTICE, "", "x") == "NOTICE: x"
    assert text.plain(Level.CRITICAL, "", "x") == "CRITICAL: x"


def test_every_line_for_systemd_has_its_level() -> None:
    assert systemd.line(Level.ERROR, "p", "one\ntwo", {}) == "<3>ERROR : p: one\n<3>two"


names = st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape"))


@given(names, names)
def test_json_is_one_object_on_one_line(path: str, message: str) -> None:
    line = jsonlog.line(Level.NOTICE, path, message, {"size": 3})
    assert "\n" not in line
    line.encode("ascii")
    record = loads(line)
    assert (record["level"], record["msg"], record["size"]) == ("notice", message, 3)
    assert record.get("object", "") == path
    assert datetime.fromisoformat(record["time"]).tzinfo is not None


@pytest.mark.parametrize("level", Level)
def test_a_log_shows_its_level_and_what_is_graver(level: Level) -> None:
    lines: list[str] = []
    log = Log(level, lambda level, path, message, more: message, lines.append)
    for each in Level:
        log.log(each, each.name)
    assert lines == [each.name for each in Level if each <= level]


def test_a_log_that_cannot_be_written_goes_to_standard_error(
    capfd: pytest.CaptureFixture[str],
) -> None:
    stream = io.StringIO()
    stream.close()
    Log(write=to_stream(stream)).error("message")
    assert "ERROR : message" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("layout", "shown"),
    [
        ("2006/01/02 15:04:05 - ", "2024/03/09 17:05:08 - "),
        ("Mon Jan 02 2006 03:04 PM", "Sat Mar 09 2024 05:05 PM"),
        ("15:04:05.000", "17:05:08.250"),
        ("06 Monday January", "24 Saturday March"),
        ("nothing", "nothing"),
    ],
)
def test_go_layouts(layout: str, shown: str) -> None:
    assert format_time(datetime(2024, 3, 9, 17, 5, 8, 250000), layout) == shown
