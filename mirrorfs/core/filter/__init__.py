"""The filter: which paths a mirror is about, in rclone's filter language.

Law: a Filter is immutable and decides from a path (and size and mtime) alone; there is no I/O and
no clock, files of rules are handed in read and the moment is handed in too. Whatever is below a
directory that is not entered is excluded, so a single path gets the same answer as a walk gives.

The rooms: `glob` (globs to Go's regular expressions), `dialect` and `charset` (those to Python's),
`rules`, `options` (the flags and their order), `match` (many rules in one call), `below` (proofs
about whole directories), `limits`, `listing`, `partition`, `dump`.
"""

import hashlib
import json
from collections.abc import Collection

from mirrorfs.core.record import field, record, replace

from . import below, match
from . import dump as dumping
from .errors import FilterError
from .limits import Limits
from .listing import Listing
from .options import FilterOptions, Source, file_listing, rule_book, warnings
from .partition import Partition, parse_partition
from .rules import Rule

__all__ = ["EVERYTHING", "Decision", "Filter", "FilterError", "FilterOptions", "Source"]

# Answers for directories that are remembered; a walk asks for the same few over and over.
_REMEMBERED = 4096


@record
class Decision:
    """What became of a path, and why.

    `reason` is a clause for people; `rule` the text that decided (`- *.o`, `--max-size 1Ki`) and
    `origin` where it came from (`--exclude`, `rules.txt:3`), both "" when no rule matched.
    """

    included: bool
    reason: str
    rule: str = ""
    origin: str = ""


@record
class _Parts:
    """All that decides, as plain data."""

    files: tuple[Rule, ...] = ()
    directories: tuple[Rule, ...] = ()
    limits: Limits = field(default_factory=Limits)
    listing: Listing | None = None
    partition: Partition | None = None
    max_depth: int = -1
    markers: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Filter:
    """Lets paths through or not. Build one with `Filter.build`; `EVERYTHING` lets all through.

    Paths are root-relative, `/`-separated str with surrogateescape; "" is the root, which is
    always let through and entered. Safe to share between threads; picklable.
    """

    def __init__(self, parts: _Parts | None = None) -> None:
        self._parts = parts = parts or _Parts()
        self.markers = parts.markers
        self.warnings = parts.warnings
        self._limits = parts.limits if parts.limits.any else None
        self._files = None if parts.listing is None else parts.listing.files
        # Whether more than rules judges a file.
        self._narrow = bool(self._limits or parts.listing or parts.partition)
        self._match = match.combine(parts.files)
        self._match_directory = match.combine(parts.directories)
        self._prunes = (
            parts.listing is not None or parts.max_depth >= 0 or _can_exclude(parts.directories)
        )
        self._always = not (self._prunes or parts.files or self._narrow)
        self.is_everything = self._always and not parts.markers
        self._known: dict[str, bool] = {}

    @classmethod
    def build(cls, options: FilterOptions, *, now_ns: int = 0) -> "Filter":
        """The filter that the flags mean at `now_ns` (ns since the epoch). Raises FilterError."""
        limits = Limits(
            options.min_size, options.max_size, options.min_age, options.max_age, now_ns
        )
        book = rule_book(options)
        partition = parse_partition(options.hash_filter, draw=options.hash_draw)
        others = book.files or book.directories or options.exclude_if_present or partition
        return cls(
            _Parts(
                files=tuple(book.files.values()),
                directories=tuple(book.directories.values()),
                limits=limits,
                listing=file_listing(options, alone=not (others or limits.any)),
                partition=partition,
                max_depth=options.max_depth,
                markers=options.exclude_if_present,
                warnings=warnings(options),
            )
        )

    def __reduce__(self) -> tuple[type["Filter"], tuple[_Parts]]:
        return type(self), (self._parts,)

    @property
    def is_aged(self) -> bool:
        """Whether the answer depends on the moment: a service then renews it with `at`."""
        return self._parts.limits.aged

    @property
    def weighs(self) -> bool:
        """Whether size or age decide, so that a path alone does not tell."""
        return self._limits is not None

    @property
    def prunes(self) -> bool:
        """Whether some directory may not be entered."""
        return self._prunes

    def at(self, now_ns: int) -> "Filter":
        """The same filter with its ages counted from another moment."""
        return Filter(replace(self._parts, limits=replace(self._parts.limits, now_ns=now_ns)))

    def includes(
        self,
        path: str,
        *,
        size: int = -1,
        mtime_ns: int | None = None,
        is_directory: bool = False,
    ) -> bool:
        """Whether `path` is let through.

        Size and age limits judge all but directories; -1 and None are unknown and not judged.
        Markers are not seen from here: the reader of directories asks `marked`.
        """
        if self._always:
            return True
        if is_directory:
            return not path or (self.descends(_parent(path)) and self._enters(path))
        if self._prunes:
            parent = path.rpartition("/")[0]
            # The lookup is repeated in `descends`; here it saves the call for each file.
            if not self._known.get(parent) and not self.descends(parent):
                return False
        if self._narrow:
            if self._files is not None:
                return path in self._files
            if self._limits is not None and self._limits.refusal(size, mtime_ns) is not None:
                return False
            if self._parts.partition is not None and not self._parts.partition.holds(path):
                return False
        found = self._match(path)
        return found is None or found.lastindex is not None

    def descends(self, path: str) -> bool:
        """Whether directory `path` is to be listed; False: nothing below it can be included."""
        if not self._prunes or not path:
            return True
        known = self._known.get(path)
        return self._find_out(path) if known is None else known

    def _find_out(self, path: str) -> bool:
        # From the root down, and not recursively: a path may have 2000 components.
        at, enters = 0, True
        while enters and at >= 0:
            at = path.find("/", at + 1)
            directory = path if at < 0 else path[:at]
            known = self._known.get(directory)
            enters = known if known is not None else self._lists(directory)
            self._remember(directory, enters)
        if not enters:
            self._remember(path, False)
        return enters

    def _remember(self, directory: str, enters: bool) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[directory] = enters

    def _lists(self, directory: str) -> bool:
        """Whether `directory` is listed once its parent is: the root's files are depth 1."""
        depth = self._parts.max_depth
        return (depth < 0 or directory.count("/") + 1 < depth) and self._enters(directory)

    def _enters(self, directory: str) -> bool:
        """What the rules say of the directory itself."""
        if self._parts.listing is not None:
            return directory in self._parts.listing.directories
        found = self._match_directory(directory + "/")
        return found is None or found.lastindex is not None

    def excludes_below(self, path: str) -> bool:
        """Whether anything below directory `path` might be excluded; False is a proof of no."""
        if self.is_everything:
            return False
        return (
            self._limits is not None
            or self._parts.listing is not None
            or self._parts.partition is not None
            or self._parts.max_depth >= 0
            or bool(self.markers)
            or not self.descends(path)
            or below.may_exclude(self._parts.files, path)
            or below.may_exclude(self._parts.directories, path)
        )

    def marked(self, names: Collection[str]) -> bool:
        """Whether a directory holding these files (not directories) is excluded with all below."""
        return any(marker in names for marker in self.markers)

    def decide(
        self,
        path: str,
        *,
        size: int = -1,
        mtime_ns: int | None = None,
        is_directory: bool = False,
    ) -> Decision:
        """What `includes` says, with the rule that decided."""
        above = path.split("/") if path else []
        for count in range(1, len(above) + is_directory):
            directory = "/".join(above[:count])
            if 0 <= self._parts.max_depth <= count and count < len(above):
                return Decision(False, "too deep", f"--max-depth {self._parts.max_depth}")
            decision = self._decide_directory(directory)
            if not decision.included:
                return decision
        if is_directory or not path:
            return self._decide_directory(path)
        if self._parts.listing is not None:
            listed = path in self._parts.listing.files
            return Decision(listed, "listed" if listed else "not listed", origin="--files-from")
        refusal = self._parts.limits.refusal(size, mtime_ns)
        if refusal:
            return Decision(False, "outside a limit", refusal)
        if self._parts.partition is not None and not self._parts.partition.holds(path):
            return Decision(False, "in another part", origin="--hash-filter")
        return _first(self._parts.files, path, "matches")

    def _decide_directory(self, directory: str) -> Decision:
        if not directory:
            return Decision(True, "the root")
        if self._parts.listing is not None:
            listed = directory in self._parts.listing.directories
            reason = f"{directory}/ {'leads' if listed else 'does not lead'} to a listed file"
            return Decision(listed, reason, origin="--files-from")
        return _first(self._parts.directories, directory + "/", f"directory {directory}/ matches")

    def fingerprint(self) -> str:
        """A digest (hex) of all that decides. It does not change with the moment alone."""
        parts = self._parts
        ages = [
            age and (age.span_ns, age.instant_ns)
            for age in (parts.limits.min_age, parts.limits.max_age)
        ]
        plain = [
            "filter 1",
            [str(rule) for rule in parts.files],
            [str(rule) for rule in parts.directories],
            [parts.limits.min_size, parts.limits.max_size, ages],
            parts.listing and sorted(parts.listing.files),
            parts.partition and [parts.partition.part, parts.partition.parts],
            max(parts.max_depth, -1),
            sorted(set(parts.markers)),
        ]
        return hashlib.blake2b(json.dumps(plain).encode(), digest_size=16).hexdigest()

    def dump(self) -> str:
        """As `rclone --dump filters` prints it."""
        return dumping.dump(self._parts.files, self._parts.directories, self._parts.limits)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _first(rules: tuple[Rule, ...], name: str, reason: str) -> Decision:
    for rule in rules:
        if match.single(rule)(name):
            return Decision(rule.include, reason, rule.text, rule.origin)
    return Decision(True, "no rule matches")


def _can_exclude(directories: tuple[Rule, ...]) -> bool:
    """Whether any directory can fail these rules: an exclude that some name reaches."""
    for rule in directories:
        if not rule.include:
            return True
        if rule.matches_all:
            return False
    return False


EVERYTHING = Filter()
