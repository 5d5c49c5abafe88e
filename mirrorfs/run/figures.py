"""What a running mirror gets done: counts, what flowed in a minute, large files on their way.

Law: counted per batch, and per piece of a large file; looking at it costs who looks. Threads that
copy add to it without a lock: a figure for people may miss a piece.
"""

import threading
import time
from collections.abc import Callable, Sequence

from mirrorfs.core.bulk import Bulk
from mirrorfs.core.plan import Action, Outcome, Stage, Verb
from mirrorfs.core.plan import Status as Became
from mirrorfs.core.tree import join
from mirrorfs.core.walk import Batch
from mirrorfs.status.status import Status
from mirrorfs.trees.base import PIECE

WINDOW = 60  # seconds


class Figures:
    """Keeps the counts of a ``status`` up to date, and the rest when asked to `show` it."""

    def __init__(self, status: Status, clock: Callable[[], float] = time.monotonic) -> None:
        self._status = status
        self._clock = clock
        self._begun = clock()
        self._flow: dict[int, list[int]] = {}  # by second: bytes, files
        self._running: dict[int, tuple[str, int, list[int]]] = {}  # by thread; bytes so far

    def planned(self, batch: Batch) -> None:
        status = self._status
        for actions in (batch.ready, batch.later):
            if actions:
                status.planned += len(actions)
                status.planned_bytes += _content(actions)
        for bulk in batch.bulks:
            status.planned += len(bulk.names)

    def done(self, outcomes: Sequence[Outcome]) -> None:
        if not outcomes:
            return
        status = self._status
        done = files = small = moved = failed = content = 0
        last: Action | None = None
        for action, became, failure, count in outcomes:
            _, stage, _, want, _, _, _ = action
            copied = stage is Stage.CONTENT
            size = want.size if copied and want is not None else 0
            content += size
            if became is Became.DONE:
                done += 1
                last = action
                if copied:
                    files += 1
                    moved += count
                    if size <= PIECE:
                        small += count  # of a larger one each piece was counted
            elif failure is not None and became is not Became.SKIPPED:
                failed += 1
        status.planned = max(0, status.planned - len(outcomes))
        status.planned_bytes = max(0, status.planned_bytes - content)
        if last is not None:
            status.last = (time.time_ns(), last.verb.value, last.path)
        status.actions += done
        status.files += files
        status.bytes += moved
        status.failures += failed
        if small or files:
            self._flowed(small, files)

    def copied(self, bulk: Bulk) -> None:
        status, files, size = self._status, len(bulk.names), sum(bulk.sizes)
        status.planned = max(0, status.planned - files - len(bulk.left))
        if files:
            status.last = (time.time_ns(), Verb.CREATE.value, join(bulk.path, bulk.names[-1]))
            status.actions += files
            status.files += files
            status.bytes += size
            self._flowed(size, files)

    def large(self, path: str, size: int) -> None:
        """This thread goes on with a file of more than `PIECE` bytes."""
        self._running[threading.get_ident()] = (path, size, [0])

    def moved(self, size: int) -> None:
        """So many bytes of the file that this thread is at."""
        if not self._running:
            return
        thread = threading.get_ident()
        if (running := self._running.get(thread)) is None:
            return
        _, whole, moved = running
        moved[0] += size
        self._flowed(size, 0)
        if moved[0] >= whole:
            self._running.pop(thread, None)

    def rests(self) -> None:
        """Nothing is on its way."""
        self._running.clear()
        self._status.planned = self._status.planned_bytes = 0

    def show(self) -> None:
        """Put into the status what changes with time alone."""
        now = self._clock()
        first = int(now) - WINDOW
        for second in [second for second in list(self._flow) if second <= first]:
            self._flow.pop(second, None)
        span = min(WINDOW, max(1.0, now - self._begun))
        flow = list(self._flow.values())
        status = self._status
        status.bytes_per_second = sum(amount for amount, _ in flow) / span
        status.files_per_second = sum(files for _, files in flow) / span
        status.transfers = [
            {"path": path, "size": size, "done": min(moved[0], size)}
            for path, size, moved in list(self._running.values())
        ]

    def _flowed(self, size: int, files: int) -> None:
        second = int(self._clock())
        flow = self._flow.get(second)
        if flow is None:
            if len(self._flow) > 2 * WINDOW:
                self.show()
            flow = self._flow.setdefault(second, [0, 0])
        flow[0] += size
        flow[1] += files


def _content(actions: Sequence[Action]) -> int:
    """Bytes of content that they write."""
    return sum(
        action.want.size
        for action in actions
        if action.stage is Stage.CONTENT and action.want is not None
    )
