"""Which names of the source are one file: hard links. A symlink, a fifo, a device can have several
names as well as a regular file.

Law: names of one file are looked at together. A change made through one name shows under all of
them, while inotify tells of the one name used; so whoever looks at a name that has others (in a
replay, of a part of the tree) looks at the others, too. Content, mode, owner, times and extended
attributes all belong to the file. Which names it has does not: making or removing a link is an
event of that very name, and whatever other names there are stay equal.

The names are known from looking at them, directory by directory, whatever becomes of them then
(whether a filter lets a file through can depend on its size). After a look at everything the names
of all files that have several are known, and stay so, because names that come, go and move are
recorded; a name that is known and gone costs one look. When a known name goes, the others are
looked at: the file may have been changed through it before.

What is not known is the one name of a file that has no other: no event tells that it got a second
one, only the second name is recorded. So of a file that was not known, as many names as it has must
be found, or everything be looked at. One case escapes: a file with one name gets a second, is
changed through it, and loses it again before anybody looked. Its first name is right again after
the next look at it, or at everything.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from mirrorfs.core.record import field, mutable
from mirrorfs.core.tree import Entry, Kind, join, moved, split

LIMIT = 200_000  # names kept, some 400 bytes each

Inode = tuple[int, int]  # (device, inode number)


@mutable
class Met:
    """A file met in a pass: how many names it has, those seen, and whether one was known."""

    links: int
    seen: set[str] = field(default_factory=set)
    known: bool = False


class LinkedNames:
    """The names of the source's files that have several. ``complete``: none is missing of a file
    of which one is known, but those that changes not looked at yet would add; ``changed``: not as
    it was when this was last set to False; ``blind``: a name of a file whose other names the last
    pass did not find."""

    def __init__(self, groups: Iterable[tuple[Inode, Iterable[str]]] = ()) -> None:
        self._names: dict[str, dict[str, Inode]] = {}  # by directory
        self._groups: dict[Inode, set[str]] = {}
        self._count = 0
        self._whole = False
        self._full = False
        self._met: dict[Inode, Met] = {}
        self._lost: set[Inode] = set()  # files that lost a name
        self._asked: set[str] = set()
        self.complete = False
        for inode, paths in groups:
            for path in paths:
                self._add(path, inode)
        self.changed = False
        self.blind = ""

    def groups(self) -> Iterator[tuple[Inode, set[str]]]:
        """All that is known."""
        yield from self._groups.items()

    def knows(self, path: str) -> bool:
        """Whether it is known as a name of a file that has others."""
        directory, name = split(path)
        return name in self._names.get(directory, ())

    def begin(self, *, whole: bool) -> None:
        """A pass begins; ``whole``: over everything."""
        self._whole = whole
        self._full = False
        self._met, self._lost, self._asked = {}, set(), set()
        self.blind = ""
        if whole:
            self._names, self._groups, self._count = {}, {}, 0
            self.complete, self.changed = False, True

    def rename(self, renames: Mapping[str, str]) -> None:
        """Directories of the source have other names now (old → new); none lies within another."""
        if not (renames and self._names):
            return
        for directory in list(self._names):
            above = directory
            while above and above not in renames:
                above = split(above)[0]
            if not above:
                continue
            now = moved(directory, above, renames[above])
            for name, inode in list(self._names[directory].items()):
                self._drop(directory, name)
                self._drop(now, name)
                self._add(join(now, name), inode)

    def saw(
        self, directory: str, names: Collection[str] | None, entries: Mapping[str, Entry]
    ) -> None:
        """What a directory of the source holds: everything, or what is at ``names``."""
        directory_kind = Kind.DIRECTORY
        linked = {
            name: (entry.device, entry.inode)
            for name, entry in entries.items()
            if entry.links > 1 and entry.kind is not directory_kind and entry.inode
        }
        if known := self._names.get(directory):
            looked = list(known) if names is None else [name for name in names if name in known]
            for name in looked:
                if linked.get(name) != known[name]:
                    if not self._whole:
                        self._lost.add(known[name])
                    self._drop(directory, name)
        for name, inode in linked.items():
            path = join(directory, name)
            is_new = known is None or name not in known
            if is_new:
                self._add(path, inode)
            if not self._whole:
                met = self._met.setdefault(inode, Met(entries[name].links))
                met.seen.add(path)
                met.known |= not is_new

    def others(self) -> list[str]:
        """More names to look at, of the files met in this pass; none when all are seen. What was
        asked for before and was not there is forgotten."""
        wanted = []
        for inode in {**self._met, **dict.fromkeys(self._lost)}:
            seen = self._met[inode].seen if inode in self._met else set()
            for path in sorted(self._groups.get(inode, set()) - seen):
                if path in self._asked:
                    self._drop(*split(path))
                else:
                    wanted.append(path)
        self._asked.update(wanted)
        return wanted

    def end(self) -> None:
        """The pass has looked at all it was to look at."""
        if self._whole:
            self.complete = not self._full
        else:
            for met in self._met.values():
                if len(met.seen) < met.links and not (met.known and self.complete):
                    self.blind = min(met.seen)
                    break
        self._met, self._lost, self._asked = {}, set(), set()

    def _add(self, path: str, inode: Inode) -> None:
        if self._count >= LIMIT:
            self._full, self.complete = True, False
            return
        directory, name = split(path)
        self._names.setdefault(directory, {})[name] = inode
        self._groups.setdefault(inode, set()).add(path)
        self._count += 1
        self.changed = True

    def _drop(self, directory: str, name: str) -> None:
        known = self._names.get(directory, {})
        if (inode := known.pop(name, None)) is None:
            return
        if not known:
            del self._names[directory]
        group = self._groups[inode]
        group.remove(join(directory, name))
        if not group:
            del self._groups[inode]
        self._count -= 1
        self.changed = True
