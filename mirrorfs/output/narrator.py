"""A run as log lines and figures: what rclone would say, said of our actions.

Law: each outcome is one line at most, at the level rclone gives it; a name is data, never format.
"""

from collections.abc import Iterable, Sequence

from mirrorfs.core.bulk import Bulk
from mirrorfs.core.plan import Action, Outcome, Plan, Status, Verb
from mirrorfs.core.tree import Failure, Trouble, join
from mirrorfs.core.walk import Batch
from mirrorfs.output.escape import printable
from mirrorfs.output.log import Level, Log
from mirrorfs.output.repeats import Repeats
from mirrorfs.output.stats import Stats
from mirrorfs.output.words import Words, is_directory, is_transfer, size_of, subject, words
from mirrorfs.sync.listener import Listener

LINK = "Can't follow symlink"
SPECIAL = "Can't transfer non file/directory"


class Narrator(Listener):
    """``place`` is the destination, for lines about the whole of it; ``silent`` are beginnings of
    notices nobody wants (--skip-links); ``backups``: what is deleted is kept elsewhere.
    ``repeats`` holds back what a service would say over and over."""

    def __init__(
        self,
        log: Log,
        stats: Stats,
        *,
        place: str = "",
        silent: tuple[str, ...] = (),
        backups: bool = False,
        repeats: Repeats | None = None,
    ) -> None:
        self._backups = backups
        self._log = log
        self._stats = stats
        self._place = f"Local file system at {place}"
        self._silent = silent
        self._said_withheld = False
        self._repeats = repeats

    def attempt(self) -> None:
        """A new attempt of the run begins."""
        self._said_withheld = False
        self._stats.restart()

    def planned(self, batch: Batch) -> None:
        stats = self._stats
        stats.listed += batch.source_entries + batch.destination_entries
        stats.checks += len(batch.equal) + len(batch.kept)
        for action in batch.ready:
            self._expect(action)
        for action in batch.later:
            self._expect(action)
        for bulk in batch.bulks:
            stats.total_transfers += len(bulk.names)
        for path, message in batch.notices:
            if not (self._silent and message.startswith(self._silent)):
                self._tell(Level.NOTICE, message, path)
        for failure in batch.failures:
            self._fail(failure, "")
        if self._log.shows(Level.DEBUG):
            where = f"{batch.path}/" if batch.path else ""
            for name in batch.equal:
                self._log.debug("Unchanged skipping", where + name)
            for path, message in batch.kept:
                self._log.debug(message, path)

    def done(self, outcomes: Sequence[Outcome]) -> None:
        says, repeats = self._log.shows(Level.INFO), self._repeats
        for outcome in outcomes:
            match outcome.status:
                case Status.DONE:
                    self._count(outcome)
                    if repeats is not None:
                        repeats.done(outcome.action.path)
                    if says:
                        self._say(outcome.action)
                case Status.SKIPPED:
                    self._skip(outcome)
                case Status.FAILED:
                    self._fail(
                        outcome.failure,
                        f"Failed to {self.words(outcome.action).fail}: ",
                        outcome.action.path,
                    )
                case Status.DRIFT:
                    self._fail(outcome.failure, "Left alone: ", outcome.action.path)

    def copied(self, bulk: Bulk) -> None:
        stats, size = self._stats, sum(bulk.sizes)
        stats.total_transfers -= len(bulk.left)
        stats.total_bytes += size
        stats.transfers += len(bulk.names)
        stats.bytes += size
        if self._repeats is not None:
            for name in bulk.names:
                self._repeats.done(join(bulk.path, name))

    @property
    def each(self) -> bool:
        return self._log.shows(Level.INFO)

    def would(self, plan: Plan) -> None:
        """A dry run: every action as `Skipped … as --dry-run is set`. What was planned was heard
        already."""
        for action in plan.actions:
            self._count(Outcome(action, Status.DONE, None, size_of(action) or 0))
            self.skipped(action, "--dry-run")

    def words(self, action: Action) -> Words:
        """How this run speaks of an action."""
        return words(action, backups=self._backups)

    def skipped(self, action: Action, flag: str) -> None:
        """One action that a flag keeps from being done."""
        kind, size = printable(self.words(action).kind), size_of(action)
        tail = f" (size {_size(size)})" if size is not None else ""
        more = {} if size is None else {"size": size}
        message = f"Skipped {kind} as {flag} is set{tail}"
        self._log.notice(message, subject(action), skipped=kind, **more)

    def _expect(self, action: Action) -> None:
        stats = self._stats
        if is_transfer(action):
            stats.total_transfers += 1
            stats.total_bytes += size_of(action) or 0
        if action.expect is not None and not is_directory(action):
            stats.checks += 1

    def _count(self, outcome: Outcome) -> None:
        action, stats = outcome.action, self._stats
        if is_transfer(action):
            stats.transfers += 1
            stats.bytes += outcome.moved
        elif action.verb is Verb.RENAME:
            stats.renames += 1
        elif action.verb is Verb.DELETE:
            if is_directory(action):
                stats.deleted_directories += 1
            else:
                stats.deletes += 1
                stats.freed += size_of(action) or 0

    def _say(self, action: Action) -> None:
        self._log.info(printable(self.words(action).done), action.path or ".")

    def _skip(self, outcome: Outcome) -> None:
        failure = outcome.failure
        if failure is None:
            return
        if failure.trouble is Trouble.LIMIT:
            if not failure.path and not self._said_withheld and "IO errors" in failure.message:
                self._said_withheld = True
                self._log.error(failure.message, self._place)
            self._log.debug(printable(failure.message), outcome.action.path)
        else:
            self._log.notice(printable(failure.message), outcome.action.path)

    def _fail(self, failure: Failure | None, what: str, path: str = "") -> None:
        self._stats.errors += 1
        if failure is not None:
            where = failure.path or path
            self._tell(Level.ERROR, what + printable(failure.message), where)

    def _tell(self, level: Level, message: str, path: str) -> None:
        """A line that may come again and again."""
        if self._repeats is not None:
            message = self._repeats.say(path, message)
        if message:
            self._log.log(level, message, path)


def planned(listener: Listener, plan: Plan) -> None:
    """Tell a listener of a finished plan as if it had come in one batch."""
    batch = Batch("", failures=list(plan.failures), notices=list(plan.notices))
    batch.ready = list(plan.actions)
    batch.source_entries = plan.source_entries
    batch.destination_entries = plan.destination_entries
    listener.planned(batch)


class Several(Listener):
    """Passes what it hears on to several listeners."""

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self._listeners = tuple(listeners)

    def planned(self, batch: Batch) -> None:
        for listener in self._listeners:
            listener.planned(batch)

    def done(self, outcomes: Sequence[Outcome]) -> None:
        for listener in self._listeners:
            listener.done(outcomes)

    def copied(self, bulk: Bulk) -> None:
        for listener in self._listeners:
            listener.copied(bulk)

    @property
    def each(self) -> bool:
        return any(listener.each for listener in self._listeners)


def _size(size: int) -> str:
    from mirrorfs.core.values import format_size

    return format_size(size)
