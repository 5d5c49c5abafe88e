"""What stands where in the mounted view, and which inode number it has.

Law: pure. An inode number stands for one version of one name: what is shown under another number
is another file, so that no page the kernel keeps can ever be of a different content, and a file
that is open stays what it was.
"""

from enum import StrEnum
from typing import NamedTuple

from mirrorfs.core.plan import Verb
from mirrorfs.core.tree import Entry, Kind

ROOT_NUMBER = 1
_NUMBERS = (1 << 63) - 1
_NEVER_ROOT = 2


class Area(StrEnum):
    """The parts of the view. A pending one has the name of its verb."""

    __hash__ = str.__hash__  # an enum's own is not C, and this is a key for every name shown

    TOP = "."
    AFTER = "after"
    PENDING = "pending"
    DOCUMENT = "document"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    RENAME = "rename"
    ATTRIBUTES = "attributes"


class Document(StrEnum):
    """The files that tell about the plan as a whole."""

    JSON = "plan.json"
    TEXT = "plan.txt"
    SUMMARY = "summary"
    STATUS = "status.json"


class Place(NamedTuple):
    """``path`` is relative to the trees' roots; of a document it is the name."""

    area: Area
    path: str = ""


TOP = Place(Area.TOP)
AFTER = Place(Area.AFTER)
PENDING = Place(Area.PENDING)
VERBS: dict[Area, Verb] = {Area(verb.value): verb for verb in Verb}
_LIKE_TREES = {Area.AFTER, *VERBS}
_TOP = {
    "after": AFTER,
    "pending": PENDING,
    **{document.value: Place(Area.DOCUMENT, document.value) for document in Document},
}
_PENDING = {area.value: Place(area) for area in VERBS}


def fixed(place: Place) -> dict[str, Place] | None:
    """What a directory that is there whatever the plan holds; ``None`` for all others."""
    if place.area is Area.TOP:
        return _TOP
    return _PENDING if place.area is Area.PENDING else None


def child(place: Place, name: str) -> Place | None:
    """The place of a name in a directory; ``None`` where nothing can be."""
    area, path = place
    if area in _LIKE_TREES:
        return Place(area, f"{path}/{name}" if path else name)
    names = fixed(place)
    return None if names is None else names.get(name)


def number(place: Place, entry: Entry) -> int:
    """The inode number of what is shown at a place: the same as long as it is the same."""
    if entry.kind is Kind.DIRECTORY or place.area is Area.DOCUMENT:  # read past the kernel's pages
        return directory_number(place)
    version = (place, entry.kind, entry.size, entry.mtime_ns, entry.target)
    return (hash(version) & _NUMBERS) | _NEVER_ROOT


def directory_number(place: Place) -> int:
    """The inode number of a directory, whatever is in it."""
    return ROOT_NUMBER if place == TOP else (hash(place) & _NUMBERS) | _NEVER_ROOT


def same(now: Entry, then: Entry) -> bool:
    """Whether it is the same version: what the inode number tells."""
    if now.kind is not then.kind:
        return False
    return now.is_directory or (now.size, now.mtime_ns, now.target) == (
        then.size,
        then.mtime_ns,
        then.target,
    )


def above(place: Place) -> Place:
    """The directory a place is in."""
    if not place.path or place.area is Area.DOCUMENT:
        return PENDING if place.area in VERBS else TOP
    return Place(place.area, place.path.rpartition("/")[0])


def name_of(place: Place) -> str:
    """The name of a place in the directory above it."""
    return place.path.rpartition("/")[2] if place.path else place.area.value
