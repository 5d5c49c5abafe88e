"""Which files are transferred first (--order-by).

Law: the order is that of the entries the plan wants, whatever directory they are in; equals keep
the order in which they were met.
"""

from collections.abc import Callable, Iterable
from typing import Any

from mirrorfs.core.filter.dialect import translate
from mirrorfs.core.filter.glob import to_regexp
from mirrorfs.core.filter.match import FullMatch, single
from mirrorfs.core.filter.rules import Rule
from mirrorfs.core.plan import Action
from mirrorfs.core.values import OrderBy
from mirrorfs.errors import FatalError


class Order:
    """Sorts transfers; raises FatalError for a glob that is none. ``mixed`` is the percentage of
    the workers that take from the front while the others take from the back."""

    def __init__(self, by: OrderBy) -> None:
        self.mixed = 100 if by.mixed is None else by.mixed
        self._descending = by.descending
        self._key = _key(by)

    def sort(self, actions: Iterable[Action]) -> list[Action]:
        """The actions, the first to be done first."""
        return sorted(actions, key=self._key, reverse=self._descending)


def workers_in_front(order: Order, workers: int) -> int:
    """How many of so many workers take from the front (rclone: the i-th of n does, if 100 i/n is
    less than the percentage)."""
    return sum(100 * worker // workers < order.mixed for worker in range(workers))


def _key(by: OrderBy) -> Callable[[Action], Any]:
    match by.key:
        case "name":
            return lambda action: action.path
        case "size":
            return lambda action: action.want.size if action.want else 0
        case "modtime":
            return lambda action: action.want.mtime_ns if action.want else 0
        case "pattern":
            globs = [_glob(glob) for glob in by.globs]
            return lambda action: _rank(globs, action.path)


def _glob(glob: str) -> FullMatch:
    try:
        regexp = to_regexp(glob)
        return single(Rule(True, regexp, translate(regexp.body), glob, ""))
    except ValueError as error:
        raise FatalError(f"bad --order-by glob {glob!r}: {error}") from None


def _rank(globs: list[FullMatch], path: str) -> int:
    """The place of the first glob that matches; behind them all for none."""
    for rank, matches in enumerate(globs):
        if matches(path):
            return rank
    return len(globs)
