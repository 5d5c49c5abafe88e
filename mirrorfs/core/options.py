"""What the user wants a mirror to keep, how two entries are compared, and what may be removed.

Law: every decision the core takes comes from here and from the filter; nothing is read from
elsewhere. The names follow rclone's flags; the defaults are rclone's. ``archive()`` is what
people mean by a mirror.
"""

import hashlib
from enum import StrEnum

from mirrorfs.core.record import asdict, record, replace


class Links(StrEnum):
    """What a symlink in the source is."""

    SKIP = "skip"  # left out, with a notice (rclone's default)
    KEEP = "keep"  # a symlink, mirrored as one
    FOLLOW = "follow"  # what it points to


@record
class Options:
    """``modify_window_ns``: times closer than this are equal (strictly less, as in rclone)."""

    links: Links = Links.SKIP
    specials: bool = False  # fifos, sockets, devices
    permissions: bool = False  # the twelve mode bits
    owners: bool = False  # numeric uid and gid
    xattrs: bool = False  # extended attributes, ACLs among them
    hard_links: bool = False
    times: bool = True  # mtime of files and links that are equal; a copy always has it
    directory_times: bool = True
    access_times: bool = False  # atime of files
    empty_directories: bool = False

    size_only: bool = False
    checksum: bool = False
    ignore_times: bool = False
    ignore_size: bool = False
    ignore_existing: bool = False
    update: bool = False  # never replace a newer file
    immutable: bool = False
    modify_window_ns: int = 1

    delete: bool = True  # False: ``copy``
    delete_excluded: bool = False
    one_file_system: bool = False
    # Names are bytes, unless these say which others are the same (`mirrorfs.core.spelling`).
    normalise_names: bool = False  # in Unicode's form NFC, as rclone does
    fold_names: bool = False  # whatever their case
    fix_case: bool = False  # and the destination gets the source's spelling
    backups_beside: bool = False  # what is removed stays in its directory, under another name

    def fingerprint(self) -> str:
        """Changes when a destination must be compared anew: "equal" means something else now. Not
        when a release knows an option more: only what is not the default counts."""
        plain = asdict(Options())
        chosen = [pair for pair in asdict(self).items() if pair[1] != plain[pair[0]]]
        return hashlib.sha256(repr(chosen).encode()).hexdigest()[:32]


def archive(options: Options) -> Options:
    """``-a``: everything faithful that a local tree can hold."""
    return replace(
        options,
        links=Links.KEEP if options.links is Links.SKIP else options.links,
        specials=True,
        permissions=True,
        owners=True,
        xattrs=True,
        hard_links=True,
        empty_directories=True,
    )
