"""Carry out a plan on a destination; the only writer of the destination.

Law: stage after stage, and whatever befalls one path is an outcome, never the end of the run. No
removal happens after an error, unless the user said so; nothing at all happens once a limit of the
user is reached. What stands on something that was not done (a directory that could not be made, a
file that was not removed to make room) is withheld with that reason. Where the destination as a
whole is out of order, the run ends. The unit of work handed to a thread is a batch of one
directory's actions, bounded in number and bytes; never a single small file, but where files are
ordered.

Large files are transferred in ``transfers`` threads while the caller goes on reading the trees;
small ones, and everything that must be in order (directories, renames, removals), in its own.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mirrorfs.apply.backlog import Backlog
from mirrorfs.apply.quota import Quota
from mirrorfs.core.bulk import Bulk
from mirrorfs.core.order import Order, workers_in_front
from mirrorfs.core.plan import DELETE_LAST, Action, Outcome, Stage, Status, Verb, in_stages
from mirrorfs.core.tree import Failure, Trouble, parts
from mirrorfs.errors import LimitReached
from mirrorfs.trees.base import Destination, Tree

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

BATCH_ACTIONS = 128
BATCH_BYTES = 8 << 20
ALONE_BYTES = 1 << 20
# Smaller files cost system calls and Python rather than bytes: in threads they would take turns at
# the interpreter's lock and cost twice the CPU for half the speed (measured on 50,000 files).
LARGE_BYTES = 256 << 10
WORTH = 16  # new small files: where they are copied without that lock, so many are worth a thread

# What others stand on, or lie below.
_GROUND = frozenset({Stage.SHELTER, Stage.RENAME, Stage.ROOM, Stage.DIRECTORIES})
# What may be wrong with the whole destination, and not only with the path where it showed.
_DOUBTFUL = frozenset({Trouble.ABSENT, Trouble.READ_ONLY, Trouble.STALE, Trouble.INPUT_OUTPUT})

# Files copied in bulk, from several directories: so many names are worth a thread.
BULK = 1024
BULKS = 32

Listener = Callable[[Sequence[Outcome]], None]
_Work = Callable[[], Callable[[], None]]  # answers what is to be told in the calling thread


class Applier:
    """Applies actions as they become known; a context manager that ends its threads.

    ``stages`` is the order they run in, ``order`` that of the transfers within a `run`.
    ``listener`` hears every outcome, in batches, from the calling thread, and ``copied`` what
    became of each bulk. ``errors`` counts what failed so far; whoever plans adds what could not be
    read (`blame`).
    """

    def __init__(
        self,
        source: Tree,
        destination: Destination,
        *,
        transfers: int = 4,
        ignore_errors: bool = False,
        stages: Sequence[Stage] = DELETE_LAST,
        order: Order | None = None,
        quota: Quota | None = None,
        listener: Listener = lambda outcomes: None,
        copied: Callable[[Bulk], None] = lambda bulk: None,
    ) -> None:
        self._source = source
        self._destination = destination
        self._ignore_errors = ignore_errors
        self._stages = stages
        self._order = order
        self._quota = quota or Quota()
        self._listener = listener
        self._copied = copied
        self._transfers = max(1, min(transfers, destination.capabilities.connections))
        self._pool: ThreadPoolExecutor | None = None
        self._flying: deque[Future[Callable[[], None]]] = deque()
        self._bulks: list[Bulk] = []
        self._bulked = 0  # names in them
        self._undone: set[str] = set()  # what was to be written, and was not
        self._missing: dict[str, str] = {}  # what others stand on or lie below, and why not
        self.errors = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=kind is not None)

    def blame(self, errors: int) -> None:
        """Count errors that happened elsewhere; they withhold removals like our own."""
        self.errors += errors

    def submit(self, actions: Iterable[Action]) -> None:
        """Do what touches nothing that exists, at once: directories here, transfers in threads."""
        for stage, batch in in_stages(actions):
            self._run(stage, batch)

    def copy(self, bulk: Bulk) -> None:
        """Copy files of a directory that was made before, with those of others in one thread; it is
        settled some time until `settle` returns."""
        if self._missing and self._culprit(bulk.path) is not None:
            bulk.leave()
            return
        self._bulks.append(bulk)
        self._bulked += len(bulk.names)
        if self._bulked >= BULK or len(self._bulks) >= BULKS:
            self._copy_bulks()

    def run(self, actions: Iterable[Action]) -> None:
        """Do everything, stage by stage, each stage finished before the next begins."""
        self.settle()
        for stage, batch in in_stages(actions, self._stages):
            self._run(stage, batch)
            self.settle()

    def settle(self) -> None:
        """Wait for the transfers on their way."""
        self._copy_bulks()
        while self._flying:
            self._flying.popleft().result()()

    def withhold(self, actions: Sequence[Action], failure: Failure) -> None:
        """Report actions as not done, for a reason that concerns them all."""
        if actions:
            self._hear([Outcome(action, Status.SKIPPED, failure) for action in actions])

    def _run(self, stage: Stage, actions: list[Action]) -> None:
        destination = self._destination
        if (limit := self._quota.reached()) is not None:
            self.withhold(actions, limited(limit))
            return
        if self._missing and not (actions := self._grounded(actions)):
            return
        if stage in (Stage.RENAME, Stage.ROOM, Stage.DELETE):
            self._source.identity()  # RACE: raises when it is not in its place any more
        match stage:
            case Stage.SHELTER | Stage.DIRECTORIES:
                for _, level in groupby(actions, key=lambda action: action.path.count("/")):
                    if grounded := self._grounded(list(level)):
                        self._hear(destination.create_directories(grounded))
            case Stage.RENAME:
                self._hear(destination.rename(actions))
            case Stage.CONTENT:
                self._transfer_all(actions)
            case Stage.LINKS:
                self._link(actions)
            case Stage.ATTRIBUTES | Stage.DIRECTORY_ATTRIBUTES:
                self._hear(destination.set_attributes(actions))
            case Stage.ROOM | Stage.DELETE:
                if self.errors and not self._ignore_errors:
                    self.withhold(actions, Failure("", Trouble.LIMIT, WITHHELD))
                else:
                    self._hear(destination.delete(actions))

    def _grounded(self, actions: list[Action]) -> list[Action]:
        """The actions that nothing undone stands in the way of; the others are withheld, and done
        when what they wait for is."""
        if not self._missing:
            return actions
        waiting: list[Outcome] = []
        able = []
        for action in actions:
            if (culprit := self._culprit(action.path)) is None:
                able.append(action)
                continue
            reason = f"waits for {culprit}: {self._missing[culprit]}"
            waiting.append(Outcome(action, Status.SKIPPED, Failure(culprit, Trouble.LIMIT, reason)))
        if waiting:
            self._hear(waiting)
        return able

    def _culprit(self, path: str) -> str | None:
        """What was not done at ``path`` or above it."""
        here = ""
        for part in parts(path):
            here = f"{here}/{part}" if here else part
            if here in self._missing:
                return here
        return None

    def _link(self, actions: list[Action]) -> None:
        """Where the other name was not written, there is nothing right to link to."""
        self.settle()
        linked = [action for action in actions if action.origin not in self._undone]
        if len(linked) != len(actions):
            self._transfer_all([action for action in actions if action.origin in self._undone])
        if linked:
            self._hear(self._destination.link(linked, self._source))

    def _transfer_all(self, actions: list[Action]) -> None:
        if self._order is None:
            for batch in slices(actions, 1 if self._quota.limits else BATCH_ACTIONS):
                small = _size(batch) < LARGE_BYTES * len(batch)
                here = small and not self._unlocked(batch)
                self._fly(self._heard(partial(self._transfer, batch)), here=here)
            return
        front = workers_in_front(self._order, self._transfers)
        backlog = Backlog(self._order.sort(actions), front)
        for _ in actions:
            self._fly(self._heard(partial(self._transfer_next, backlog)))

    def _unlocked(self, batch: list[Action]) -> bool:
        """Whether a batch of small files is worth a thread."""
        return self._able and len(batch) >= WORTH and batch[0].verb is batch[-1].verb is Verb.CREATE

    @property
    def _able(self) -> bool:
        return self._source.unlocked and self._destination.unlocked

    def _copy_bulks(self) -> None:
        if bulks := self._bulks:
            here = self._bulked < WORTH * len(bulks) or not self._able
            self._bulks, self._bulked = [], 0
            self._fly(partial(self._copy_these, bulks), here=here)

    def _copy_these(self, bulks: list[Bulk]) -> Callable[[], None]:
        copy, source = self._destination.copy, self._source
        sizes = [copy(bulk.path, bulk.names, source) for bulk in bulks]
        return partial(self._settle, bulks, sizes)

    def _settle(self, bulks: list[Bulk], sizes: list[list[int]]) -> None:
        for bulk, copied in zip(bulks, sizes, strict=True):
            bulk.settle(copied)
            self._copied(bulk)

    def _heard(self, work: Callable[[], list[Outcome]]) -> _Work:
        return lambda: partial(self._hear, work())

    def _fly(self, work: _Work, *, here: bool = False) -> None:
        if here or self._transfers == 1:
            work()()
            return
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor  # imports logging

            self._pool = ThreadPoolExecutor(self._transfers, "mirrorfs-transfer")
        while len(self._flying) >= 2 * self._transfers:
            self._flying.popleft().result()()
        self._flying.append(self._pool.submit(work))

    def _transfer_next(self, backlog: Backlog) -> list[Outcome]:
        with backlog.next() as action:
            return self._transfer([action])

    def _transfer(self, actions: list[Action]) -> list[Outcome]:
        """Where there are limits, ``actions`` is one, so that what a limit ends is known to be
        undone."""
        try:
            self._quota.admit(_size(actions))
            return self._destination.transfer(actions, self._source)
        except LimitReached as limit:
            return [Outcome(action, Status.SKIPPED, limited(limit)) for action in actions]

    def _hear(self, outcomes: list[Outcome]) -> None:
        """Raises TemporaryError, PermanentError when nothing more can be written."""
        doubtful = False
        for action, status, failure, _ in outcomes:
            if status is Status.DONE:
                continue
            self._undone.add(action.path)
            self.errors += status is not Status.SKIPPED
            if action.stage in _GROUND:
                self._missing.setdefault(action.path, failure.message if failure else "not done")
            if status is Status.FAILED and failure is not None:
                doubtful |= failure.trouble in _DOUBTFUL
        self._listener(outcomes)
        if doubtful:
            self._destination.check()


WITHHELD = "not deleting files as there were IO errors"


def limited(limit: LimitReached) -> Failure:
    """Why something is withheld once a limit is reached."""
    return Failure("", Trouble.LIMIT, str(limit))


def _size(actions: Sequence[Action]) -> int:
    return sum(action.want.size for action in actions if action.want is not None)


def slices(actions: Sequence[Action], most: int = BATCH_ACTIONS) -> Iterator[list[Action]]:
    """Batches of one directory each, at most ``most`` actions and about `BATCH_BYTES` bytes; a file
    that takes its time is alone, so that as many are on their way as were asked for."""
    batch: list[Action] = []
    size = 0
    directory = None
    for action in actions:
        here = action.path.rpartition("/")[0]
        new = action.want.size if action.want is not None else 0
        alone = new >= ALONE_BYTES
        if batch and (alone or here != directory or len(batch) >= most or size >= BATCH_BYTES):
            yield batch
            batch, size = [], 0
        directory = here
        batch.append(action)
        size += BATCH_BYTES if alone else new
    if batch:
        yield batch
