"""Places on drives: written by the UUID or label of a file system, found wherever it is mounted.

Law: a place is known by what was written, for ever; where it is, is asked anew each time.

    place      how it is written
    name       what it is known by
    find       where it is today
    offer      how a path could be written so
    make       its folder, made on the drive and nowhere else
    bare       a mount point on which nothing is mounted
    describe   what can be said of it to people
"""

from mirrorfs.drives.bare import refuse_bare
from mirrorfs.drives.describe import Description, describe, sight
from mirrorfs.drives.find import Found, find, located
from mirrorfs.drives.make import make
from mirrorfs.drives.name import absolute, asleep, name, rouse
from mirrorfs.drives.offer import offered
from mirrorfs.drives.place import Place, parse

__all__ = [
    "Description",
    "Found",
    "Place",
    "absolute",
    "asleep",
    "describe",
    "find",
    "located",
    "make",
    "name",
    "offered",
    "parse",
    "refuse_bare",
    "rouse",
    "sight",
]
