"""What a sync will look at, and why.

Law: plain data; whoever makes one has asked the journal what it can vouch for.
"""

from typing import NamedTuple

from journal import Position
from mirrorfs.core.fold import Hint
from mirrorfs.core.scope import Scope


class Reading(NamedTuple):
    """What a sync will look at. ``why`` is one line for people; ``cursor`` the position in the
    journal up to which the destination will be right afterwards."""

    scope: Scope
    hints: tuple[Hint, ...]
    why: str
    cursor: Position | None
    replays: bool


def everything(why: str, cursor: Position | None) -> Reading:
    """The whole of both trees."""
    return Reading(Scope.everything(), (), f"comparing everything: {why}", cursor, False)
