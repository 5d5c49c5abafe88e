"""Names that differ only in how they are written: composed or not (Unicode), upper or lower case.

Law: a name that stands on both sides is that name. Only what is left over is matched by its key,
and only one with one: two spellings in the source are two names, and neither is lost. (rclone drops
one of them.) Where the case does not count, two names of one key cannot be told apart: the first
wins, and the others stay as they are on either side.

A matched name keeps the destination's spelling. Everybody else speaks of it in the source's;
`Spelling.actual` says where it lies.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple, Self

from mirrorfs.core.options import Options
from mirrorfs.core.plan import Notice
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Entry, Listing, join, split

Key = tuple[str, bool]  # what names have in common, and whether they are directories


class Matched(NamedTuple):
    """Both listings in the source's spelling. ``respelled``: the names that lie elsewhere;
    ``sheltered``: something of the destination was left out and stays."""

    theirs: Listing
    ours: Listing
    respelled: list[str]
    notices: list[Notice]
    sheltered: bool


class Spelling:
    """How names are matched, and how the destination spells those that differ."""

    def __init__(self, options: Options) -> None:
        self._normalise = options.normalise_names
        self._fold = options.fold_names
        self._fix = options.fix_case
        self._actual: dict[str, str] = {}  # path in the source's spelling → the destination's name

    @classmethod
    def of(cls, options: Options) -> Self | None:
        """``None`` where names are bytes, which costs nothing."""
        if not (options.normalise_names or options.fold_names):
            return None
        return cls(options)

    def forget(self) -> None:
        """A new pass begins."""
        self._actual.clear()

    @property
    def is_alike(self) -> bool:
        """Whether no name is known that the destination spells otherwise."""
        return not self._actual

    def actual(self, path: str) -> str:
        """The path as the destination spells it."""
        if not self._actual:
            return path
        place = []
        here = ""
        for name in path.split("/"):
            here = join(here, name)
            place.append(self._actual.get(here, name))
        return "/".join(place)

    def name(self, path: str) -> str:
        """The name by which the destination has a path."""
        return self._actual.get(path) or split(path)[1]

    def mended(self, path: str) -> None:
        """The destination's name is now the source's."""
        self._actual.pop(path, None)

    def loose(self, names: Iterable[str]) -> bool:
        """Whether other spellings of these names may exist."""
        return self._fold or not all(map(str.isascii, names))

    def key(self, name: str) -> str:
        """What names that match have in common."""
        if self._normalise and not name.isascii():
            from unicodedata import normalize

            name = normalize("NFC", name)
        return name.lower() if self._fold else name

    def within(self, listing: Listing, names: Collection[str]) -> Listing:
        """What is left of a listing when only these names are asked for, however they are
        spelled."""
        keys = set(map(self.key, names))
        return Listing(
            {name: entry for name, entry in listing.entries.items() if self.key(name) in keys},
            {name: failed for name, failed in listing.failures.items() if self.key(name) in keys},
        )

    def below(self, scope: Scope, name: str) -> Scope | None:
        """What is asked for below a name under another spelling of it."""
        names = scope.names() or ()
        key = self.key(name)
        alike = [scope.below(other) for other in names if self.key(other) == key]
        return alike[0] if len(alike) == 1 else Scope.everything()

    def match(self, directory: str, theirs: Listing, ours: Listing) -> Matched | None:
        """Match what is left over; ``None`` when there is nothing to match."""
        if not self._fold:
            gone = ours.entries.keys() - theirs.entries.keys()
            if not gone:
                return None
            new = theirs.entries.keys() - ours.entries.keys()
            if not (new or theirs.failures) or not self.loose((*gone, *new, *theirs.failures)):
                return None
        return _Match(self, directory, theirs, ours).result()

    def lies(self, path: str, name: str) -> None:
        """Remember the destination's name for a path."""
        self._actual[path] = name

    @property
    def folds(self) -> bool:
        return self._fold

    @property
    def fixes(self) -> bool:
        """Whether the destination gets the source's spelling."""
        return self._fix


class _Match:
    """One directory's names."""

    def __init__(self, spelling: Spelling, directory: str, theirs: Listing, ours: Listing) -> None:
        self._spelling = spelling
        self._directory = directory
        self._failed = set(map(spelling.key, theirs.failures))
        self._theirs = dict(theirs.entries)
        self._ours = dict(ours.entries)
        self._listings = theirs, ours
        self._notices: list[Notice] = []
        self._sheltered = False
        self._fixes = spelling.fixes

    def result(self) -> Matched:
        if self._spelling.folds:
            self._drop_doubles()
        respelled = self._join()
        theirs, ours = self._listings
        return Matched(
            Listing(self._theirs, theirs.failures),
            Listing(self._ours, ours.failures),
            respelled,
            self._notices,
            self._sheltered,
        )

    def _drop_doubles(self) -> None:
        """Where the case does not count, one name of each key is looked at."""
        chosen: dict[Key, str] = {}
        for key, names in self._by_key(self._theirs).items():
            chosen[key] = names[0]
            for name in names[1:]:
                del self._theirs[name]
                self._tell(name, "Duplicate file found in source - ignoring")
        for key, names in self._by_key(self._ours).items():
            if key not in chosen:
                continue
            best = chosen[key] if chosen[key] in names else names[0]
            for name in names:
                if name != best:
                    del self._ours[name]
                    self._sheltered = True
                    self._tell(name, "Duplicate file found in destination - ignoring")

    def _join(self) -> list[str]:
        """Give matched names of the destination the source's spelling."""
        wanted = self._by_key(self._theirs)
        left = {name: entry for name, entry in self._ours.items() if name not in self._theirs}
        respelled = []
        for key, names in self._by_key(left).items():
            if key[0] in self._failed:
                # What cannot be read in the source may be this very name.
                self._sheltered = True
                for name in names:
                    del self._ours[name]
                continue
            candidates = wanted.get(key, [])
            if len(names) == len(candidates) == 1 and candidates[0] not in self._ours:
                have = self._ours.pop(names[0])
                # A rename to come moves the time of change, which would look like drift.
                self._ours[candidates[0]] = have._replace(ctime_ns=0) if self._fixes else have
                self._spelling.lies(join(self._directory, candidates[0]), names[0])
                respelled.append(candidates[0])
        return respelled

    def _by_key(self, entries: dict[str, Entry]) -> dict[Key, list[str]]:
        """The names, sorted, that have a key in common; no file matches a directory (rclone)."""
        found: dict[Key, list[str]] = {}
        for name in sorted(entries):
            key = self._spelling.key(name), entries[name].is_directory
            found.setdefault(key, []).append(name)
        return found

    def _tell(self, name: str, message: str) -> None:
        self._notices.append(Notice(join(self._directory, name), message))
