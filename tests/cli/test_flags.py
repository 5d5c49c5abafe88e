"""The table of flags: every flag of rclone is known, and every one of ours can be set."""

from collections import Counter
from pathlib import Path

import pytest

from mirrorfs.cli import COMMANDS
from mirrorfs.cli.document import document
from mirrorfs.cli.flags import ALL, NOT_YET, REFUSED, Flag, Flags, Verdict, not_yet, of_command
from mirrorfs.cli.flags.refused import REASONS
from mirrorfs.cli.parse import parse
from mirrorfs.errors import UsageError

ROOT = Path(__file__).parents[2]
RCLONE = (Path(__file__).parent / "rclone-flags.txt").read_text().split()

SAMPLES = {
    "TEXT": "x", "N": "7", "SIZE": "3M", "DURATION": "5s", "AGE": "2d", "RATES": "1M", "FILE": "f",
    "DIR": "d", "ORDER": "size,desc", "LIST": "modtime", "RULE": "- x", "PATTERN": "*.o",
    "NAME": "n", "K/N": "1/2", "MODE": "skip", "UNIT": "bits", "FORMAT": "2006", "LETTERS": "ps",
    "WHAT": "filters", "SIZE|PERCENT": "2%", "PRESET": "caches",
}  # fmt: skip


def sample(flag: Flag) -> str:
    if flag.bare:
        return "3" if flag.counts else "false" if flag.default else "true"
    return flag.choices[-1].lower() if flag.choices else SAMPLES[flag.value]


def values(flags: Flags) -> dict[str, object]:
    return {name: getattr(group, name) for group in flags[:-1] for name in type(group).declarations}


def test_every_flag_of_rclone_is_taken_or_refused_with_a_reason() -> None:
    names = {name[2:] for name in RCLONE}
    assert len(names) > 200
    assert names - set(ALL) - set(REFUSED) == set()
    assert set(ALL) & set(REFUSED) == set()


def test_what_is_not_rclones_is_said_to_be_ours() -> None:
    own = {flag.name for flag in ALL.values() if flag.verdict is Verdict.OWN}
    theirs = {name[2:] for name in RCLONE}
    elsewhere = {"one-way", "download", "dedupe-mode", "by-hash"}  # of rclone's check and dedupe
    assert own == set(ALL) - theirs - elsewhere


def test_each_reason_is_a_sentence_and_each_flag_has_one() -> None:
    listed = [name for names in REASONS.values() for name in names.split()]
    assert [name for name, count in Counter(listed).items() if count > 1] == []
    assert all(reason[0].islower() and not reason.endswith(".") for reason in REASONS)


@pytest.mark.parametrize("command", COMMANDS)
def test_short_flags_are_unique_within_a_command(command: str) -> None:
    shorts = Counter(flag.short for flag in of_command(command).values() if flag.short)
    assert [short for short, count in shorts.items() if count > 1] == []


def test_commands_of_flags_exist() -> None:
    assert {command for flag in ALL.values() for command in flag.commands} <= set(COMMANDS)


@pytest.mark.parametrize("flag", ALL.values(), ids=lambda flag: flag.name)
def test_a_flag_is_set_by_line_and_environment_alike(flag: Flag) -> None:
    command, text = sorted(flag.commands)[0], sample(flag)
    default = values(parse(command, [], {}).flags)
    by_line = parse(command, [f"--{flag.name}={text}"], {}).flags
    by_environment = parse(command, [], {flag.variable: text}).flags
    by_file = parse(command, [], {}, {flag.name: text}).flags
    changed = {name for name, value in values(by_line).items() if value != default[name]}
    assert changed == {flag.field}
    assert values(by_line) == values(by_environment) == values(by_file)
    assert by_line.given == by_environment.given == {flag.name}
    assert flag.help
    assert (flag.name in NOT_YET) == (not_yet(by_line) == [flag.name])


def test_line_beats_environment_beats_configuration() -> None:
    line, environment, file = ["--transfers=2"], {"MIRRORFS_TRANSFERS": "3"}, {"transfers": 5}
    for expected, *layers in (
        (2, line, environment, file),
        (3, [], environment, file),
        (5, [], {}, file),
        (4, [], {}, {}),
    ):
        assert parse("sync", *layers).flags.limiting.transfers == expected


def test_lists_of_the_environment_are_comma_separated() -> None:
    flags = parse("sync", [], {"MIRRORFS_EXCLUDE": '*.o,"{a,b}"'}).flags
    assert flags.filtering.exclude == ("*.o", "{a,b}")


def test_environment_misspelled_is_said_and_refused_is_refused() -> None:
    assert parse("sync", [], {"MIRRORFS_DRYRUN": "1"}).warnings == [
        "MIRRORFS_DRYRUN sets no option of mirrorfs"
    ]
    assert parse("status", [], {"MIRRORFS_DRY_RUN": "1"}).warnings == []
    assert parse("sync", [], {"MIRRORFS_NATIVE": "0"}).warnings == []
    with pytest.raises(UsageError, match=r"\$MIRRORFS_RC: --rc is refused"):
        parse("sync", [], {"MIRRORFS_RC": "true"})


def test_settings_cannot_be_changed() -> None:
    flags = parse("sync", [], {}).flags
    with pytest.raises(AttributeError, match="immutable"):
        flags.copying.checksum = True  # type: ignore[misc]


def test_the_documentation_is_true() -> None:
    written = (ROOT / "docs/flags.md").read_text()
    assert written == document(), "write it anew: python -m mirrorfs.cli.document > docs/flags.md"
