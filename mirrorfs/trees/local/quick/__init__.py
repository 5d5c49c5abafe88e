"""The quick check of two local trees: both sides of a directory are read at once, and no entry is
made of what is equal.

`plain` does it in Python; `mirrorfs.trees.local.native`, where it could be compiled, in C and in
several threads.

Law: a look is relative to held directory handles, follows no symlink and leaves no trace; what it
does not vouch for, whatever the reason, is read in the ordinary way (`mirrorfs.trees.local.read`).
"""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from mirrorfs.core.quick import Quick, Terms
from mirrorfs.core.tree import TreeError, join
from mirrorfs.trees.local import native
from mirrorfs.trees.local.quick import plain

if TYPE_CHECKING:
    from mirrorfs.trees.local.tree import LocalTree

LookAt = Callable[[int, int, Sequence[str], Terms, plain.Bounds], Sequence[Quick | None]]
MOST = 20_000  # names in one answer, or one directory's


def compiled() -> LookAt | None:
    """The compiled one, where there is one."""
    if (module := native.load()) is None:
        return None
    return partial(module.look, threads=min(4, os.cpu_count() or 1), most=MOST)


class QuickCheck:
    """See `mirrorfs.core.quick.Look`."""

    def __init__(self, source: "LocalTree", destination: "LocalTree", terms: Terms) -> None:
        self._source = source
        self._destination = destination
        self._terms = terms
        # Where leftovers of ours are, the ordinary way clears them up.
        self._bounds = plain.Bounds(
            destination.temporary_prefix,
            (source.device, destination.device),
            (source.reads_xattrs, destination.reads_xattrs),
        )
        self._look = compiled() or partial(plain.look, most=MOST)

    def look(self, directory: str, names: Sequence[str]) -> Sequence[Quick | None]:
        """What the directories ``names`` in ``directory`` hold; the name of the root is "."."""
        one, two = self._source, self._destination
        try:
            with one.handles.take(directory) as here, two.handles.take(directory) as there:
                answers = self._look(here, there, names, self._terms, self._bounds)
        except TreeError:
            return ()  # the ordinary way finds out what is wrong
        paths = (join(directory, name) for name in names)
        return [
            None if one.hides(path) or two.hides(path) else answer
            for path, answer in zip(paths, answers, strict=False)
        ]
