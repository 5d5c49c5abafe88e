"""What a watcher leaves out, and whether its journal can vouch for a mirror all the same.

Law: a journal vouches only for a mirror that takes in nothing its watcher did not look at.
"""

from mirrorfs.core.filter import Filter
from mirrorfs.state import State


def left_out(filter: Filter, *, one_file_system: bool) -> str:
    """What tells whether two leave out the same directories; "" where none is left out."""
    if not (filter.prunes or one_file_system):
        return ""
    return f"{filter.fingerprint()}-{one_file_system}"


def recorded_for(state: State, place: str, wanted: str) -> bool:
    """Whether the watcher of a source looks at all that a mirror with this `left_out` takes in.

    RACE: ask before asking whether the watcher is up to date. One that was started in between has
    begun another epoch, and what is older vouches for nothing.
    """
    try:
        with open(state.left_out(place), encoding="utf-8") as file:
            return file.read() in ("", wanted)
    except (OSError, ValueError):
        return False
