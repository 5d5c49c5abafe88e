"""Files of a new directory, copied as they stand there, by their names alone.

Law: what is copied is what `mirrorfs.trees.local.small` copies; nothing is ever there under another
name, so a process that is killed leaves whole files and nothing else. What cannot be copied so is
left, and nobody is told why: who looks at it in the ordinary way finds out.
"""

from collections.abc import Sequence

from mirrorfs.core.options import Options
from mirrorfs.core.tree import TreeError
from mirrorfs.trees.base import PIECE, Meter, Tree
from mirrorfs.trees.local import small
from mirrorfs.trees.local.handles import Handles
from mirrorfs.trees.local.room import Room
from mirrorfs.trees.local.small import Terms


def terms(asked: Options, kept: Options, owner: int | None, usual: Terms | None) -> Terms | None:
    """How such files are made, where they may be, by the ``usual`` way of small ones: what is asked
    for and not ``kept`` is said of the first file that has it, so that one is left. ``owner``:
    whose all is where owners cannot be kept."""
    if usual is None:
        return None
    uid = -1 if owner is None or kept.owners or not asked.owners else owner
    return usual._replace(xattrs=asked.xattrs, uid=uid)


def copy(
    handles: Handles,
    room: Room,
    terms: Terms,
    directory: str,
    names: Sequence[str],
    source: Tree,
    meter: Meter,
) -> list[int]:
    """See `mirrorfs.trees.base.Destination.copy`."""
    left = [-1] * len(names)
    if meter.piece() < PIECE:
        return left  # so fast it may not go
    room.look()
    try:
        if (held := source.held(directory)) is None:
            return left
        most = terms.most * len(names)  # nobody knows their sizes yet
        with (
            held as here,
            handles.take_to_write(directory) as there,
            room.taken(there, directory, most),
        ):
            moved = small.copy(here, there, names, None, terms)
    except (OSError, TreeError):
        return left
    meter.moved(sum(moved) + moved.count(-1))
    return moved
