"""--files-from: exactly the files that are listed, and the directories that lead to them."""

import posixpath
from collections.abc import Iterable, Iterator

from mirrorfs.core.record import record

# What Go's strings.TrimSpace removes; Python's strip() takes four control characters more.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)


@record
class Listing:
    """Listing a directory's name lets nothing through: only files are looked up in `files`."""

    files: frozenset[str]
    directories: frozenset[str]


def from_names(names: Iterable[str]) -> Listing:
    files = {name.strip("/") for name in names}
    directories: set[str] = set()
    for name in files:
        parent = posixpath.dirname(name)
        while parent and parent not in directories:
            directories.add(parent)
            parent = posixpath.dirname(parent)
    return Listing(frozenset(files), frozenset(posixpath.normpath(name) for name in directories))


def raw_lines(text: str) -> Iterator[str]:
    """Each line without its end (`\\n` or `\\r\\n`); other line separators belong to the names."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return (line.removesuffix("\r") for line in lines)


def nul_separated(text: str) -> Iterator[str]:
    names = text.split("\0")
    if not names[-1]:
        names.pop()
    return iter(names)


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """Line number and line, trimmed, without blank lines and comments (`#` or `;` in front)."""
    for number, raw in enumerate(raw_lines(text), 1):
        line = raw.strip(_SPACE)
        if line and line[0] not in "#;":
            yield number, line
