"""Files of a new directory, copied as they stand there, by their names alone.

Law: what is copied is what `mirrorfs.trees.local.small` copies; nothing is ever there under another
name, so a process that is killed leaves whole files and nothing else. What cannot be copied so is
left, and nobody is told why: who looks at it in the ordinary way finds out.
"""

from collections.abc import Sequence
from contextlib import ExitStack

from mirrorfs.core.bulk import Bulk
from mirrorfs.core.options import Options
from mirrorfs.core.tree import TreeError
from mirrorfs.trees.base import PIECE, Meter, Tree
from mirrorfs.trees.local import small
from mirrorfs.trees.local.handles import Handles
from mirrorfs.trees.local.room import Room
from mirrorfs.trees.local.small import Group, Terms


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
    bulks: Sequence[Bulk],
    source: Tree,
    meter: Meter,
) -> list[list[int]]:
    """See `mirrorfs.trees.base.Destination.copy`."""
    moved = [[-1] * len(bulk.names) for bulk in bulks]
    if meter.piece() < PIECE:
        return moved  # so fast it may not go
    room.look()
    groups, places = [], []
    with ExitStack() as held:
        for place, bulk in enumerate(bulks):
            try:
                here = source.held(bulk.path)
                if here is None:
                    continue
                ours = held.enter_context(here)
                theirs = held.enter_context(handles.take_to_write(bulk.path))
                most = terms.most * len(bulk.names)  # nobody knows their sizes yet
                held.enter_context(room.taken(theirs, bulk.path, most))
            except (OSError, TreeError):
                continue
            groups.append(Group(ours, theirs, bulk.names))
            places.append(place)
        for place, sizes in zip(places, small.copy(groups, terms), strict=True):
            moved[place] = sizes
            meter.moved(sum(sizes) + sizes.count(-1))
    return moved
