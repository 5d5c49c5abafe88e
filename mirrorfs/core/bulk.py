"""Bulk copying: the files of a directory that the destination lacks are copied by their names
alone, before anybody made an entry of them.

Law: done so or not, the destination ends the same and the same is counted. So it is done only where
names leave no question: the directory is new as a whole, or a quick check told what it lacks; and
nothing is in doubt, unknown or still to be said. Who copies leaves whatever is out of the ordinary,
and what fails, for whatever reason; what is left is read and decided in the ordinary way.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mirrorfs.core.record import field, mutable
from mirrorfs.core.tree import join

if TYPE_CHECKING:
    from mirrorfs.core.quick import Quick
    from mirrorfs.core.rules import Rules
    from mirrorfs.core.walk import Frame

MOST = 2048  # names copied without asking whether to go on
WORTH = 256  # names after which it shows whether this way is worth it

# The regular files and the other names of a directory of the source, as far as its listing tells
# them apart; ``None``: they are to be read.
Kinds = Callable[[str], tuple[list[str], list[str]] | None]


@mutable
class Bulk:
    """Files ``names`` of the directory ``path``. Once they were copied (`settle`): those that
    were, their ``sizes`` in bytes, and those that were ``left``."""

    path: str
    names: list[str]
    sizes: list[int] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    settled: bool = False

    def settle(self, sizes: list[int]) -> None:
        """``sizes`` of all names; -1 for one that was left."""
        if sizes and min(sizes) < 0:
            names = self.names
            self.left = [name for name, size in zip(names, sizes, strict=True) if size < 0]
            self.names = [name for name, size in zip(names, sizes, strict=True) if size >= 0]
            sizes = [size for size in sizes if size >= 0]
        self.sizes, self.settled = sizes, True

    def leave(self) -> None:
        """Nothing was copied."""
        self.settle([-1] * len(self.names))


class Bulking:
    """What is copied in bulk of one walk."""

    def __init__(self, rules: "Rules") -> None:
        self._rules = rules
        filter = rules.filter
        clear = not (rules.doubts or rules.unknown or filter.markers or filter.weighs)
        self._kinds = rules.kinds if clear else None
        self._copied = self._left = 0

    def of(self, frame: "Frame", quick: "Quick | None") -> tuple[list[str], list[str]] | None:
        """The files of a directory that may be copied in bulk, and the other names to be looked at;
        ``None`` where nothing may."""
        if self._kinds is None or not self._may(frame):
            return None
        if quick is not None:
            files, others = quick.fresh, quick.rest
        elif frame.found is None and (found := self._kinds(frame.path)) is not None:
            files, others = found
        else:
            return None
        if len({*files}) < len(files):  # one that moved while it was listed is there twice
            files = list(dict.fromkeys(files))
        if self._rules.plain:
            return files, others
        includes = self._rules.filter.includes
        taken = {name: includes(join(frame.path, name)) for name in files}
        # What is left out is looked at all the same: it may be another name of what is not.
        others = [*others, *(name for name in files if not taken[name])]
        return [name for name in files if taken[name]], others

    def _may(self, frame: "Frame") -> bool:
        lost = self._rules.lost
        return (
            frame.want is not None
            and frame.scope.deep
            and not frame.waits
            and not (lost is not None and lost.takes_any)
        )

    def heard(self, bulk: Bulk) -> None:
        """What became of some files. Where most are out of the ordinary it is not tried again."""
        self._copied += len(bulk.names)
        self._left += len(bulk.left)
        if self._left > max(WORTH, self._copied):
            self._kinds = None


def bulks(path: str, files: Sequence[str]) -> list[Bulk]:
    """Files of a directory as they are copied together."""
    return [Bulk(path, [*files[at : at + MOST]]) for at in range(0, len(files), MOST)]
