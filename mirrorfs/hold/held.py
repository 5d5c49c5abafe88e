"""What is known of a plan that was refused, how it was made, and what can be done about it.

Law: plain data. The plan's actions are beside it in the file (`mirrorfs.hold.file`).
"""

from typing import Any

from mirrorfs.core.approval import ID_LENGTH
from mirrorfs.core.guard import Refusal
from mirrorfs.core.plan import Totals
from mirrorfs.core.record import record
from mirrorfs.core.tree import Identity
from mirrorfs.drives import absolute
from mirrorfs.state import State


@record
class Recipe:
    """How to make the same plan again: a command and its flags, whatever layer they came from;
    what the files of filter rules held ([flag, file, text]); the moment that ages count from, in
    wall-clock nanoseconds, and the number drawn for --hash-filter; the working directory."""

    command: str
    words: tuple[str, ...]
    directory: str
    texts: tuple[tuple[str, str, str], ...] = ()
    now_ns: int = 0
    draw: int = 0


@record
class Held:
    """What is known of a refused plan without its actions. ``digest`` stands for what it takes away
    (`identify`); ``entries`` is how many the destination held when it was first refused, ``gone``
    how many it had lost a moment before; ``at_ns`` is when this plan was refused,
    ``why`` what was being looked at, and ``fingerprint`` of options and filter. ``discarded``: its
    actions were given up."""

    digest: str
    danger: str
    message: str
    totals: Totals
    at_ns: int
    places: tuple[str, str]
    source: Identity
    destination: Identity
    fingerprint: str
    why: str
    entries: int
    gone: int = 0
    recipe: Recipe | None = None
    discarded: bool = False

    @property
    def id(self) -> str:
        return self.digest[:ID_LENGTH]

    def is_as(self, other: "Held") -> bool:
        """Whether both take the same away, and were made in the same way."""
        ours = self.recipe and (self.recipe.command, self.recipe.words)
        theirs = other.recipe and (other.recipe.command, other.recipe.words)
        return (self.digest, self.fingerprint, ours) == (other.digest, other.fingerprint, theirs)

    def record(self) -> dict[str, Any]:
        """For people and programs, as plain data."""
        return {
            "id": self.id,
            "danger": self.danger,
            "message": self.message,
            "at_ns": self.at_ns,
            "totals": self.totals._asdict(),
            "entries": self.entries,
            "discarded": self.discarded,
        }


def remedy(refusal: Refusal, destination: str, home: str) -> str:
    """What can be done about a refused plan, with the command to type."""
    if not refusal.plan:
        return f"the plan is not kept: {refusal.unkept}"
    command = approve_command(absolute(destination), refusal.plan, home)
    return f"if this is what you want: `{command}`"


def approve_command(destination: str, plan: str, home: str) -> str:
    """The command that approves a held plan; ``home`` is the state directory it is kept in."""
    from shlex import quote

    chosen = "" if State.find().home == home else f" --state-dir {quote(home)}"
    return f"mirrorfs approve {quote(destination)} {plan}{chosen}"
