"""Turn rename hints into rename actions, and show the destination as it will be after them.

Law: a hint is believed only when both trees show it: the source has the new name and none of the
old ones, the destination has the old name and none of the others. Otherwise nothing is lost but
speed: both ends are read whole.

What was recorded below the old name since the last checkpoint is in the scope below the new one
(`fold` sees to that), so comparing through the `Relocated` view repairs whatever else changed. A
file that was just seen to be equal needs no second look: its names leave the scope. A directory is
renamed as a whole only if the filter treats every name below both places alike and
nothing that must stay lies below it; otherwise excluded content would move along.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from mirrorfs.core.fold import Hint
from mirrorfs.core.looks import Looks, look
from mirrorfs.core.options import Links
from mirrorfs.core.plan import Action, Stage, Verb
from mirrorfs.core.rules import Rules
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import (
    Entry,
    Failure,
    Kind,
    Listing,
    Reader,
    TreeError,
    Trouble,
    is_within,
    join,
    moved,
    split,
)


class Relocated:
    """A reader of the destination as it will be when the renames are done."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._renames: dict[str, str] = {}  # new name → old name
        self._gone: set[str] = set()
        self._appeared: dict[str, dict[str, Entry]] = {}  # directory → what renames put there

    def root(self) -> Entry:
        return self._reader.root()

    def rename(self, origin: str, path: str, entry: Entry) -> None:
        self._renames[path] = origin
        self._gone.add(origin)
        self.make(path, entry)

    def make(self, path: str, entry: Entry) -> None:
        """Show a new entry (a directory made for a rename)."""
        directory, name = split(path)
        self._appeared.setdefault(directory, {})[name] = entry

    def actual(self, path: str) -> str:
        """Where the content of ``path`` lies now, before the renames."""
        place = path
        while place and self._renames:
            origin = self._renames.get(place)
            if origin is not None:
                return moved(path, place, origin)
            place = split(place)[0]
        return path

    def moves(self, directory: str) -> bool:
        """Whether anything in the directory lies elsewhere before the renames."""
        return self.actual(directory) != directory or directory in self._appeared

    def read(
        self, path: str, names: Collection[str] | None = None, *, bare: bool = False
    ) -> Listing:
        actual = self.actual(path)
        try:
            listing = self._reader.read(actual, names, bare=bare)
        except TreeError as error:
            if error.trouble is not Trouble.ABSENT or not self._is_made(path):
                raise TreeError(_at(error.failure, actual, path)) from None
            listing = Listing({})
        if not self._gone:
            return listing
        failures = {name: _at(failure, actual, path) for name, failure in listing.failures.items()}
        entries = {
            name: entry
            for name, entry in listing.entries.items()
            if join(actual, name) not in self._gone
        }
        appeared = self._appeared.get(path, {})
        if names is not None:
            appeared = {name: appeared[name] for name in names if name in appeared}
        entries |= appeared
        return Listing(entries, failures)

    def _is_made(self, path: str) -> bool:
        directory, name = split(path)
        return name in self._appeared.get(directory, {})


def _at(failure: Failure, actual: str, path: str) -> Failure:
    """A failure of what lies at ``actual`` now: it is looked at again when it lies at ``path``."""
    if actual == path or not is_within(failure.path, actual):
        return failure
    return failure._replace(path=moved(failure.path, actual, path))


class Renames(NamedTuple):
    """``view``: the destination after ``actions``; ``touched``: the directories they change."""

    actions: tuple[Action, ...]
    view: Relocated
    touched: frozenset[str]


def plan_renames(
    hints: Iterable[Hint],
    scope: Scope,
    source: Reader,
    view: Relocated,
    rules: Rules,
) -> Renames:
    """Believe the hints that hold; widen the scope (in place) where they do not, and narrow it
    where nothing is left to look at."""
    actions: list[Action] = []
    hints = tuple(hints)
    looks = Looks(source, hints), Looks(view, hints)
    there: set[str] = set()  # directories that have all the parents they need
    settles = _settles(rules)
    for hint in hints:
        directory = split(hint.path)[0]
        try:
            found = _verified(hint, source, view, looks, rules)
            parents: list[tuple[str, Entry]] | None = []
            if found and directory not in there:
                parents = _missing_parents(hint.path, source, view)
        except TreeError:
            found = parents = None
        if found is None or parents is None:
            for name in (hint.origin, *hint.between, hint.path):
                scope.add(name, recursive=True)
            continue
        there.add(directory)
        for path, entry in parents:
            actions.append(
                Action(Verb.CREATE, Stage.SHELTER, path, entry, None, "a renamed entry moves in")
            )
            view.make(path, entry)
        want, have = found
        actions.append(
            Action(
                Verb.RENAME,
                Stage.RENAME,
                hint.path,
                want,
                have,
                "renamed in the source",
                hint.origin,
            )
        )
        # The rename itself will move the entry's change time.
        view.rename(hint.origin, hint.path, have._replace(ctime_ns=0))
        if settles and want.kind is Kind.FILE and want.links == have.links == 1:
            for name in (hint.origin, *hint.between, hint.path):
                if not rules.names.knows(name):
                    scope.drop(name)
    names = {name for action in actions for name in (action.path, action.origin) if name}
    return Renames(tuple(actions), view, frozenset(split(name)[0] for name in names))


def _settles(rules: Rules) -> bool:
    """Whether two files that are equal by their entries leave nothing to be asked, or said."""
    lost = rules.lost
    return (
        rules.spelling is None and not rules.unknown and not (lost is not None and lost.takes_any)
    )


def _verified(
    hint: Hint, source: Reader, view: Reader, looks: tuple["Looks", "Looks"], rules: Rules
) -> tuple[Entry, Entry] | None:
    """The source's entry at the new name and the destination's at the old one, if the hint holds.

    Raises TreeError where that cannot be told.
    """
    if rules.doubts:
        return None  # what is renamed is not written again
    if rules.filter.markers:
        return None  # a marker beside or above either name may exclude it
    if rules.spelling is not None and rules.spelling.loose((hint.origin, hint.path)):
        return None  # the destination may know it under another spelling
    theirs, ours = looks
    want, have = theirs.at(hint.path), ours.at(hint.origin)
    if want is None or have is None or want.kind is not have.kind:
        return None
    if theirs.at(hint.origin) or ours.at(hint.path):
        return None
    if any(theirs.at(name) or ours.at(name) for name in hint.between):
        return None
    if not (_reaches(hint.origin, have, rules) and _reaches(hint.path, want, rules)):
        return None
    if want.kind is Kind.DIRECTORY:
        return (want, have) if _moves_whole(hint, source, view, rules) else None
    return (want, have) if rules.compare(want, have) is None else None


def _reaches(path: str, entry: Entry, rules: Rules) -> bool:
    """Whether the entry is part of the mirror, no directory above it being excluded."""
    if rules.plain:
        return not rules.invisible(entry)
    directory = split(path)[0]
    while directory:
        if not rules.filter.descends(directory):
            return False
        directory = split(directory)[0]
    return rules.includes(path, entry) and not rules.invisible(entry)


def _moves_whole(hint: Hint, source: Reader, view: Reader, rules: Rules) -> bool:
    """Whether everything below the destination's old name may move along, and nothing more is
    wanted below the new one."""
    filter, options = rules.filter, rules.options
    if not (options.delete and options.empty_directories):
        return False  # nothing goes, or directories that became empty would come along
    if rules.spelling is not None:
        return False  # what lies below is found under its old name only
    filtered = filter.excludes_below(hint.origin) or filter.excludes_below(hint.path)
    if filtered and not _alike(source, hint.path, hint.origin, rules):
        return False
    if not filtered and options.links is not Links.SKIP and options.specials:
        return True
    return _alike(view, hint.origin, hint.path, rules, whole=True)


def _alike(reader: Reader, top: str, other: str, rules: Rules, *, whole: bool = False) -> bool:
    """Whether the filter treats each name below ``top`` as it would below ``other``; ``whole``: and
    all of them are part of the mirror."""
    pending = [top]
    while pending:
        directory = pending.pop()
        try:
            listing = reader.read(directory)
        except TreeError:
            return False
        if listing.failures:
            return False
        for name, entry in listing.entries.items():
            path = join(directory, name)
            included = rules.includes(path, entry)
            if included is not rules.includes(moved(path, top, other), entry):
                return False
            if whole and (not included or rules.invisible(entry)):
                return False
            if included and entry.kind is Kind.DIRECTORY:
                pending.append(path)
    return True


def _missing_parents(path: str, source: Reader, view: Reader) -> list[tuple[str, Entry]] | None:
    """The directories that must be made before something can be renamed to ``path``, parents first;
    ``None`` when that is not possible without removing something. Raises TreeError."""
    missing: list[tuple[str, Entry]] = []
    directory = split(path)[0]
    while directory:
        have = look(view, directory)
        if have is not None:
            if have.kind is not Kind.DIRECTORY:
                return None
            break
        want = look(source, directory)
        if want is None or want.kind is not Kind.DIRECTORY:
            return None
        missing.append((directory, want))
        directory = split(directory)[0]
    return missing[::-1]
