"""The stations of a walk over two trees: the directory being walked, and what it gave.

Law: a frame lives only while its directory is being walked; what must be remembered longer goes
into a batch.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from mirrorfs.core.bulk import Bulk
from mirrorfs.core.plan import Action, Notice, Stage, Verb
from mirrorfs.core.record import field, mutable
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Entry, Failure, Kind, Trouble

VANISHED = "vanished while it was looked at"


@mutable
class Batch:
    """What one directory gave. ``ready``: touches nothing that exists and needs nothing but the
    batches before this one; ``later``: waits until everything was read and weighed; ``equal``: the
    names (not of directories) that need nothing; ``kept``: what stays on the destination because
    the user wants that, whatever it is; ``bulks`` come after ``ready``; ``vanished``: what could
    not be looked at any more. ``settles``: the walk goes on when all bulks are settled."""

    path: str
    ready: list[Action] = field(default_factory=list)
    later: list[Action] = field(default_factory=list)
    equal: Sequence[str] = ()
    kept: list[Notice] = field(default_factory=list)
    bulks: list[Bulk] = field(default_factory=list)
    settles: bool = False
    failures: list[Failure] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    source_entries: int = 0
    destination_entries: int = 0

    def report(self, failure: Failure) -> None:
        """A failure to read the source; what vanished while we looked is normal on a live tree."""
        if failure.trouble is Trouble.ABSENT:
            self.notices.append(Notice(failure.path, VANISHED))
            self.vanished.append(failure.path)
        else:
            self.failures.append(failure)


@mutable
class Frame:
    """A directory being walked, on the side or sides where it exists."""

    path: str
    scope: Scope
    parent: "Frame | None"
    want: Entry | None = None  # the source's directory
    found: Entry | None = None  # the destination's
    create: list[Action] = field(default_factory=list)  # to be done before anything inside
    after: Action | None = None  # what takes the place once the destination's directory is gone
    doomed: Stage | None = None  # the destination's directory goes, in this stage
    shelters: bool = False  # holds something of the destination that must stay
    marked: bool = False  # excluded on the destination by a marker there: nothing below it goes
    touched: bool = False  # names inside come or go: its time must be restored
    timed: bool = False  # its attributes are being set anyway
    waits: bool = False  # something must make room first
    entered: bool = False
    again: bool = False  # for what a bulk left: its names were counted

    def make(self, batch: Batch) -> None:
        """Plan this directory and its ancestors, as far as they are yet to be made: something is
        put into it."""
        waiting: list[Frame] = []
        climbing: Frame | None = self
        while climbing is not None and climbing.create:
            waiting.append(climbing)
            climbing = climbing.parent
        if waiting and climbing is not None:
            climbing.touched = True
        for frame in reversed(waiting):
            (batch.later if frame.waits else batch.ready).extend(frame.create)
            frame.create = []
            frame.touched = True


def attributes(path: str, want: Entry, found: Entry | None, reason: str) -> Action:
    """The action that sets an entry's attributes."""
    is_directory = want.kind is Kind.DIRECTORY
    stage = Stage.DIRECTORY_ATTRIBUTES if is_directory else Stage.ATTRIBUTES
    return Action(Verb.ATTRIBUTES, stage, path, want, found, reason)


Heard = Callable[[Batch], None]


def nobody(_: Batch) -> None:
    """Nobody listens."""


def told(batches: Iterable[Batch], heard: Heard) -> Iterator[Batch]:
    """The batches, each told of before it is passed on; raising ends the walk."""
    for batch in batches:
        heard(batch)
        yield batch
