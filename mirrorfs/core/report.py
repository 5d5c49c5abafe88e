"""What became of a run: counts, what failed, what must be looked at again.

Law: a report only adds up; it decides nothing and prints nothing.
"""

from collections.abc import Iterable, Sequence

from mirrorfs.core.bulk import Bulk
from mirrorfs.core.guard import Refusal
from mirrorfs.core.plan import Notice, Outcome, Status, Verb
from mirrorfs.core.record import field, mutable
from mirrorfs.core.tree import Failure, Kind, Trouble, is_within
from mirrorfs.core.walk import VANISHED, Batch
from mirrorfs.errors import LimitReached


@mutable
class Report:
    """``failures`` of reading and writing, the first of a path; ``withheld`` ones were left alone
    on purpose (after an error, or because a guard refused), or for what they wait for;
    ``old_names`` are those of renames that
    were not done; ``entries`` of the source were looked at, ``kept`` is how many the destination
    had, and ``whole`` whether that is everything; ``vanished`` were gone from the source when they
    were to be looked at or copied: no error, but where a rename took them, nobody has looked;
    ``limit`` of the user ended the run early; ``waits``: nothing was taken away yet, because there
    may be more to come."""

    done: dict[Verb, int] = field(default_factory=lambda: dict.fromkeys(Verb, 0))
    directories: dict[Verb, int] = field(default_factory=lambda: dict.fromkeys(Verb, 0))
    bytes: int = 0
    freed: int = 0
    entries: int = 0
    kept: int = 0
    vanished: set[str] = field(default_factory=set)
    whole: bool = False
    failures: dict[str, Failure] = field(default_factory=dict)
    withheld: set[str] = field(default_factory=set)
    old_names: set[str] = field(default_factory=set)
    notices: list[Notice] = field(default_factory=list)
    refusal: Refusal | None = None
    limit: LimitReached | None = None
    waits: bool = False

    @property
    def errors(self) -> int:
        return len(self.failures)

    @property
    def changed(self) -> int:
        """How many actions were done."""
        return sum(self.done.values())

    def count(self, batch: Batch) -> None:
        """Add what was read and decided of one directory."""
        self.entries += batch.source_entries
        self.kept += batch.destination_entries
        self.notices += batch.notices
        self.vanished.update(batch.vanished)
        self.blame(batch.failures)

    def hear(self, outcomes: Sequence[Outcome]) -> None:
        """Add what became of some actions."""
        for action, status, failure, moved in outcomes:
            self.bytes += moved
            if action.verb is Verb.RENAME and status is not Status.DONE:
                self.old_names.add(action.origin)
            if status is Status.DONE:
                self.done[action.verb] += 1
                entry = action.want or action.expect
                if entry is not None and entry.kind is Kind.DIRECTORY:
                    self.directories[action.verb] += 1
                elif action.verb is Verb.DELETE and action.expect is not None:
                    self.freed += action.expect.size
            elif status is Status.SKIPPED:
                if failure is None or failure.trouble is not Trouble.ABSENT:
                    # What waits for something above it is looked at with that.
                    above = failure.path if failure else ""
                    waits = above and is_within(action.path, above)
                    self.withheld.add(above if waits else action.path)
                else:
                    self.vanished.add(action.path)
            elif failure is not None:
                self.failures.setdefault(action.path, failure)

    def copied(self, bulk: Bulk) -> None:
        """Add files that were copied in bulk."""
        self.done[Verb.CREATE] += len(bulk.names)
        self.bytes += sum(bulk.sizes)

    def blame(self, failures: Iterable[Failure]) -> None:
        """Add what could not be read."""
        for failure in failures:
            self.failures.setdefault(failure.path, failure)

    def unfinished(self) -> set[str]:
        """The paths to look at again, because something went wrong."""
        return self.withheld.union(self.old_names, self.failures)

    def owed(self) -> dict[str, str]:
        """All that is to be looked at again, and why."""
        said = dict.fromkeys(self.vanished, VANISHED) | dict.fromkeys(self.unfinished(), "withheld")
        return said | {path: failure.message for path, failure in self.failures.items()}
