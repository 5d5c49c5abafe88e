"""--dest-after: what the destination holds once a run is done, one line per name.

The columns are rclone's lsf: p path, s size, t modification time, h hash. Directories come before
what is in them, names in order.
"""

import csv
import hashlib
import io
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from mirrorfs.core.filter import Filter
from mirrorfs.core.tree import Entry, Kind, TreeError, join
from mirrorfs.errors import SettingError
from mirrorfs.output.gotime import format_time
from mirrorfs.trees.base import CHUNK, Tree

COLUMNS = "psth"
TIME = "2006-01-02 15:04:05"
HASHES = ("md5", "sha1", "sha256", "sha512")


class Format(Protocol):
    """The flags that shape the listing."""

    @property
    def dest_after(self) -> str: ...
    @property
    def format(self) -> str: ...
    @property
    def separator(self) -> str: ...
    @property
    def csv(self) -> bool: ...
    @property
    def absolute(self) -> bool: ...
    @property
    def files_only(self) -> bool: ...
    @property
    def dirs_only(self) -> bool: ...
    @property
    def dir_slash(self) -> bool: ...
    @property
    def timeformat(self) -> str: ...
    @property
    def hash(self) -> str: ...


def verify(format: Format) -> None:
    """Raises SettingError for columns and hashes there are not."""
    unknown = set(format.format).difference(COLUMNS)
    if unknown:
        raise SettingError(f"--format {format.format}: only {COLUMNS} can be listed")
    if format.hash.lower() not in HASHES:
        raise SettingError(f"--hash {format.hash} is not one of {', '.join(HASHES)}")


def list_tree(tree: Tree, filter: Filter, format: Format) -> None:
    """Write the listing to ``format.dest_after`` ("-": standard output). Raises SettingError,
    TreeError."""
    lines = _lines(tree, filter, format)
    if format.dest_after == "-":
        sys.stdout.flush()
        sys.stdout.buffer.writelines(lines)
        return
    try:
        with open(format.dest_after, "wb") as stream:
            stream.writelines(lines)
    except OSError as error:
        raise SettingError(f"cannot write {format.dest_after}: {error.strerror}") from error


def _lines(tree: Tree, filter: Filter, format: Format) -> Iterator[bytes]:
    # rclone: --files-only is the default, --dirs-only turns it off.
    for path, entry in _walk(tree, filter):
        directory = entry.kind is Kind.DIRECTORY
        if directory and format.files_only and not format.dirs_only:
            continue
        if format.dirs_only and not directory:
            continue
        cells = [_cell(column, path, entry, tree, format) for column in format.format]
        yield os.fsencode(_row(cells, format))


def _walk(tree: Tree, filter: Filter) -> Iterator[tuple[str, Entry]]:
    stack = [""]
    while stack:
        directory = stack.pop()
        entries = tree.read(directory).entries
        below = []
        for name in sorted(entries):
            entry, path = entries[name], join(directory, name)
            if entry.kind is Kind.DIRECTORY:
                if filter.descends(path):
                    yield path, entry
                    below.append(path)
            elif filter.includes(path, size=entry.size, mtime_ns=entry.mtime_ns):
                yield path, entry
        stack.extend(reversed(below))


def _cell(column: str, path: str, entry: Entry, tree: Tree, format: Format) -> str:
    directory = entry.kind is Kind.DIRECTORY
    if column == "p":
        slash = "/" if directory and format.dir_slash else ""
        return ("/" if format.absolute else "") + path + slash
    if column == "s":
        return "-1" if directory else str(entry.size)
    if column == "t":
        at = datetime.fromtimestamp(entry.mtime_ns / 1e9)
        return format_time(at, format.timeformat or TIME)
    return "" if entry.kind is not Kind.FILE else _digest(tree, path, format.hash.lower())


def _digest(tree: Tree, path: str, name: str) -> str:
    digest = hashlib.new(name, usedforsecurity=False)
    try:
        with tree.open(path) as content:
            while data := content.read(CHUNK):
                digest.update(data)
    except TreeError:
        return "ERROR"
    return digest.hexdigest()


def _row(cells: list[str], format: Format) -> str:
    if not format.csv:
        return format.separator.join(cells) + "\n"
    row = io.StringIO()
    csv.writer(row, delimiter=format.separator[:1] or ",", lineterminator="\n").writerow(cells)
    return row.getvalue()
