"""A source some of whose files are read from other trees that hold the same (--copy-dest).

Law: only the bytes come from elsewhere; what is said about a file is what the source says. Both
must be what they were when they were compared, else the source's own bytes are read. Content is
shared where the file system can (reflink), never by a hard link: an edit of one copy must not show
in the other.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

from mirrorfs.core.mounts import Mounted
from mirrorfs.core.tree import Entry, Failure, Identity, Listing, TreeError
from mirrorfs.trees.base import Content, Tree


class LentContent(Content):
    """``mine`` is the source's file, ``lent`` the other's that has the same bytes."""

    def __init__(self, mine: Content, lent: Content, seen: Entry) -> None:
        self._mine = mine
        self._lent = lent
        self._seen = seen
        self.sparse = lent.sparse

    def stat(self, grain_ns: int = 1) -> Entry:
        # The device says which ways of copying work.
        return self._mine.stat(grain_ns)._replace(device=self._seen.device)

    def changed_since(self, before: Entry) -> bool:
        return self._mine.changed_since(before) or self._lent.changed_since(self._seen)

    def read(self, size: int) -> bytes:
        return self._lent.read(size)

    def descriptor(self) -> int | None:
        return self._lent.descriptor()

    def close(self) -> None:
        self._lent.close()
        self._mine.close()


class Lending(Tree):
    """Reads as ``source`` does; `lend` says what to take from elsewhere until the next `begin`."""

    def __init__(self, source: Tree) -> None:
        self._source = source
        self.capabilities = source.capabilities
        self._lent: dict[str, tuple[Entry, Tree, Entry]] = {}

    def lend(self, path: str, want: Entry, place: Tree, have: Entry) -> None:
        """The bytes of the source's file ``want`` are those of ``have``, at ``path`` too."""
        if want.size == have.size:
            self._lent[path] = (want, place, have)

    def identity(self) -> Identity:
        return self._source.identity()

    def root(self) -> Entry:
        return self._source.root()

    def mounted(
        self, known: Collection[str], takes: Callable[[str], bool]
    ) -> Mapping[str, Mounted]:
        return self._source.mounted(known, takes)

    def read(
        self, path: str, names: Collection[str] | None = None, *, bare: bool = False
    ) -> Listing:
        return self._source.read(path, names, bare=bare)

    def open(self, path: str) -> Content:
        mine = self._source.open(path)
        if (found := self._lent.get(path)) is None:
            return mine
        want, place, have = found
        try:
            lent = place.open(path)
        except TreeError:
            return mine
        if mine.changed_since(want) or lent.changed_since(have):
            lent.close()
            return mine
        return LentContent(mine, lent, have)

    def same_content(
        self, path: str, names: Sequence[str], other: Tree
    ) -> dict[str, bool | Failure]:
        return self._source.same_content(path, names, other)

    def begin(self) -> None:
        self._lent.clear()
        self._source.begin()

    def close(self) -> None:
        self._source.close()
