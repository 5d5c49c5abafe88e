"""What flags mean for the rooms below."""

from pathlib import Path

import pytest

from mirrorfs.cli.parse import parse
from mirrorfs.cli.settings import Mirroring, mirroring, only_file
from mirrorfs.cli.texts import read_text
from mirrorfs.core.options import Links, Options, archive
from mirrorfs.errors import ExitCode, MirrorError, SettingError


def meaning(command: str, *words: str) -> Mirroring:
    texts = {"rules": "- *.o\n+ keep/**\n", "names": "a\nd/b\n"}
    flags = parse(command, words, {}).flags
    return mirroring(command, flags, lambda flag, file: texts[file], now_ns=10**18, draw=0)


def test_defaults_are_rclones() -> None:
    assert meaning("sync").options == Options(normalise_names=True)
    assert meaning("copy").options == Options(normalise_names=True, delete=False)
    assert meaning("sync").settings.limits.max_delete == -1


def test_run_keeps_everything_and_is_careful() -> None:
    assert meaning("run").options == archive(Options())
    assert meaning("run", "--archive=false").options == Options(normalise_names=True)
    assert not meaning("run").settings.limits.adopted
    assert meaning("run", "--adopt").settings.limits.adopted


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        ("-l", "links", Links.KEEP),
        ("--local-links", "links", Links.KEEP),
        ("-L", "links", Links.FOLLOW),
        ("-a", "links", Links.KEEP),
        ("-a -L", "links", Links.FOLLOW),
        ("-a", "hard_links", True),
        ("-M", "permissions", True),
        ("-M", "owners", True),
        ("-M", "xattrs", True),
        ("--no-update-modtime", "times", False),
        ("--no-update-dir-modtime", "directory_times", False),
        ("--create-empty-src-dirs", "empty_directories", True),
        ("--size-only", "size_only", True),
        ("-c", "checksum", True),
        ("-I", "ignore_times", True),
        ("--ignore-size", "ignore_size", True),
        ("--ignore-existing", "ignore_existing", True),
        ("-u", "update", True),
        ("--immutable", "immutable", True),
        ("--modify-window 2s", "modify_window_ns", 2_000_000_000),
        ("--modify-window 0s", "modify_window_ns", 1),
        ("--delete-excluded", "delete_excluded", True),
        ("-x", "one_file_system", True),
        ("-a", "normalise_names", False),
        ("-a --no-unicode-normalization=false", "normalise_names", True),
        ("--no-unicode-normalization", "normalise_names", False),
        ("--ignore-case-sync", "fold_names", True),
        ("--fix-case", "fix_case", True),
    ],
)
def test_options(words: str, field: str, value: object) -> None:
    assert getattr(meaning("sync", *words.split()).options, field) == value


def test_settings_of_a_pass() -> None:
    made = meaning(
        "sync", "--transfers=0", "--check-first", "--ignore-errors", "--max-delete=5",
        "--max-delete-size=1k",
    ).settings  # fmt: skip
    assert (made.transfers, made.check_first, made.ignore_errors) == (1, True, True)
    assert (made.limits.max_delete, made.limits.max_delete_size) == (5, 1024)


def test_filters_are_built_from_flags_and_files() -> None:
    made = meaning("sync", "--filter-from=rules", "--exclude=*.tmp", "--max-size=1b").filter
    assert [made.includes(path) for path in ("a", "a.o", "keep/a.o", "a.tmp")] == [
        True, False, False, False,
    ]  # fmt: skip
    assert not made.includes("big", size=2)
    listed = meaning("sync", "--files-from=names").filter
    assert [listed.includes(path) for path in ("a", "b", "d/b", "d/c")] == [
        True,
        False,
        True,
        False,
    ]


def test_one_file_whatever_its_name() -> None:
    for name in ("plain", "# odd\n*", " trimmed "):
        assert only_file(name).includes(name)
        assert not only_file(name).includes(name + "x")


@pytest.mark.parametrize(
    ("command", "words", "message", "code"),
    [
        ("sync", "--delete-before --delete-after", "Only one of --delete-before, --delete", 7),
        ("sync", "-l -L", "can't use -l/--links with -L/--copy-links", 1),
        ("sync", "--no-check-dest", "can't use --no-check-dest with sync: use copy instead", 1),
        ("copy", "--no-check-dest --immutable", "can't use --no-check-dest with --immutable", 1),
        ("copy", "--no-check-dest --backup-dir=b", "can't use --no-check-dest with --backup-", 1),
        ("sync", "--compare-dest=a --copy-dest=b", "can't use --compare-dest with --copy-dest", 1),
        ("sync", "--delete-before --track-renames", "can't use --delete-before with --track-", 7),
        ("sync", "--name-transform=lowercase", "--name-transform is not supported yet", 2),
        ("sync", "--exclude=[", "Failed to load filters", 1),
        ("sync", "--min-age=3d --max-age=1d", "can't be larger than --max-age", 1),
    ],
)
def test_what_cannot_be_is_refused(command: str, words: str, message: str, code: int) -> None:
    with pytest.raises(MirrorError) as caught:
        meaning(command, *words.split())
    assert message in str(caught.value)
    assert caught.value.exit_code == ExitCode(code)


def test_copy_needs_no_help_not_to_delete() -> None:
    assert not meaning("copy", "--delete-before", "--track-renames").options.delete


def test_files_of_rules_keep_their_bytes(tmp_path: Path) -> None:
    (tmp_path / "rules").write_bytes(b"- \xff\n")
    assert read_text("--filter-from", str(tmp_path / "rules")) == "- \udcff\n"
    with pytest.raises(SettingError, match=r"Failed to load filters: --filter-from .*No such file"):
        read_text("--filter-from", str(tmp_path / "none"))
