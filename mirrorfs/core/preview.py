"""What the destination will be once a plan is done: the plan laid over what lies there now.

Law: nothing is built that nobody asks for. The plan is kept once, sorted in tree order, so that a
directory is a slice of it; whatever the plan does not touch comes from a listing the caller reads.

How to walk it: `where` says where the directory's present content lies on the destination; read
that place (nothing, for a new directory) and hand the entries to `after`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from operator import attrgetter
from typing import NamedTuple

from mirrorfs.core.options import Options
from mirrorfs.core.plan import Action, Verb
from mirrorfs.core.tree import Entry, Kind, moved, split

_new = tuple.__new__
_CREATE = Verb.CREATE


class Side(Enum):
    """Which tree has the content."""

    SOURCE = "source"
    DESTINATION = "destination"
    NEITHER = "neither"  # a directory that is yet to be made


class Shown(NamedTuple):
    """One name as it will be: ``content`` of a file is read, and a directory listed, at ``path``
    on ``side``, as that lies there now.

    What is yet to be made has no identity (``inode`` 0), and shows the source's mode, times and
    owner even where the options do not keep them.
    """

    entry: Entry
    side: Side
    path: str


class Untouched(NamedTuple):
    """The plan does nothing to this path: what it is, if anything, shows at ``path`` on the
    destination now."""

    path: str


class Preview:
    """Answers from the plan alone; safe to share between threads.

    ``options`` are those the plan was made with: they say which attributes are set.
    """

    def __init__(self, actions: Iterable[Action], options: Options) -> None:
        self._options = options
        self._all = _Ordered(actions)
        self._of = {verb: self._all.only(verb) for verb in Verb}
        self._leaving = {action.origin: action for action in self._of[Verb.RENAME].actions}

    def after(self, directory: str, now: Mapping[str, Entry]) -> dict[str, Shown]:
        """What the directory will hold; ``now``: what lies at the place `where` gives for it."""
        place = self._lies(directory)
        if place is None and not self._all.at(directory):
            return {}
        shown: dict[str, Shown] = {}
        if place is not None:
            # Made directly: this runs once for each name that is shown.
            before, there = f"{place}/" if place else "", Side.DESTINATION
            shown = {
                name: _new(Shown, (entry, there, before + name)) for name, entry in now.items()
            }
            if self._leaving:
                for name in now:
                    if before + name in self._leaving:
                        del shown[name]
        for name, actions in self._all.children(directory):
            if len(actions) == 1 and (want := actions[0].want) and actions[0].verb is _CREATE:
                shown[name] = _made(actions[0].path, want)
            elif actions:
                will_be = self._done(actions, shown.pop(name, None))
                if will_be is not None:
                    shown[name] = will_be
        return shown

    def where(self, path: str) -> Shown | Untouched | None:
        """What will be at ``path``; ``None`` when nothing will."""
        place = self._lies(path)
        if not (actions := self._all.at(path)):
            return None if place is None else Untouched(place)
        shown, expect = None, actions[0].expect
        if place is not None and expect is not None:
            shown = Shown(expect, Side.DESTINATION, place)
        return self._done(actions, shown)

    def made_up(self, path: str) -> bool:
        """Whether the plan alone says what will be at ``path`` and in it."""
        return self._lies(path) is None

    def pending(self, verb: Verb, directory: str) -> dict[str, Action | None]:
        """The names of a directory with an action of this verb, or (``None``) only with one
        somewhere below."""
        return {
            name: actions[-1] if actions else None
            for name, actions in self._of[verb].children(directory)
        }

    def reasons(self, path: str) -> tuple[Action, ...]:
        """The actions that touch a path: its own, and the renames that carry it along or away."""
        found = self._all.at(path)
        place = path
        while place:
            if leaving := self._leaving.get(place):
                found.append(leaving)
            place = split(place)[0]
            found += [action for action in self._all.at(place) if action.verb is Verb.RENAME]
        return tuple(found)

    def _lies(self, path: str) -> str | None:
        """Where that which the plan leaves at ``path`` lies on the destination now; ``None`` when
        nothing of what is there now will be at ``path``."""
        place = path
        while True:
            for action in reversed(self._all.at(place)):
                if action.verb is Verb.RENAME:
                    return moved(path, place, action.origin)
                if action.verb is not Verb.ATTRIBUTES:
                    return None
            if place in self._leaving:
                return None
            if not place:
                return path
            place = split(place)[0]

    def _done(self, actions: list[Action], shown: Shown | None) -> Shown | None:
        """What the actions on one path, in order, make of it."""
        for action in actions:
            want, expect = action.want, action.expect
            match action.verb:
                case Verb.DELETE:
                    shown = None
                case Verb.RENAME if expect is not None:
                    shown = Shown(expect, Side.DESTINATION, action.origin)
                case Verb.ATTRIBUTES if want is not None:
                    if shown is not None:
                        shown = shown._replace(entry=self._set(shown.entry, want))
                case _ if want is not None:
                    shown = _made(action.path, want)
                case _:
                    pass
        return shown

    def _set(self, entry: Entry, want: Entry) -> Entry:
        """The entry with the attributes that are kept."""
        keep = self._options
        timed = keep.directory_times if want.kind is Kind.DIRECTORY else keep.times
        return entry._replace(
            mtime_ns=want.mtime_ns if timed else entry.mtime_ns,
            mode=want.mode if keep.permissions and want.kind is not Kind.SYMLINK else entry.mode,
            uid=want.uid if keep.owners else entry.uid,
            gid=want.gid if keep.owners else entry.gid,
            xattrs=want.xattrs if keep.xattrs else entry.xattrs,
        )


class _Ordered:
    """Actions in tree order, those of one path in the order they run."""

    def __init__(self, actions: Iterable[Action], *, sort: bool = True) -> None:
        self.actions = list(actions)
        if sort:
            self.actions.sort(key=attrgetter("stage"))
            self.actions.sort(key=_key)  # stable

    def only(self, verb: Verb) -> "_Ordered":
        return _Ordered((action for action in self.actions if action.verb is verb), sort=False)

    def at(self, path: str) -> list[Action]:
        """The actions on exactly this path."""
        found = []
        start = bisect_left(self.actions, _text(path), key=_key)
        for index in range(start, len(self.actions)):
            if self.actions[index].path != path:
                break
            found.append(self.actions[index])
        return found

    def children(self, directory: str) -> Iterator[tuple[str, list[Action]]]:
        """Each name in a directory that has actions on it or below it, and those on it."""
        actions, prefix = self.actions, f"{directory}/" if directory else ""
        # "\0" stands for the separator: below is all that starts so, and "\1" comes next.
        at = bisect_left(actions, _text(prefix), key=_key) if prefix else self._after_root()
        end = bisect_left(actions, f"{_text(directory)}\1", key=_key) if prefix else len(actions)
        length = len(prefix)
        while at < end:
            path, own = actions[at].path, []
            if (cut := path.find("/", length)) >= 0:
                path = path[:cut]
            while at < end and actions[at].path == path:
                own.append(actions[at])
                at += 1
            yield path[length:], own
            if at < end and actions[at].path.startswith(f"{path}/"):
                at = bisect_left(actions, f"{_text(path)}\1", at, end, key=_key)

    def _after_root(self) -> int:
        return bisect_right(self.actions, "", key=_key)


def _made(path: str, want: Entry) -> Shown:
    """What is created or takes the place of something else."""
    side = Side.NEITHER if want.kind is Kind.DIRECTORY else Side.SOURCE
    return _new(Shown, (want.yet_to_be(), side, path))


def _text(path: str) -> str:
    """A path as a string whose order is tree order: no name holds a NUL, so it sorts first."""
    return path.replace("/", "\0")


def _key(action: Action) -> str:
    return _text(action.path)
