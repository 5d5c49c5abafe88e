"""Carry out a plan on a destination; the only writer of the destination.

Law: stage after stage, and whatever befalls one path is an outcome, never the end of the run. No
removal happens after an error, unless the user said so. The unit of work handed to a thread is a
batch of one directory's actions, bounded in number and bytes, never a single small file.

Large files are transferred in ``transfers`` threads while the caller goes on reading the trees;
small ones, and everything that must be in order (directories, renames, removals), in its own.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from mirrorfs.core.plan import Action, Outcome, Stage, Status, in_stages
from mirrorfs.core.tree import Failure, Trouble, split
from mirrorfs.trees.base import Destination, Tree

BATCH_ACTIONS = 128
BATCH_BYTES = 8 << 20
# Smaller files cost system calls and Python rather than bytes: in threads they would take turns at
# the interpreter's lock and cost twice the CPU for half the speed (measured on 50,000 files).
LARGE_BYTES = 256 << 10

Listener = Callable[[Sequence[Outcome]], None]


class Applier:
    """Applies actions as they become known; a context manager that ends its threads.

    ``listener`` hears every outcome, in batches, from the calling thread. ``errors`` counts what
    failed so far; whoever plans adds what could not be read (`blame`).
    """

    def __init__(
        self,
        source: Tree,
        destination: Destination,
        *,
        transfers: int = 4,
        ignore_errors: bool = False,
        listener: Listener = lambda outcomes: None,
    ) -> None:
        self._source = source
        self._destination = destination
        self._ignore_errors = ignore_errors
        self._listener = listener
        self._transfers = max(1, min(transfers, destination.capabilities.connections))
        self._pool: ThreadPoolExecutor | None = None
        self._flying: deque[Future[list[Outcome]]] = deque()
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
            if stage is Stage.CONTENT:
                for slice_ in slices(batch):
                    self._fly(slice_)
            else:
                self._run(stage, batch)

    def run(self, actions: Iterable[Action]) -> None:
        """Do everything, stage by stage, each stage finished before the next begins."""
        self.settle()
        for stage, batch in in_stages(actions):
            self._run(stage, batch)
            self.settle()

    def settle(self) -> None:
        """Wait for the transfers on their way."""
        while self._flying:
            self._hear(self._flying.popleft().result())

    def withhold(self, actions: Sequence[Action], failure: Failure) -> None:
        """Report actions as not done, for a reason that concerns them all."""
        if actions:
            self._hear([Outcome(action, Status.SKIPPED, failure) for action in actions])

    def _run(self, stage: Stage, actions: list[Action]) -> None:
        destination = self._destination
        match stage:
            case Stage.SHELTER | Stage.DIRECTORIES:
                self._hear(destination.create_directories(actions))
            case Stage.RENAME:
                self._hear(destination.rename(actions))
            case Stage.CONTENT:
                for slice_ in slices(actions):
                    self._fly(slice_)
            case Stage.ATTRIBUTES | Stage.DIRECTORY_ATTRIBUTES:
                self._hear(destination.set_attributes(actions))
            case Stage.ROOM | Stage.DELETE:
                if self.errors and not self._ignore_errors:
                    self.withhold(actions, Failure("", Trouble.LIMIT, WITHHELD))
                else:
                    self._hear(destination.delete(actions))

    def _fly(self, actions: list[Action]) -> None:
        if self._transfers == 1 or _size(actions) < LARGE_BYTES * len(actions):
            self._hear(self._destination.transfer(actions, self._source))
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._transfers, "mirrorfs-transfer")
        while len(self._flying) >= 2 * self._transfers:
            self._hear(self._flying.popleft().result())
        self._flying.append(self._pool.submit(self._destination.transfer, actions, self._source))

    def _hear(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.status in (Status.FAILED, Status.DRIFT):
                self.errors += 1
        self._listener(outcomes)


WITHHELD = "not deleting files as there were IO errors"


def _size(actions: Sequence[Action]) -> int:
    return sum(action.want.size for action in actions if action.want is not None)


def slices(actions: Sequence[Action]) -> Iterator[list[Action]]:
    """Batches of one directory each, at most `BATCH_ACTIONS` actions and about `BATCH_BYTES`
    bytes.
    """
    batch: list[Action] = []
    size = 0
    directory = None
    for action in actions:
        here = split(action.path)[0]
        if batch and (here != directory or len(batch) >= BATCH_ACTIONS or size >= BATCH_BYTES):
            yield batch
            batch, size = [], 0
        directory = here
        batch.append(action)
        size += action.want.size if action.want is not None else 0
    if batch:
        yield batch
