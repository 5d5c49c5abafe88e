"""How a tree is written, as the user chose it; what is written does not depend on it."""

from mirrorfs.core.record import record
from mirrorfs.core.values import NOTHING, Reserve
from mirrorfs.trees.local.backup import Backup


@record
class Writing:
    """``in_place``: a file that is there is written into instead of being replaced in one step.

    ``min_free``: what of the destination's file system stays free.

    ``check_updated`` False: a file that changes while it is read is copied as it was when reading
    began, as long, and nobody asks whether it fits together.
    """

    backup: Backup | None = None
    in_place: bool = False
    check_updated: bool = True
    min_free: Reserve = NOTHING
