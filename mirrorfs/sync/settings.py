"""How a pass goes about its work, as the user wants it.

Law: plain data, the same for every pass of a mirror; what decides which trees are equal is in
`mirrorfs.core.options`.
"""

from mirrorfs.core.guard import Limits
from mirrorfs.core.record import field, record
from mirrorfs.core.values import OrderBy
from mirrorfs.trees.local import Writing


@record
class Settings:
    """``check_first``: read everything before anything moves; an ``order`` implies it.
    ``delete_first``: before files are copied, once the guards have weighed the deletions.
    ``track_renames``: recognise renamed files, by content and what must agree besides."""

    transfers: int = 4
    check_first: bool = False
    ignore_errors: bool = False
    delete_first: bool = False
    order: OrderBy | None = None
    limits: Limits = field(default_factory=Limits)
    compare_dest: tuple[str, ...] = ()  # what these directories hold is left out
    copy_dest: tuple[str, ...] = ()  # what these directories hold is taken from there
    writing: Writing = field(default_factory=Writing)
    partial_suffix: str = ".partial"
    stop_when_full: bool = False
    track_renames: frozenset[str] | None = None
