"""One destination of a run, and what is wanted of it.

Law: plain data. Two targets of one run share the source, its watcher and its journal, and nothing
else.
"""

from collections.abc import Callable

from mirrorfs.apply.pace import Pace
from mirrorfs.core.filter import Filter
from mirrorfs.core.options import Options
from mirrorfs.core.record import field, record
from mirrorfs.history.keep import DEFAULT_BYTES
from mirrorfs.hold import Recipe
from mirrorfs.mirror.leftout import Extent
from mirrorfs.sync.listener import Listener
from mirrorfs.sync.settings import Settings


def _nobody(_: str) -> None:
    """Hears what people should know, where there is nobody."""


@record
class Target:
    """``said`` hears what people should know, a line at a time. ``wait``: so many seconds for
    another process to release the destination; ``audit_interval``: so many between audits, 0 for
    none; ``history_size``: bytes of history at most."""

    destination: str
    options: Options
    filter: Filter
    settings: Settings
    fsync: str = "replace"
    adopt: bool = False
    wait: float = 0
    audit_interval: float = 0
    pace: Pace | None = None
    recipe: Recipe | None = None
    history_size: int = DEFAULT_BYTES
    listener: Listener = field(default_factory=Listener)
    said: Callable[[str], None] = _nobody

    @property
    def fingerprint(self) -> str:
        """Of what is mirrored, and how."""
        return f"{self.options.fingerprint()}-{self.filter.fingerprint()}"

    @property
    def extent(self) -> Extent:
        """What the watcher must not leave out."""
        return Extent(self.filter, self.options.one_file_system)
