"""The quick check (rsync's word): which files of a directory on both sides need nothing.

Law: "equal" is a proof by the terms of `mirrorfs.core.compare`, and no answer but equal is ever
given. Everything else is in the rest, and is looked at in the ordinary way; so who answers may know
as little as he likes, and nothing is decided here that is not decided there.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from mirrorfs.core.options import Links, Options
from mirrorfs.core.tree import Entry


class Terms(NamedTuple):
    """When two regular files, each with one name, are equal: of one size, with modification times
    less than ``window_ns`` apart, and as asked for of one ``mode``, ``owner`` (user and group) and
    with the same extended attributes (``xattrs``). ``uid``: and the source's is of this user; -1
    for any."""

    window_ns: int = 1
    mode: bool = False
    owner: bool = False
    xattrs: bool = False
    uid: int = -1


class Quick(NamedTuple):
    """What one look at a directory on both sides told: ``equal`` files need nothing; ``fresh`` are
    regular files, and stand on the source alone; ``theirs`` and ``ours`` are what the source and
    the destination hold, as far as that was looked at; ``rest`` is every other name that stands on
    either side; ``left_out``: as many are equal and excluded."""

    equal: Sequence[str]
    fresh: list[str]
    rest: list[str]
    theirs: dict[str, Entry]
    ours: dict[str, Entry]
    left_out: int = 0


# Of directories by their names in another one: `None` for one of which nothing is known. Fewer
# answers than names: the others are to be asked for again.
Look = Callable[[str, Sequence[str]], Sequence[Quick | None]]


def terms(asked: Options, possible: Options, owner: int | None = None) -> Terms | None:
    """What makes two files equal by these options, as far as the destination can hold what is asked
    for; ``owner``: whose everything there is. ``None`` where a look at names cannot tell."""
    if (
        possible.ignore_existing
        or possible.ignore_times
        or possible.checksum
        or possible.access_times
        or possible.fold_names
        or possible.links is Links.FOLLOW
    ):
        return None
    # What cannot be kept is said of the first that has it (`mirrorfs.core.lost`).
    strangers = asked.owners and not possible.owners and owner is not None
    return Terms(
        possible.modify_window_ns,
        possible.permissions,
        possible.owners,
        asked.xattrs,
        owner if strangers and owner is not None else -1,
    )
