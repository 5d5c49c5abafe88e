"""Which paths a mirror is about."""

from mirrorfs.core.values import Age

from .kinds import TREES, Group, age, number, size, switch, text, texts


class Filtering(Group):
    """The first rule that matches decides; no match lets a path through."""

    filter: tuple[str, ...] = texts("Add a rule: '- *.o', '+ keep/**', '!'", "-f", value="RULE")
    filter_from: tuple[str, ...] = texts("Read rules from FILE (- is stdin)", value="FILE")
    exclude: tuple[str, ...] = texts("Leave out what matches", value="PATTERN")
    exclude_from: tuple[str, ...] = texts("Read exclude patterns from FILE", value="FILE")
    exclude_if_present: tuple[str, ...] = texts(
        "Leave out directories that hold a file NAME", value="NAME"
    )
    include: tuple[str, ...] = texts("Take what matches, and nothing else", value="PATTERN")
    include_from: tuple[str, ...] = texts("Read include patterns from FILE", value="FILE")
    files_from: tuple[str, ...] = texts("Take the files listed in FILE only", value="FILE")
    files_from_raw: tuple[str, ...] = texts("The same, without comments and trimming", value="FILE")
    files_from0: tuple[str, ...] = texts("The same, names end with NUL", value="FILE")
    ignore_case: bool = switch("Patterns match whatever the case")
    min_size: int = size("Leave out smaller files (a plain number counts KiB)")
    max_size: int = size("Leave out larger files (a plain number counts KiB)")
    min_age: Age | None = age("Leave out younger files")
    max_age: Age | None = age("Leave out older files")
    max_depth: int = number("Enter at most N levels of directories", -1)
    hash_filter: str = text("Take one of N parts of all files", value="K/N")
    delete_excluded: bool = switch("Delete from the destination what the filter leaves out")


class Linking(Group):
    """Symlinks, special files, other file systems."""

    links: bool = switch(
        "Mirror symlinks as symlinks", "-l", better="they need no .rclonelink in filter rules"
    )
    copy_links: bool = switch("Follow symlinks", "-L")
    one_file_system: bool = switch("Stay in one file system", "-x", on=TREES | {"watch", "doctor"})
    skip_links: bool = switch("Do not mention symlinks that are left out")
    skip_specials: bool = switch("Do not mention special files that are left out")
    local_links: bool = switch("The same as --links")
    local_no_check_updated: bool = switch("Copy files that change while they are read")
    local_fatal_if_no_space: bool = switch("Stop when the disk is full")
    local_metadata_restore_special_bits: bool = switch(
        "Restore setuid, setgid and sticky bits",
        ignored="with --metadata or --archive all twelve mode bits are kept",
    )
