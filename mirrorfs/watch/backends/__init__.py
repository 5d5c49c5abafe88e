"""How events are had: what a session needs of whatever tells it that something changed.

Law: a back end knows the directories it hears of as nodes of `watches`, so that a batch, what is
settling and what is blind are the same for all of them; what an event means is decided in the back
end alone, and what follows from it (when to report, what a barrier waits for) in the session alone.

    inotify    a watch in every directory: needs no rights, works nearly everywhere
    fanotify   one mark for the whole file system: needs CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH
"""

from collections.abc import Callable
from typing import Protocol

from mirrorfs.watch.coverage import Blind
from mirrorfs.watch.settle import Key
from mirrorfs.watch.watches import Node, Watches


class Backend(Protocol):
    """``fd`` becomes readable when there are events. ``nonces`` and ``doubt`` (why the root has to
    be looked at) are left for the session, which empties them.

    ``continued``: it goes on where an earlier process ended. Making one raises OSError when it
    cannot serve the root.
    """

    fd: int
    watches: Watches
    blind: Blind
    nonces: list[str]
    doubt: str
    unmounted: bool
    silence: str  # why changes may stay untold from now on
    resyncs: int
    events: int
    continued: bool
    hears_others: bool  # events of other trees, too

    @property
    def name(self) -> str: ...

    @property
    def overflows(self) -> int: ...

    @property
    def watched(self) -> int:
        """How many directories have a watch of their own."""

    @property
    def crowded(self) -> bool:
        """Whether the map has grown too large and wants to be let go of, by `clear`."""

    def read(self, clock: Callable[[], float]) -> bool:
        """Take in what is queued; False when that was no event of this tree. An overflow is a gap
        in the batch, and brings the map up to date by itself (``resyncs`` counts how often
        that was begun, or what an earlier process left was taken in)."""

    def pending(self) -> bool:
        """Whether events are queued."""

    def horizon(self) -> int:
        """A number for all that is queued now, and was taken in before; see `is_past`."""

    def is_past(self, horizon: int) -> bool:
        """Whether all of that was taken in."""

    def is_root(self, directory: int) -> bool:
        """Whether the directory open as ``directory`` is the root. Raises OSError."""

    def open(self, node: Node) -> int:
        """A descriptor of the directory of a node; -1 when it is not there. Raises OSError."""

    def hear_barriers(self) -> bool:
        """Listen to the directory of cookies, if nobody does; whether that is new."""

    def clear(self) -> None:
        """Forget the map. Nothing that names its nodes may be waiting anywhere."""

    # What is still to be done: setting watches

    def __bool__(self) -> bool:
        """Whether there is anything left to do."""

    def run(self, clock: Callable[[], float], until: float) -> None:
        """Go on until the moment ``until``."""

    def mark(self) -> int:
        """A number for all that has been begun; see `done`."""

    def done(self, mark: int) -> bool:
        """Whether all that was begun before ``mark`` is finished."""

    def settled(self) -> bool:
        """Whether the map is up to date again after the last overflow."""

    def unfinished(self) -> list[Node]:
        """Directories below which something may be unseen yet."""

    def gaps(self) -> None:
        """Say what cannot be vouched for at this moment."""

    def retry(self) -> None:
        """Try again what could not be watched."""

    def look(self, path: str) -> bool:
        """The directory at ``path`` may be another one now. False: nobody watches there."""

    def landed(self, waiting: list[Key], *, ready: bool) -> None:
        """What was read is recorded, but for the names that wait; the next process may continue
        when everything is watched (``ready``)."""

    def lost(self) -> None:
        """What was read could not be recorded: the next process must not continue."""

    def close(self) -> None: ...
