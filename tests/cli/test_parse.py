"""The grammar of the command line, which is pflag's."""

import pytest

from mirrorfs.cli.parse import parse
from mirrorfs.errors import UsageError


def test_flags_stand_anywhere() -> None:
    parsed = parse("sync", ["--exclude", "*.o", "a", "-v", "b", "--dry-run"], {})
    assert parsed.places == ["a", "b"]
    assert parsed.flags.filtering.exclude == ("*.o",)
    assert parsed.flags.important.dry_run
    assert parsed.flags.logging.verbose == 1


@pytest.mark.parametrize("value", ["- *.o", "-2019-01-01", "--dry-run", "", "-", "--"])
def test_the_word_after_a_flag_is_its_value(value: str) -> None:
    parsed = parse("sync", ["--suffix", value, "a"], {})
    assert parsed.flags.deleting.suffix == value
    assert parsed.places == ["a"]
    assert not parsed.flags.important.dry_run


def test_short_flags_in_clusters() -> None:
    flags = parse("sync", ["-vnvf- *.o", "-cf", "+ x", "-P=false", "-v"], {}).flags
    assert flags.logging.verbose == 3
    assert flags.important.dry_run
    assert flags.copying.checksum
    assert not flags.logging.progress
    assert flags.filtering.filter == ("- *.o", "+ x")


def test_switches_take_a_value_with_an_equals_sign_only() -> None:
    parsed = parse("sync", ["--dry-run", "false", "--links=0", "--verbose=2"], {})
    assert parsed.flags.important.dry_run
    assert parsed.places == ["false"]
    assert not parsed.flags.linking.links
    assert parsed.flags.logging.verbose == 2


def test_two_dashes_end_the_flags() -> None:
    assert parse("sync", ["a", "--", "-v", "--"], {}).places == ["a", "-v", "--"]


def test_a_single_dash_is_a_place() -> None:
    assert parse("sync", ["-"], {}).places == ["-"]


@pytest.mark.parametrize(
    ("words", "message", "remedy"),
    [
        (["--dry-rum"], "unknown flag: --dry-rum", "did you mean --dry-run?"),
        (["--zzzzzz"], "unknown flag: --zzzzzz", "see `mirrorfs help flags`"),
        (["-vZ"], "unknown shorthand flag: 'Z' in -Z", "see `mirrorfs sync --help`"),
        (["--exclude"], "flag needs an argument: --exclude", ""),
        (["-f"], "flag needs an argument: -f", ""),
        (["--fast-list"], "--fast-list is refused: a local directory", "leave it out"),
        (["--one-way"], "--one-way does not belong to sync", "it goes with: check"),
        (["--checkers=x"], "invalid argument 'x' for --checkers: 'x' is not accepted", ""),
        (["--dry-run=maybe"], "invalid argument 'maybe' for --dry-run", ""),
        (["--fsync=often"], "one of never, checkpoint, replace, always", ""),
    ],
)
def test_what_is_wrong_is_named(words: list[str], message: str, remedy: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse("sync", words, {})
    assert message in str(caught.value)
    assert caught.value.remedy == remedy
