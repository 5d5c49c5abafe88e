"""What is copied, how two files are compared, and when deleting is allowed."""

from .kinds import (
    MIRRORS,
    TREES,
    Group,
    choice,
    duration,
    number,
    partial_suffix,
    size,
    strategy,
    switch,
    text,
    texts,
)

HARMLESS = "local reading needs no such help; the result is the same"


class Important(Group):
    """Look before you leap."""

    dry_run: bool = switch("Show what would be done, change nothing", "-n", on=TREES | {"service"})
    interactive: bool = switch("Ask before each change", "-i")


class Copying(Group):
    """Which files are equal, and how the others are copied."""

    archive: bool = switch(
        "Keep everything: links, special files, modes, owners, ACLs, xattrs, hard links",
        "-a",
        own=True,
    )
    checksum: bool = switch("Compare content instead of modification times", "-c")
    size_only: bool = switch("Compare sizes only")
    ignore_times: bool = switch("Copy everything, even what looks equal", "-I")
    ignore_size: bool = switch("Do not compare sizes")
    ignore_existing: bool = switch("Never replace a file that exists")
    update: bool = switch("Never replace a newer file", "-u")
    immutable: bool = switch("A file that exists and differs is an error and stays")
    modify_window: int = duration("Times closer than this are equal", 1)
    full: bool = switch("Compare everything, even where the journal vouches", on=MIRRORS, own=True)

    create_empty_src_dirs: bool = switch("Create directories that hold no file, too")
    metadata: bool = switch(
        "Keep mode, owner and extended attributes",
        "-M",
        better="a change of mode, owner or attributes alone is mirrored as well",
    )
    no_xattrs: bool = switch(
        "Leave extended attributes and ACLs out of what -a and -M keep", own=True
    )
    no_hard_links: bool = switch("Leave hard links out of what -a keeps: copies instead", own=True)
    atimes: bool = switch("Keep the times at which files were read last, too", "-U", own=True)
    no_update_modtime: bool = switch("Leave the modification time of equal files alone")
    no_update_dir_modtime: bool = switch("Leave the modification times of directories alone")
    no_traverse: bool = switch(
        "Do not list the destination (copy only)", ignored="listing a local directory is cheap"
    )
    no_check_dest: bool = switch("Copy without looking at the destination (copy only)")
    check_first: bool = switch("Compare everything before anything is copied")
    ignore_checksum: bool = switch(
        "Do not verify a copy",
        ignored="the kernel copies; what it reports is checked, the file is not read twice",
    )
    inplace: bool = switch(
        "Write into the file itself instead of replacing it in one step; a kill leaves half a file"
    )
    partial_suffix: str = partial_suffix("How the names of unfinished files end", ".partial")
    compare_dest: tuple[str, ...] = texts("Leave out what DIR already holds", value="DIR")
    copy_dest: tuple[str, ...] = texts(
        "Take from DIR what it already holds",
        value="DIR",
        better="local trees can; content is shared (reflink) or copied, never hard-linked",
    )
    ignore_case_sync: bool = switch("Match names whatever their case")
    fix_case: bool = switch("Rename what is spelled differently on the destination")
    no_unicode_normalization: bool = switch(
        "Match names byte by byte, as -a and run do",
        better="names that differ in normalization only are matched, but never two with one",
    )
    name_transform: tuple[str, ...] = texts("Change names on the way", value="RULE")
    refresh_times: bool = switch("Refresh modification times", ignored=HARMLESS)
    use_server_modtime: bool = switch("Use the server's modification time", ignored=HARMLESS)

    fsync: str = choice(
        "When content must be on disk: never, before a checkpoint, before a file is replaced, "
        "after each file",
        "never",
        "checkpoint",
        "replace",
        "always",
        default="replace",
        on=MIRRORS,
        own=True,
    )


class Deleting(Group):
    """What happens to what the source no longer has."""

    delete_after: bool = switch("Delete when all is copied (the default)")
    delete_during: bool = switch(
        "Delete while copying",
        better="deletes come when everything was read and weighed, and none after an error",
    )
    delete_before: bool = switch(
        "Delete before anything is copied",
        better="not where the source could not be read",
    )
    ignore_errors: bool = switch("Delete even if there were errors")
    max_delete: int = number(
        "Delete at most N files",
        -1,
        better="checked before the first one goes: then nothing is deleted",
    )
    max_delete_size: int = size(
        "Delete at most SIZE in total",
        better="checked before the first one goes: then nothing is deleted",
    )
    adopt: bool = switch(
        "Take DST as it is: what else it holds may go; what was mounted in the source is gone",
        on=MIRRORS,
        own=True,
    )
    backup_dir: str = text(
        "Move what is replaced or deleted to DIR",
        value="DIR",
        better="the old version goes only when the new one is completely written",
    )
    suffix: str = text("Append this to the names of backups; without --backup-dir they stay beside")
    suffix_keep_extension: bool = switch("Put the suffix before the extension")
    track_renames: bool = switch("Recognise renamed files, rename them on the destination (sync)")
    track_renames_strategy: frozenset[str] = strategy("What must agree: hash, modtime, leaf")
