"""What stands at names of one tree that are asked for one by one.

Law: a look is one of now, and a name that is not there is no trouble. The names that are known
beforehand are looked at together, a directory at a time, when the first of them is asked for.
"""

from collections.abc import Iterable

from mirrorfs.core.fold import Hint
from mirrorfs.core.tree import Entry, Listing, Reader, TreeError, Trouble, split

_EMPTY = Listing({})


class Looks:
    """At all names of ``hints``, none of which lies below another one."""

    def __init__(self, reader: Reader, hints: Iterable[Hint]) -> None:
        self._reader = reader
        self._names: dict[str, list[str]] = {}
        self._seen: dict[str, Listing | TreeError] = {}
        for hint in hints:
            for path in (hint.origin, *hint.between, hint.path):
                directory, name = split(path)
                self._names.setdefault(directory, []).append(name)

    def at(self, path: str) -> Entry | None:
        """The entry at one of the names, ``None`` if there is none. Raises TreeError when it cannot
        be told."""
        directory, name = split(path)
        seen = self._seen.get(directory)
        if seen is None:
            seen = self._seen[directory] = self._read(directory)
        if isinstance(seen, TreeError):
            raise seen
        entry = seen.entries.get(name)
        if entry is None and name in seen.failures:
            raise TreeError(seen.failures[name])
        return entry

    def _read(self, directory: str) -> Listing | TreeError:
        try:
            return _listing(self._reader, directory, self._names.pop(directory))
        except TreeError as error:
            return error


def look(reader: Reader, path: str) -> Entry | None:
    """The entry at a path, ``None`` if there is none. Raises TreeError when it cannot be told."""
    directory, name = split(path)
    listing = _listing(reader, directory, [name])
    if name in listing.failures:
        raise TreeError(listing.failures[name])
    return listing.entries.get(name)


def _listing(reader: Reader, directory: str, names: list[str]) -> Listing:
    """What is at names of a directory, which need not be there. Raises TreeError."""
    try:
        return reader.read(directory, names)
    except TreeError as error:
        if error.trouble in (Trouble.ABSENT, Trouble.LOOP):
            return _EMPTY
        raise
