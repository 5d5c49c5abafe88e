"""What a pass does, as lines of a history.

Law: one call of the kernel for a batch of outcomes, whatever its size; a path that goes on to fail
for the same reason is written down once. What was left alone on purpose did not happen, and the
time of a directory that changes with what is in it goes without saying.
"""

import os
from collections.abc import Iterator, Sequence
from itertools import repeat

from mirrorfs.core.bulk import Bulk
from mirrorfs.core.compare import TIME_DIFFERS
from mirrorfs.core.guard import Refusal
from mirrorfs.core.pairing import NEW
from mirrorfs.core.plan import Outcome, Stage, Status, Verb
from mirrorfs.core.reconcile import CONTENT_CHANGES
from mirrorfs.core.tree import Failure, join, split
from mirrorfs.core.walk import Batch
from mirrorfs.history import record
from mirrorfs.history.ring import Ring
from mirrorfs.sync.listener import Listener

NAME = "history"
DEFAULT_BYTES = 16 << 20
LEAST_BYTES = 1 << 20
NAMES = 128  # in a line
READ = "read"  # the verb of what could not even be looked at
_GOES_WITHOUT_SAYING = (TIME_DIFFERS, CONTENT_CHANGES)


class History(Listener):
    """Of the mirror whose state is in ``place``; made with the first line. ``size``: bytes at most,
    but not less than `LEAST_BYTES`; 0 or less keeps none."""

    def __init__(self, place: str, size: int = DEFAULT_BYTES) -> None:
        self._ring = None
        if size > 0:
            self._ring = Ring(os.path.join(place, NAME), max(size, LEAST_BYTES))
        self._failing: dict[str, str] = {}  # what is known to fail, and why

    def close(self) -> None:
        if self._ring is not None:
            self._ring.close()

    def planned(self, batch: Batch) -> None:
        if batch.failures and self._ring is not None:
            failures = [failure for failure in batch.failures if self._is_news(failure)]
            self._ring.append(lambda at: [_unread(at, failure) for failure in failures])

    def done(self, outcomes: Sequence[Outcome]) -> None:
        if self._ring is not None:
            self._ring.append(lambda at: self._lines(at, outcomes))

    def copied(self, bulk: Bulk) -> None:
        if self._ring is not None and bulk.names:
            if self._failing:
                for name in bulk.names:
                    self._failing.pop(join(bulk.path, name), None)
            self._ring.append(lambda at: list(_bulk(at, bulk)))

    def held(self, refusal: Refusal) -> None:
        """A plan was refused."""
        self.event(record.HELD, f"plan {refusal.digest}: {refusal.message}")

    def event(self, verb: str, why: str = "") -> None:
        """Something befell the whole mirror; ``verb`` is one of `record.EVENTS`."""
        if self._ring is not None:
            self._ring.append(lambda at: [record.line(at, verb, why)])

    def _lines(self, at: int, outcomes: Sequence[Outcome]) -> list[bytes]:
        lines: list[bytes] = []
        for first in range(0, len(outcomes), NAMES):
            some = outcomes[first : first + NAMES]
            alike = None if self._failing else _alike(at, some)
            lines += self._one_by_one(at, some) if alike is None else [alike]
        return lines

    def _one_by_one(self, at: int, outcomes: Sequence[Outcome]) -> list[bytes]:
        lines: list[bytes] = []
        names: list[str] = []
        sizes: list[int] = []
        origins: list[str] = []
        key: tuple[Verb, Status, str, str] | None = None

        def end() -> None:
            if key is not None:
                verb, status, directory, why = key
                lines.append(
                    record.line(
                        at,
                        verb.value,
                        why,
                        directory=directory,
                        names=names,
                        sizes=sizes,
                        origins=origins,
                        outcome=status.value,
                    )
                )

        for action, status, failure, moved in outcomes:
            path = action.path
            if status is Status.DONE:
                why = action.reason
                if action.stage is Stage.DIRECTORY_ATTRIBUTES and why in _GOES_WITHOUT_SAYING:
                    continue
                if self._failing:
                    self._failing.pop(path, None)
            elif status is Status.SKIPPED or failure is None:
                continue
            elif self._is_news(failure._replace(path=path)):
                why = failure.message
            else:
                continue
            directory, _, name = path.rpartition("/")
            here = (action.verb, status, directory, why)
            if here != key:
                end()
                key, names, sizes, origins = here, [], [], []
            names.append(name)
            sizes.append(moved)
            origins.append(action.origin)
        end()
        return lines

    def _is_news(self, failure: Failure) -> bool:
        news = self._failing.get(failure.path) != failure.message
        self._failing[failure.path] = failure.message
        return news


def _alike(at: int, outcomes: Sequence[Outcome]) -> bytes | None:
    """The line of a batch that did one thing to names of one directory, for one reason, as nearly
    all do; ``None`` for another one. No step of Python's for each of them but the name."""
    actions, became, _, sizes = zip(*outcomes, strict=True)
    verbs, _, paths, _, _, reasons, origins = zip(*actions, strict=True)
    verb, why, many = verbs[0], reasons[0], len(paths)
    if (
        verb is Verb.ATTRIBUTES
        or became.count(Status.DONE) != many
        or verbs.count(verb) != many
        or reasons.count(why) != many
    ):
        return None
    directory = paths[0].rpartition("/")[0]
    above = directory and directory + "/"
    start = len(above)
    names = [path[start:] for path in paths]
    if "/" in "".join(names) or not all(map(str.startswith, paths, repeat(above))):
        return None
    return record.line(
        at, verb.value, why, directory=directory, names=names, sizes=sizes, origins=origins
    )


def _bulk(at: int, bulk: Bulk) -> Iterator[bytes]:
    for first in range(0, len(bulk.names), NAMES):
        some = slice(first, first + NAMES)
        names, sizes = bulk.names[some], bulk.sizes[some]
        yield record.line(at, Verb.CREATE.value, NEW, directory=bulk.path, names=names, sizes=sizes)


def _unread(at: int, failure: Failure) -> bytes:
    directory, name = split(failure.path)
    return record.line(
        at, READ, failure.message, directory=directory, names=[name], outcome=Status.FAILED.value
    )
