"""The view of the pending plan."""

from .kinds import Group, switch, text

VIEWERS = frozenset({"mount", "run"})


class Viewing(Group):
    """Where the plan is shown as a file system, and to whom."""

    mount: str = text(
        "Show the pending plan at DIR while it runs", value="DIR", own=True, on=frozenset({"run"})
    )
    allow_other: bool = switch("Let other users look at the mounted view", own=True, on=VIEWERS)
