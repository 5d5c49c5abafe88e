"""The plan, again and again: made once for everything that is pending, then amended as changes are
heard of.

Law: runs in worker threads, one call at a time. Both trees are read, nothing is written, and no
root is held open between two calls.

Where the source has a journal that is being written, its records say what changed, and a moved
checkpoint that something was applied. Elsewhere the view watches both trees itself.
"""

import os
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from journal import Position, writer_alive
from mirrorfs.core.amend import amend
from mirrorfs.core.change import Change
from mirrorfs.core.filter import Filter
from mirrorfs.core.fold import fold
from mirrorfs.core.guard import Refusal
from mirrorfs.core.options import Options
from mirrorfs.core.plan import Plan
from mirrorfs.core.record import record
from mirrorfs.core.scope import Scope
from mirrorfs.drives import located
from mirrorfs.mirror.checkpoint import Checkpoint
from mirrorfs.mirror.mirror import Mirror
from mirrorfs.mirror.reading import Reading
from mirrorfs.mirror.record import identity_now
from mirrorfs.state import State
from mirrorfs.sync.settings import Settings
from mirrorfs.trees.memory import MemoryTree
from mirrorfs.view.picture import Picture
from mirrorfs.view.trees import Trees
from mirrorfs.watch import Watcher

READY_SECONDS = 3600.0


@record
class Wanted:
    """Whose plan: the two roots, and what decides about it."""

    source: str
    destination: str
    options: Options
    filter: Filter
    settings: Settings
    state: State

    @property
    def directory(self) -> str:
        """The mirror's state directory."""
        return self.state.mirror(self.source, self.destination)


class _Made(NamedTuple):
    plan: Plan
    why: str
    refusal: Refusal | None
    whole: bool
    bare: bool
    checkpoint: Checkpoint | None
    cursor: Position | None


class Planner:
    """``changed`` is called, in any thread, when `update` has something to do. Raises
    MirrorError."""

    def __init__(self, wanted: Wanted, changed: Callable[[], None]) -> None:
        self._wanted = wanted
        self._trees = Trees(wanted.source, wanted.destination, wanted.options)
        self._changed = changed
        self._watchers: list[Watcher] = []
        self._watched: set[str] = set()
        self._lock = threading.Lock()
        self._heard: list[Change] = []
        self._made: _Made | None = None

    def close(self) -> None:
        """May wait for a file system that hangs."""
        for watcher in self._watchers:
            watcher.close()
        self._trees.close()

    @property
    def bare(self) -> bool:
        """Whether the destination is yet to be made: nothing will tell when it is."""
        return self._made is not None and self._made.bare

    @property
    def watches(self) -> bool:
        """Whether the view watches the trees itself."""
        return bool(self._watchers)

    def begin(self) -> Picture:
        """The first picture: everything that is pending."""
        journal = self._wanted.state.journal(self._wanted.source)
        if not (os.path.isdir(journal) and writer_alive(journal)):
            self._watch()
        return self._picture(self._make())

    def update(self) -> tuple[Picture, Scope] | None:
        """The next picture and where it may differ from the one before; ``None`` when nothing was
        heard of."""
        made = self._made
        assert made is not None
        if made.bare and os.path.isdir(located(self._wanted.destination)):
            if self._watchers:
                self._watch()
            return self._picture(self._make()), Scope.everything()
        with self._lock:
            heard, self._heard = self._heard, []
        try:
            with self._mirror() as mirror:
                reading = self._news(mirror, made, heard)
                if reading is None:
                    fresh, scope = self._make(mirror), Scope.everything()
                elif reading.scope.is_empty:
                    self._made = made._replace(cursor=reading.cursor)
                    return None
                else:
                    fresh, scope = self._amended(mirror, made, reading)
        except BaseException:
            with self._lock:
                self._heard[:0] = heard
            raise
        return self._picture(fresh), scope

    def _news(self, mirror: Mirror, made: _Made, heard: list[Change]) -> Reading | None:
        """What to look at again; ``None`` when that is everything."""
        if mirror.checkpoint != made.checkpoint:
            return None
        if self._watchers:
            folded = fold(heard)
            reading = Reading(folded.scope, folded.hints, "", None, True)
        elif made.cursor is None:
            return None
        else:
            reading = mirror.readings.since(made.cursor)
        if reading.scope.is_everything or reading.hints:
            return None
        return reading

    def _amended(self, mirror: Mirror, made: _Made, reading: Reading) -> tuple[_Made, Scope]:
        part = mirror.plan(reading)
        plan = amend(made.plan, reading.scope, part)
        if plan is None:
            return self._make(mirror), Scope.everything()
        refusal = mirror.weigh(plan, whole=made.whole)
        self._made = made._replace(plan=plan, refusal=refusal, cursor=reading.cursor)
        return self._made, reading.scope

    def _make(self, mirror: Mirror | None = None) -> _Made:
        if mirror is None:
            with self._mirror() as mirror:
                return self._make(mirror)
        reading = mirror.reading()
        plan = mirror.plan(reading)
        whole = reading.scope.is_everything
        self._made = _Made(
            plan,
            reading.why,
            mirror.weigh(plan, whole=whole),
            whole,
            isinstance(mirror.destination, MemoryTree),
            mirror.checkpoint,
            reading.cursor,
        )
        return self._made

    def _picture(self, made: _Made) -> Picture:
        return Picture(
            made.plan,
            made.why,
            made.refusal,
            self._wanted.options,
            self._trees,
            time.time_ns(),
            made.bare,
            (os.geteuid(), os.getegid()),
        )

    def _mirror(self) -> Mirror:
        wanted = self._wanted
        return Mirror(
            wanted.source,
            wanted.destination,
            options=wanted.options,
            filter=wanted.filter,
            settings=wanted.settings,
            state=wanted.state,
            dry=True,
        )

    def _watch(self) -> None:
        """RACE: the watches are set before the first comparison begins; what changes during it is
        heard of after it."""
        wanted = self._wanted
        for place in (wanted.source, wanted.destination):
            if place in self._watched or not os.path.isdir(located(place)):
                continue
            self._watched.add(place)
            watcher = Watcher(
                place,
                self._hear,
                exclude=lambda path: not wanted.filter.descends(path),
                one_file_system=wanted.options.one_file_system,
                identity=partial(identity_now, place),
                locate=partial(located, place),
            )
            watcher.start()
            self._watchers.append(watcher)
            watcher.ready.wait(READY_SECONDS)
        with self._lock:
            self._heard.clear()

    def _hear(self, changes: list[Change]) -> None:
        with self._lock:
            self._heard += changes
        self._changed()
