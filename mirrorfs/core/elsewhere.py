"""Whether another tree already holds what is to be copied (--compare-dest, --copy-dest).

Law: equal means what it means between source and destination, except that times alone never
decide and nothing is repaired (rclone). Pure: the trees are handed in, and so is reading content.
"""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from mirrorfs.core.compare import Verdict, comparer
from mirrorfs.core.options import Options
from mirrorfs.core.record import replace
from mirrorfs.core.tree import Entry, Failure, Reader, TreeError, split

Place = TypeVar("Place", bound=Reader)


class Elsewhere(Generic[Place]):
    """``places`` are asked in order. ``same_content`` compares the source's files of a directory
    with those of a place. ``whole``: a file that differs in what else the options keep (mode,
    owner, extended attributes) does not count."""

    def __init__(
        self,
        places: Sequence[Place],
        options: Options,
        same_content: Callable[[str, Sequence[str], Place], dict[str, bool | Failure]],
        *,
        whole: bool,
    ) -> None:
        self._places = places
        self._same_content = same_content
        self._whole = whole
        # These say when the destination's own version stays; another tree's version is no reason.
        self._compare = comparer(
            replace(
                options,
                times=False,
                ignore_existing=False,
                ignore_times=False,
                update=False,
                immutable=False,
            )
        )

    def find(self, path: str, want: Entry) -> tuple[Place, Entry] | None:
        """The first place that holds ``want``, no directory, at ``path``, and what is there."""
        directory, name = split(path)
        for place in self._places:
            try:
                have = place.read(directory, [name]).entries.get(name)
            except TreeError:
                continue
            if have is not None and self._equal(directory, name, want, have, place):
                return place, have
        return None

    def _equal(self, directory: str, name: str, want: Entry, have: Entry, place: Place) -> bool:
        difference = self._compare(want, have)
        if difference is not None and difference.verdict is Verdict.UNSURE:
            if self._same_content(directory, [name], place)[name] is not True:
                return False
            difference = difference.otherwise
        if difference is None:
            return True
        return difference.verdict is Verdict.ATTRIBUTES and not self._whole
