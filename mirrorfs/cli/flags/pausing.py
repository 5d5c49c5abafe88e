"""How a mirror is paused."""

from .kinds import Group, duration, text


class Pausing(Group):
    """For how long, and why."""

    for_: int = duration("Go on by itself after so long (0: when told to)", own=True)
    reason: str = text("Say why, for whoever looks at the status", own=True)
