"""Guards look at a whole plan before the first removal and say what makes it look like a disaster.

Law: a guard is a pure predicate over figures; it decides before anything is removed, and it holds
the plan as a whole. rclone and rsync delete N files first and then notice.

What is held is not diluted: new files are copied meanwhile, and however many come, only a person,
or a source that recovers, makes less of what is to be removed.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import NamedTuple

from mirrorfs.core.approval import Touch, drift, touches
from mirrorfs.core.plan import Plan, Totals, Verb
from mirrorfs.core.record import record


class Danger(StrEnum):
    SOURCE_EMPTIED = "source-emptied"
    MASS_DELETION = "mass-deletion"
    MAX_DELETE = "max-delete"
    FOREIGN_DESTINATION = "foreign-destination"
    HOME_DIRECTORY = "home-directory"
    FILTER_CHANGED = "filter-changed"
    DRIFT = "drift"


@record
class Limits:
    """``max_delete``: at most so many files (-1: no limit), ``max_delete_size`` bytes; ``share``:
    at most this share of what the destination holds, when more than ``share_floor`` entries go.
    ``adopted``: the user knows that the destination holds other things, and ``home`` that it is
    where people live; ``refiltered``: another filter, or other options, may remove something
    without asking."""

    max_delete: int = -1
    max_delete_size: int = -1
    share: float = 1.0
    share_floor: int = 100
    empty_source: bool = True  # whether an empty source may empty the destination
    adopted: bool = True
    home: bool = True
    refiltered: bool = True


CAREFUL = Limits(share=0.5, empty_source=False, adopted=False, home=False, refiltered=False)


class Kept(NamedTuple):
    """The plan that is held already: the ``danger``, how many entries it removes, of how many the
    destination held when that was first refused, and how many had ``gone`` a moment before."""

    danger: str
    delete: int
    entries: int
    gone: int


class Before(NamedTuple):
    """What is known of the destination without looking. ``first``: this source was never mirrored
    to it; ``changed``: the filter or the options are others than at the last sync; ``home``: it is
    somebody's home, or holds one; ``entries``: how many it holds, and ``gone``: how many it has
    lost a moment ago, by plans before this one; ``kept``: what is held, as far as the plan is about
    the same."""

    first: bool = False
    changed: bool = False
    home: bool = False
    entries: int = 0
    gone: int = 0
    kept: Kept | None = None


@record
class Refusal:
    """Why a plan is held, with the figures. ``entries`` is how many the destination held when it
    was first refused, and ``gone`` how many it had lost a moment before; ``digest`` stands for
    what the plan takes away (`mirrorfs.core.approval`); ``plan`` is the id under which it is kept,
    ``unkept`` why it is not."""

    danger: Danger
    message: str
    totals: Totals
    entries: int = 0
    gone: int = 0
    digest: str = ""
    plan: str = ""
    unkept: str = ""


def refuse(
    plan: Plan,
    limits: Limits,
    before: Before = Before(),  # noqa: B008  (frozen)
    *,
    whole: bool,
    approved: Collection[Touch] | None = None,
) -> Refusal | None:
    """Why the plan is not to be applied; None when nothing speaks against it.

    ``whole``: all of the source was read. ``approved``: somebody decided that exactly this may be
    taken away; then no guard counts, and anything else is refused. A disaster that comes in small
    pieces is one all the same.
    """
    totals, kept = plan.totals(), before.kept
    entries, gone = plan.destination_entries, before.gone
    if kept is not None:
        entries, gone = min(entries, kept.entries), max(gone, kept.gone)

    def refusal(danger: Danger, message: str) -> Refusal:
        return Refusal(danger, message, totals, entries, gone)

    if approved is not None:
        if (drifted := drift(approved, touches(plan.actions))) is None:
            return None
        message = f"what would be removed or replaced is not what was approved ({drifted})"
        return refusal(Danger.DRIFT, message)
    if not totals.delete:
        return None
    files = sum(
        1
        for action in plan.actions
        if action.verb is Verb.DELETE
        and action.expect is not None
        and not action.expect.is_directory
    )
    if 0 <= limits.max_delete < files:
        message = f"{files} deletions are more than --max-delete {limits.max_delete} allows"
        return refusal(Danger.MAX_DELETE, message)
    if 0 <= limits.max_delete_size < totals.freed:
        message = (
            f"deleting {totals.freed} bytes is more than "
            f"--max-delete-size {limits.max_delete_size} allows"
        )
        return refusal(Danger.MAX_DELETE, message)
    would = f"{totals.delete} of {plan.destination_entries} entries there would be deleted"
    if before.home and not limits.home:
        return refusal(Danger.HOME_DIRECTORY, f"the destination is a home directory and {would}")
    if before.first and not limits.adopted:
        message = f"the destination was never mirrored to and {would}"
        return refusal(Danger.FOREIGN_DESTINATION, message)
    if whole and plan.source_entries == 0 and not limits.empty_source:
        return refusal(Danger.SOURCE_EMPTIED, f"the source is empty and {would}")
    if (
        kept is not None
        and not limits.empty_source
        and kept.danger == Danger.SOURCE_EMPTIED
        and totals.delete >= kept.delete
    ):
        message = f"the source was emptied, nothing of it has come back and {would}"
        return refusal(Danger.SOURCE_EMPTIED, message)
    if before.changed and not limits.refiltered:
        message = f"the filter or the options have changed and {would}"
        return refusal(Danger.FILTER_CHANGED, message)
    lost = totals.delete + gone
    too_much = lost > limits.share * (entries + gone)
    if too_much and lost > limits.share_floor:
        if gone:
            would += f", after {gone} a moment ago"
        if entries < plan.destination_entries:
            would += f"; there were {entries} when that was first refused"
        return refusal(Danger.MASS_DELETION, would)
    return None
