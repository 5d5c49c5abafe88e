"""Who hears what a pass does, for logs, progress, history, and to end it.

Law: told in the thread that runs the pass; nothing is decided here.
"""

from collections.abc import Sequence

from mirrorfs.core.bulk import Bulk
from mirrorfs.core.plan import Outcome
from mirrorfs.core.walk import Batch


class Listener:
    """Does nothing by itself."""

    def planned(self, batch: Batch) -> None:
        """One directory was read and decided."""

    def done(self, outcomes: Sequence[Outcome]) -> None:
        """Some actions were carried out, or not."""

    def copied(self, bulk: Bulk) -> None:
        """Some files were copied in bulk: each is as a new one that was done."""

    @property
    def each(self) -> bool:
        """Whether each file is to be told of apart: then none is copied in bulk."""
        return False
