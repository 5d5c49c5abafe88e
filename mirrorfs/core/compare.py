"""Whether two entries are equal, and if not, what it takes.

Law: the order of the questions is rclone's (NeedTransfer): the first that applies decides. A
question that only the content can answer is returned as UNSURE; looking at content is somebody
else's work.

Mode, owner and xattrs are compared only where the options keep them; a difference there alone never
moves content.
"""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from mirrorfs.core.options import Options
from mirrorfs.core.tree import Entry, Kind


class Verdict(Enum):
    ATTRIBUTES = "attributes"
    CONTENT = "content"
    UNSURE = "unsure"  # equal content: ``otherwise`` applies, else CONTENT
    REFUSED = "refused"  # --immutable
    KEPT = "kept"  # differs, and the user wants the destination's version to stay


class Difference(NamedTuple):
    """How two entries differ; ``reason`` in words. ``otherwise``: the difference left when
    content is
    equal (None for none)."""

    verdict: Verdict
    reason: str
    otherwise: "Difference | None" = None


TIME_DIFFERS = "the modification time differs"
type_changed = Difference(Verdict.CONTENT, "another kind of thing")
in_doubt = Difference(Verdict.CONTENT, "a flush failed before it was on the disk")

Comparer = Callable[[Entry, Entry], Difference | None]


def comparer(options: Options) -> Comparer:
    """A function of (source entry, destination entry of the same name, neither a directory unless
    both) that answers ``None`` for equal. Built once a run, because it runs once per entry."""
    window = options.modify_window_ns
    plain = not (
        options.ignore_existing
        or options.ignore_times
        or options.update
        or options.size_only
        or options.checksum
        or options.ignore_size
        or options.immutable
    )
    attributes = _attributes(options)
    link_times = options.times and not (options.checksum or options.size_only)

    def compare(source: Entry, found: Entry) -> Difference | None:
        kind = source.kind
        if kind is not found.kind:
            return type_changed
        if kind is Kind.FILE:
            if plain:
                if source.size != found.size:
                    return Difference(Verdict.CONTENT, "the size differs")
                if -window < source.mtime_ns - found.mtime_ns < window:
                    return attributes(source, found)
                return _later(source, found, attributes, options)
            return _as_asked(source, found, attributes, options)
        difference = other(source, found)
        if plain or difference is None or kind is Kind.DIRECTORY:
            return difference
        return _kept(source, found, options) or _refused(difference, options)

    def other(source: Entry, found: Entry) -> Difference | None:
        """Of all but files."""
        kind = source.kind
        if kind is Kind.SYMLINK and source.target != found.target:
            return Difference(Verdict.CONTENT, "the link points elsewhere")
        if kind in (Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE) and source.rdev != found.rdev:
            return Difference(Verdict.CONTENT, "another device")
        times = options.directory_times if kind is Kind.DIRECTORY else link_times
        if times and not -window < source.mtime_ns - found.mtime_ns < window:
            return Difference(Verdict.ATTRIBUTES, TIME_DIFFERS)
        return attributes(source, found)

    return compare


def _attributes(options: Options) -> Comparer:
    permissions, owners, xattrs = options.permissions, options.owners, options.xattrs
    access_times, window = options.access_times, options.modify_window_ns

    def compare(source: Entry, found: Entry) -> Difference | None:
        if permissions and source.mode != found.mode and source.kind is not Kind.SYMLINK:
            return Difference(Verdict.ATTRIBUTES, "the mode differs")
        if owners and (source.uid != found.uid or source.gid != found.gid):
            return Difference(Verdict.ATTRIBUTES, "the owner differs")
        if xattrs and source.xattrs != found.xattrs:
            return Difference(Verdict.ATTRIBUTES, "the extended attributes differ")
        if (
            access_times
            and source.kind is Kind.FILE
            and not -window < source.atime_ns - found.atime_ns < window
        ):
            return Difference(Verdict.ATTRIBUTES, "the access time differs")
        return None

    return compare


def _later(
    source: Entry, found: Entry, attributes: Comparer, options: Options
) -> Difference | None:
    """Equal size, another time: only the content can tell."""
    if options.times:
        equal: Difference | None = Difference(Verdict.ATTRIBUTES, TIME_DIFFERS)
    else:
        equal = attributes(source, found)
    return Difference(Verdict.UNSURE, "the content differs", equal)


def _as_asked(
    source: Entry, found: Entry, attributes: Comparer, options: Options
) -> Difference | None:
    """The full list of questions, in rclone's order."""
    window = options.modify_window_ns
    newer = found.mtime_ns - source.mtime_ns
    if (kept := _kept(source, found, options)) is not None:
        return kept
    difference: Difference | None
    if options.ignore_times:
        difference = Difference(Verdict.CONTENT, "times and sizes are ignored")
    elif not options.ignore_size and source.size != found.size:
        difference = Difference(Verdict.CONTENT, "the size differs")
    elif (options.update and abs(newer) < window and not options.checksum) or options.size_only:
        difference = attributes(source, found)
    elif options.checksum:
        difference = Difference(Verdict.UNSURE, "the content differs", attributes(source, found))
    elif abs(newer) < window:
        difference = attributes(source, found)
    else:
        difference = _later(source, found, attributes, options)
    return _refused(difference, options)


def _kept(source: Entry, found: Entry, options: Options) -> Difference | None:
    """Whether the destination's version stays, whatever it is."""
    if options.ignore_existing:
        return Difference(Verdict.KEPT, "Destination exists, skipping")
    newer = found.mtime_ns - source.mtime_ns
    if options.update and not options.ignore_times and newer >= options.modify_window_ns:
        return Difference(Verdict.KEPT, "Destination is newer than source, skipping")
    return None


def _refused(difference: Difference | None, options: Options) -> Difference | None:
    """--immutable: no difference may be mended that is known to be one."""
    undecided = difference is not None and difference.verdict is Verdict.UNSURE
    if options.immutable and difference and not (undecided and difference.otherwise is None):
        return Difference(Verdict.REFUSED, "immutable file modified")
    return difference
