"""From flags to what the rooms below ask for: options, filter, settings of a pass, output.

Law: pure; what files hold is handed in (`mirrorfs.cli.texts`), and so is the moment.
"""

from collections.abc import Callable

from mirrorfs.apply.pace import Pace
from mirrorfs.apply.quota import Cutoff, Quota
from mirrorfs.cli.flags import Flags, not_yet
from mirrorfs.cli.flags.filters import Filtering
from mirrorfs.core.filter import Filter, FilterOptions, Source
from mirrorfs.core.guard import CAREFUL, Limits
from mirrorfs.core.options import Links, Options, archive
from mirrorfs.core.record import record, replace
from mirrorfs.core.values import NOTHING, Reserve
from mirrorfs.errors import FatalError, SettingError, UsageError
from mirrorfs.hold import Recipe
from mirrorfs.mirror.noticing import Noticing
from mirrorfs.sync.settings import Settings
from mirrorfs.trees.local import Backup, Writing

NANOSECONDS = 1_000_000_000
ONE_PERCENT = Reserve(percent=1.0)
KEPT_TRUE = ("run", "mount")  # commands about a mirror that nobody stands beside

Texts = Callable[[str, str], str]  # (flag, file name) → content


@record
class Mirroring:
    """All that decides what a run does, and how to come to it again."""

    options: Options
    filter: Filter
    settings: Settings
    recipe: Recipe | None = None


def mirroring(command: str, flags: Flags, texts: Texts, *, now_ns: int, draw: int) -> Mirroring:
    """What the flags mean for a command. Raises SettingError, FatalError, FilterError."""
    verify(command, flags)
    deletes = command != "copy"
    return Mirroring(
        options=options(flags, delete=deletes, faithful=command in KEPT_TRUE),
        filter=Filter.build(filter_options(flags.filtering, texts, draw=draw), now_ns=now_ns),
        settings=Settings(
            transfers=flags.limiting.transfers,
            check_first=flags.copying.check_first or (deletes and flags.deleting.delete_before),
            ignore_errors=flags.deleting.ignore_errors,
            delete_first=deletes and (flags.deleting.delete_before or flags.deleting.delete_during),
            order=flags.limiting.order_by,
            limits=limits(flags, careful=command in KEPT_TRUE),
            compare_dest=flags.copying.compare_dest,
            copy_dest=flags.copying.copy_dest,
            writing=writing(flags, careful=command == "run"),
            partial_suffix=flags.copying.partial_suffix,
            stop_when_full=flags.linking.local_fatal_if_no_space,
            track_renames=_strategy(flags) if command != "copy" else None,
        ),
    )


def verify(command: str, flags: Flags) -> None:
    """What excludes each other, in rclone's words; then what nothing acts on yet. Raises
    SettingError, FatalError, UsageError."""
    deleting, copying, linking = flags.deleting, flags.copying, flags.linking
    if (deleting.delete_before, deleting.delete_during, deleting.delete_after).count(True) > 1:
        raise FatalError(
            "Only one of --delete-before, --delete-during or --delete-after can be used"
        )
    if linking.copy_links and (linking.links or linking.local_links):
        raise SettingError("can't use -l/--links with -L/--copy-links", remedy="leave one out")
    if copying.no_check_dest:
        if command != "copy":
            raise SettingError("can't use --no-check-dest with sync: use copy instead")
        if copying.immutable:
            raise SettingError("can't use --no-check-dest with --immutable")
        if deleting.backup_dir:
            raise SettingError("can't use --no-check-dest with --backup-dir")
    if copying.compare_dest and copying.copy_dest:
        raise SettingError("can't use --compare-dest with --copy-dest")
    if copying.compare_dest and command == "run":
        raise SettingError(
            "can't use --compare-dest with run: what changes in that directory is not watched"
        )
    if "/" in deleting.suffix:
        raise SettingError(f"--suffix {deleting.suffix!r} cannot be part of a name")
    if deleting.track_renames and deleting.delete_before and command != "copy":
        raise FatalError("can't use --delete-before with --track-renames")
    limiting = flags.limiting
    if command == "run" and (limiting.max_transfer >= 0 or limiting.max_duration):
        name = "max-duration" if limiting.max_duration else "max-transfer"
        raise UsageError(
            f"run goes on until it is stopped: --{name} is for sync and copy",
            remedy="use --bwlimit, or sync from a timer",
        )
    if command == "run" and (flags.important.dry_run or flags.important.interactive):
        name = "dry-run" if flags.important.dry_run else "interactive"
        raise UsageError(
            f"run does what it finds to do, as long as it runs: --{name} is for sync and copy",
            remedy="see `mirrorfs plan -a SRC DST` first",
        )
    idle = {"delete-before"} if command == "copy" else set()
    for name in not_yet(flags):
        if name in idle:  # copy deletes and renames nothing
            continue
        raise UsageError(f"--{name} is not supported yet", remedy="leave it out")


def options(flags: Flags, *, delete: bool, faithful: bool = False) -> Options:
    """``faithful``: -a unless the user said --archive=false."""
    copying, linking = flags.copying, flags.linking
    links = Links.SKIP
    if linking.copy_links:
        links = Links.FOLLOW
    elif linking.links or linking.local_links:
        links = Links.KEEP
    kept = copying.archive or (faithful and "archive" not in flags.given)
    # A faithful mirror keeps names that differ in their bytes alone.
    bytewise = kept and "no-unicode-normalization" not in flags.given
    made = Options(
        links=links,
        permissions=copying.metadata,
        owners=copying.metadata,
        xattrs=copying.metadata,
        times=not copying.no_update_modtime,
        directory_times=not copying.no_update_dir_modtime,
        access_times=copying.atimes,
        empty_directories=copying.create_empty_src_dirs,
        size_only=copying.size_only,
        checksum=copying.checksum,
        # Whatever is there is replaced: what --no-check-dest would do, seen from the outside.
        ignore_times=copying.ignore_times or copying.no_check_dest,
        ignore_size=copying.ignore_size,
        ignore_existing=copying.ignore_existing and not copying.no_check_dest,
        update=copying.update and not copying.no_check_dest,
        immutable=copying.immutable,
        modify_window_ns=max(1, copying.modify_window),
        delete=delete,
        delete_excluded=flags.filtering.delete_excluded,
        one_file_system=linking.one_file_system,
        normalise_names=not (bytewise or copying.no_unicode_normalization),
        fold_names=copying.ignore_case_sync,
        fix_case=copying.fix_case,
        backups_beside=bool(flags.deleting.suffix and not flags.deleting.backup_dir),
    )
    made = archive(made) if kept else made
    return replace(
        made,
        xattrs=made.xattrs and not copying.no_xattrs,
        hard_links=made.hard_links and not copying.no_hard_links,
    )


def pace(flags: Flags, said: Callable[[str], None]) -> Pace:
    """The limits on bandwidth; ``said`` hears when another one is in force."""
    return Pace(flags.limiting.bwlimit, flags.limiting.bwlimit_file, said=said)


def quota(flags: Flags) -> Quota:
    """How much the run may copy, and how long."""
    limiting = flags.limiting
    seconds = limiting.max_duration / NANOSECONDS
    return Quota(limiting.max_transfer, seconds, Cutoff(limiting.cutoff_mode))


def _strategy(flags: Flags) -> frozenset[str] | None:
    deleting = flags.deleting
    return deleting.track_renames_strategy if deleting.track_renames else None


def writing(flags: Flags, *, careful: bool) -> Writing:
    """How the destination is written. ``careful``: a service, which must not fill a disk that
    others write to."""
    deleting, backup, least = flags.deleting, None, flags.limiting.min_free
    if deleting.backup_dir or deleting.suffix:
        backup = Backup(deleting.backup_dir, deleting.suffix, deleting.suffix_keep_extension)
    return Writing(
        backup=backup,
        in_place=flags.copying.inplace,
        check_updated=not flags.linking.local_no_check_updated,
        min_free=least if least is not None else ONE_PERCENT if careful else NOTHING,
    )


def limits(flags: Flags, *, careful: bool) -> Limits:
    """``careful``: a service, whose plans nobody looks at; else what rclone's sync would do."""
    base = CAREFUL if careful else Limits()
    return Limits(
        max_delete=flags.deleting.max_delete,
        max_delete_size=flags.deleting.max_delete_size,
        share=base.share,
        empty_source=base.empty_source,
        adopted=base.adopted or flags.deleting.adopt,
        home=flags.deleting.adopt,
        refiltered=base.refiltered,
    )


_LISTS = ("include", "exclude", "filter")
_FILES = ("include_from", "exclude_from", "filter_from")
_NAMES = ("files_from", "files_from_raw", "files_from0")


def filter_options(flags: Filtering, texts: Texts, *, draw: int) -> FilterOptions:
    """``draw``: any number, for the random part of --hash-filter @/N."""
    sources = [Source("--" + name, value) for name in _LISTS for value in getattr(flags, name)]
    for field in (*_FILES, *_NAMES):
        flag = "--" + field.replace("_", "-")
        sources += [Source(flag, file, texts(flag, file)) for file in getattr(flags, field)]
    return FilterOptions(
        sources=tuple(sources),
        min_size=flags.min_size,
        max_size=flags.max_size,
        min_age=flags.min_age,
        max_age=flags.max_age,
        max_depth=flags.max_depth,
        ignore_case=flags.ignore_case,
        exclude_if_present=flags.exclude_if_present,
        hash_filter=flags.hash_filter,
        hash_draw=draw,
    )


def noticing(flags: Flags) -> Noticing:
    """How changes are noticed. Raises SettingError."""
    if flags.watching.poll_interval <= 0:
        raise SettingError("--poll-interval must be more than 0")
    return Noticing(flags.watching.watch_backend, flags.watching.poll_interval / NANOSECONDS)


def only_file(name: str) -> Filter:
    """A filter for one file of the root, whatever its name."""
    return Filter.build(FilterOptions(sources=(Source("--files-from0", "", name + "\0"),)))
