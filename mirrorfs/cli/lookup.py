"""Which mirror somebody means: by its destination, or by the name of its state directory.

Law: a word that could mean two mirrors means none; whoever asks is told their names.
"""

import os
from contextlib import suppress

from mirrorfs.drives import name
from mirrorfs.errors import MirrorError, UsageError
from mirrorfs.hold import HoldFile
from mirrorfs.mirror.checkpoint import CheckpointFile
from mirrorfs.state import State
from mirrorfs.status.status import load


def lookup(state: State, word: str, plan: str = "") -> str:
    """The state directory of a mirror; of several with that destination the one that holds
    ``plan``. Raises UsageError, StateError."""
    wanted = name(word)
    found = []
    for directory in state.mirrors():
        if os.path.basename(directory) == word:
            return directory
        places = places_of(directory)
        if places is not None and name(places[1]) == wanted:
            found.append(directory)
    if len(found) > 1 and plan:
        found = [directory for directory in found if _holds(directory, plan)] or found
    if not found:
        raise UsageError(
            f"no mirror is known by {word}",
            remedy="give its destination, or another --state-dir; `mirrorfs status` lists mirrors",
        )
    if len(found) > 1:
        names = ", ".join(os.path.basename(directory) for directory in found)
        raise UsageError(
            f"{word} is the destination of several sources", remedy=f"name one of {names}"
        )
    return found[0]


def places_of(directory: str) -> tuple[str, str] | None:
    """Source and destination of the mirror that a state directory is of, as far as is known."""
    with suppress(MirrorError):
        if (checkpoint := CheckpointFile(directory).load()) is not None:
            return checkpoint.places
    with suppress(MirrorError):
        if (held := HoldFile(directory).load()) is not None:
            return held.places
    if (said := load(directory)) is not None:
        return str(said["source"]), str(said["destination"])
    return None


def _holds(directory: str, plan: str) -> bool:
    with suppress(MirrorError):
        held = HoldFile(directory).load()
        return held is not None and held.id == plan
    return False
