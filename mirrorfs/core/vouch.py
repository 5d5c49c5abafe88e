"""Whether a journal can vouch for what happened to the source since a checkpoint.

Law: what cannot be vouched for is compared. The first question that is answered with no decides,
and its answer is the reason people are told.
"""

from typing import NamedTuple

from mirrorfs.core.tree import Identity


class Known(NamedTuple):
    """What a checkpoint remembers; ``cursor``: whether it holds a position in the journal."""

    source: Identity
    destination: Identity
    fingerprint: str
    cursor: bool


class Found(NamedTuple):
    """How things are now. ``watched``: a watcher is writing the journal and answers; ``lost``: why
    reading cannot go on at the cursor ("" if it can); ``covered``: the watcher leaves out nothing
    that this mirror takes in."""

    journal: bool
    watched: bool
    source: Identity
    destination: Identity
    fingerprint: str
    lost: str = ""
    covered: bool = True


def objection(known: Known | None, found: Found) -> str:
    """Why everything must be compared; "" when the journal vouches for the source."""
    if not found.journal:
        return "no journal is kept for this source"
    if known is None:
        return "this pair was not mirrored before"
    if not known.cursor:
        return "nobody watched the source at the last sync"
    if known.source != found.source:
        return "the source is not the directory it was"
    if known.destination != found.destination:
        return "the destination is not the directory it was"
    if known.fingerprint != found.fingerprint:
        return "the filter or the options have changed"
    if not found.watched:
        return "nobody watches the source now"
    if not found.covered:
        return "the watcher leaves out other directories than this mirror"
    if found.lost:
        return f"the journal does not reach back to the last sync ({found.lost})"
    return ""
