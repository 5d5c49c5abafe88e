"""Guards look at a whole plan before the first removal and say what makes it look like a disaster.

Law: a guard is a pure predicate over figures; it decides before anything is removed, and it holds
the plan as a whole. rclone and rsync delete N files first and then notice.
"""

from dataclasses import dataclass
from enum import StrEnum

from mirrorfs.core.plan import Plan, Totals


class Danger(StrEnum):
    SOURCE_EMPTIED = "source-emptied"
    MASS_DELETION = "mass-deletion"
    MAX_DELETE = "max-delete"
    FOREIGN_DESTINATION = "foreign-destination"


@dataclass(frozen=True, slots=True)
class Limits:
    """``max_delete``: at most so many files (-1: no limit), ``max_delete_size`` bytes; ``share``:
    at most this share of what the destination holds, when more than ``share_floor`` entries go.
    ``adopted``: the user knows that the destination holds other things."""

    max_delete: int = -1
    max_delete_size: int = -1
    share: float = 1.0
    share_floor: int = 100
    empty_source: bool = True  # whether an empty source may empty the destination
    adopted: bool = True


CAREFUL = Limits(share=0.5, empty_source=False, adopted=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a plan is held, with the figures."""

    danger: Danger
    message: str
    totals: Totals


def refuse(plan: Plan, limits: Limits, *, whole: bool, first: bool) -> Refusal | None:
    """``whole``: the plan comes from a full comparison; ``first``: this pair was never synced."""
    totals = plan.totals()
    deleted = totals.delete
    if not deleted:
        return None
    if 0 <= limits.max_delete < deleted:
        return Refusal(
            Danger.MAX_DELETE,
            f"{deleted} deletions are more than --max-delete {limits.max_delete} allows",
            totals,
        )
    if 0 <= limits.max_delete_size < totals.freed:
        return Refusal(
            Danger.MAX_DELETE,
            f"deleting {totals.freed} bytes is more than "
            f"--max-delete-size {limits.max_delete_size} allows",
            totals,
        )
    if first and not limits.adopted:
        return Refusal(
            Danger.FOREIGN_DESTINATION,
            f"the destination was never mirrored to and {deleted} entries there would be deleted",
            totals,
        )
    if whole and plan.source_entries == 0 and not limits.empty_source:
        return Refusal(
            Danger.SOURCE_EMPTIED,
            f"the source is empty and {deleted} entries of the destination would be deleted",
            totals,
        )
    if whole and deleted > limits.share_floor and deleted > limits.share * plan.destination_entries:
        return Refusal(
            Danger.MASS_DELETION,
            f"{deleted} of {plan.destination_entries} entries of the destination would be deleted",
            totals,
        )
    return None
