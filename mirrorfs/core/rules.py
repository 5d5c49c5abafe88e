"""What holds for every directory of a walk: options, filter, and who is to be asked.

Law: rules answer for one name at a time; what becomes of a directory is decided by who walks it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from mirrorfs.core.compare import Comparer, Difference, Verdict, comparer, in_doubt
from mirrorfs.core.doubt import Doubts
from mirrorfs.core.filter import Filter
from mirrorfs.core.links import LinkedNames
from mirrorfs.core.options import Links, Options
from mirrorfs.core.plan import Action
from mirrorfs.core.sharing import Sharing
from mirrorfs.core.tree import Entry, Failure, Kind, Trouble
from mirrorfs.core.walk import Batch

if TYPE_CHECKING:
    from mirrorfs.core.bulk import Kinds
    from mirrorfs.core.lost import Lost
    from mirrorfs.core.quick import Look
    from mirrorfs.core.spelling import Spelling

SameContent = Callable[[str, Sequence[str]], dict[str, bool | Failure]]


def nothing_spared(path: str, want: Entry) -> bool:
    """Whether a file need not be copied although it is not there: none is."""
    return False


class Rules:
    """What holds for every directory of a walk. ``same_content`` answers, for names in a
    directory whose entries cannot tell, whether the contents are equal; ``spare``, whether a name
    need not be made although it is not there; ``names`` are told what the source holds."""

    def __init__(
        self,
        options: Options,
        filter: Filter,
        same_content: SameContent,
        spare: Callable[[str, Entry], bool] = nothing_spared,
        names: LinkedNames | None = None,
    ) -> None:
        self.options = options
        self.filter = filter
        self.same_content = same_content
        self.spare = spare
        self.names = names or LinkedNames()
        # What symlinks point to has names of its own, which say nothing of the links.
        kept = options.hard_links and options.links is not Links.FOLLOW
        self.sharing = Sharing() if kept else None
        self.spelling: Spelling | None = None
        self.lost: Lost | None = None
        self.unknown: Mapping[str, Failure] = {}  # places of the source of which nothing is known
        self.device = 0  # with one_file_system: the root's, the only one that is mirrored
        self.compare: Comparer = comparer(options)
        self.doubts = Doubts()  # see `mirrorfs.core.doubt`
        self.plain = filter.is_everything
        self.tracks = False  # what goes is compared, too: it may be what is new elsewhere
        self.look: Look | None = None  # who makes quick checks, where they can be made
        self.kinds: Kinds | None = None  # where files may be copied in bulk

    def includes(self, path: str, entry: Entry) -> bool:
        """Whether the filter lets this entry through."""
        if self.plain:
            return True
        if entry.kind is Kind.DIRECTORY:
            return self.filter.descends(path) or self.filter.includes(path, is_directory=True)
        size = entry.size if entry.kind is Kind.FILE else -1
        return self.filter.includes(path, size=size, mtime_ns=entry.mtime_ns)

    def may_include(self, failure: Failure) -> bool:
        """The same of a name that could not be looked at: what it is, nobody knows; a link that
        leads nowhere or around is neither a file nor a directory."""
        path, filter = failure.path, self.filter
        if self.plain:
            return True
        as_file = filter.includes(path)
        as_directory = filter.descends(path) or filter.includes(path, is_directory=True)
        if failure.trouble in (Trouble.UNSUPPORTED, Trouble.LOOP):
            return as_file and as_directory
        return as_file or as_directory

    def differ(self, path: str, want: Entry, have: Entry) -> Difference | None:
        """How two entries differ; content in doubt is not believed for what it looks like."""
        difference = self.compare(want, have)
        if (
            self.doubts
            and want.kind is Kind.FILE
            and self._looks_right(difference)
            and self.doubts.cover(path, have)
        ):
            return in_doubt
        return difference

    def _looks_right(self, difference: Difference | None) -> bool:
        """As far as size and time tell; or nobody asked, and it was us who wrote it."""
        return (
            difference is None
            or difference.verdict in (Verdict.ATTRIBUTES, Verdict.UNSURE)
            or self.options.ignore_existing
        )

    def crosses(self, want: Entry) -> bool:
        """Whether a directory of the source is left out because of its file system."""
        return self.device > 0 and want.kind is Kind.DIRECTORY and want.device != self.device

    def invisible(self, entry: Entry) -> str:
        """Why links and special files that are not mirrored do not exist, on either side
        (rclone).
        """
        if entry.kind is Kind.SYMLINK and self.options.links is Links.SKIP:
            return "Can't follow symlink without -L/--copy-links"
        if entry.kind > Kind.SYMLINK and not self.options.specials:
            return "Can't transfer non file/directory"
        return ""

    def put(self, batch: Batch, action: Action, *, waits: bool) -> None:
        """Plan that something is written, or linked to what is."""
        if self.sharing is None:
            (batch.later if waits else batch.ready).append(action)
            return
        for decided, late in self.sharing.put(action, waits):
            (batch.later if late else batch.ready).append(decided)
