"""A run: one source that is recorded, and each target's life beside the others.

RACE: the watch is open before the first comparison begins, so that what changes meanwhile is
replayed after it.
"""

import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import trio

from journal import Position
from mirrorfs.errors import DriveAway, MirrorError
from mirrorfs.mirror.noticing import BY_ITSELF, Noticing
from mirrorfs.mirror.record import Recorder
from mirrorfs.run.behind import Noted
from mirrorfs.run.life import Life
from mirrorfs.run.mounting import Mounting
from mirrorfs.run.news import News
from mirrorfs.run.pulse import PATIENCE, Pulse
from mirrorfs.run.recording import Recording
from mirrorfs.run.tail import Tail
from mirrorfs.run.target import Target
from mirrorfs.run.thread import Thread
from mirrorfs.service.beside import beside
from mirrorfs.service.fdstore import FdStore
from mirrorfs.service.notify import notify
from mirrorfs.service.watchdog import feed, patience
from mirrorfs.state import State
from mirrorfs.watch import Keeper

RETAIN_SECONDS = 60.0
FINISH_SECONDS = 2.75  # the watcher takes two to empty a full queue


class Run:
    """Mirrors of one source kept up to date: an async callable. ``conditions`` is how they are, in
    the order of the targets; ``news`` hears of changes, ``pulse`` is the sign of life. ``keeper``
    keeps the watch for the next run; ``began``: some target could be opened."""

    def __init__(
        self,
        source: str,
        targets: Sequence[Target],
        *,
        state: State,
        noticing: Noticing = BY_ITSELF,
        keeper: Keeper | None = None,
    ) -> None:
        self._source, self._state = source, state
        self._noticing = noticing
        self._keeper = keeper or FdStore.find(os.path.basename(state.source(source)))
        self._again = False
        self.began = False
        self.news = News()
        self.pulse = Pulse(patience(PATIENCE))
        self._noted = Noted()
        self._lives = [
            Life(
                source,
                target,
                tuple(targets[:number]),
                state=state,
                news=self.news,
                pulse=self.pulse,
                noted=self._noted,
                alone=len(targets) == 1,
            )
            for number, target in enumerate(targets)
        ]
        self._thread = Thread(self.pulse.stage(f"watching {source}", vital=True), FINISH_SECONDS)
        self._destinations = [target.destination for target in targets]
        self.conditions = [life.condition for life in self._lives]
        self._moved = trio.Event()
        self._removed = trio.Event()

    def stop(self, *, again: bool = False) -> None:
        """End what is being done at the next batch or piece of content; call before cancelling.
        ``again``: another run follows in this process."""
        self._again = again
        for life in self._lives:
            life.stop()

    def hurry(self) -> None:
        """Look at everything at once, also at what is owed."""
        for life in self._lives:
            life.hurry()

    @property
    def abandoned(self) -> bool:
        """Whether something did not end in time, and still goes on in a thread: the process is to
        end without waiting for it."""
        threads = [self._thread, *(life.thread for life in self._lives)]
        return any(thread.abandoned for thread in threads)

    async def __call__(self) -> None:
        """Until cancelled or stopped. Raises MirrorError for what no waiting can mend; at the start
        that is everything that keeps all of the targets from being mirrored, but for a drive
        that is away."""
        try:
            troubles = await self._begin()
            self.began = True
            await self._record(troubles)
        finally:
            if not self._again:
                notify("STOPPING=1")
            self.stop(again=self._again)
            with trio.CancelScope(shield=True):
                for life in self._lives:
                    await life.end()

    async def _begin(self) -> list[Exception | None]:
        """Open all; what keeps some of them from it. Raises MirrorError where that is all."""
        troubles: list[Exception | None] = [None] * len(self._lives)

        async def begin(number: int, life: Life) -> None:
            try:
                await life.begin()
            except Exception as error:
                troubles[number] = error

        async with trio.open_nursery() as nursery:
            for number, life in enumerate(self._lives):
                nursery.start_soon(begin, number, life)
        away = any(isinstance(trouble, DriveAway) for trouble in troubles)
        if troubles[0] is not None and all(troubles) and not away:
            raise troubles[0]
        return troubles

    async def _record(self, troubles: Sequence[Exception | None]) -> None:
        token = trio.lowlevel.current_trio_token()
        extents = [life.target.extent for life in self._lives]

        def appended(position: Position) -> None:
            self._noted.note(position)
            token.run_sync_soon(self._ring, idempotent=True)

        def removed() -> None:
            token.run_sync_soon(self._removed.set, idempotent=True)

        make = partial(
            Recorder,
            self._source,
            state=self._state,
            appended=appended,
            removed=removed,
            extents=extents,
            noticing=self._noticing,
            patient=True,
            keeper=self._keeper,
        )
        tail = Tail(self._source, state=self._state, extents=extents, appended=appended)
        said = self._lives[0].target.said
        ready = trio.Event()
        watch = partial(self._watch, ready)
        recording = Recording(make, tail, self._thread, watching=watch, said=said)
        try:
            await recording.begin()
            if recording.status() is None:
                self._ready(ready)
            live = partial(self._live, recording, ready, troubles)
            alive = partial(feed, self.pulse.alive, self._hangs, patience(PATIENCE) / 2)
            places = [self._source, *self._destinations]
            mounting = Mounting(places, partial(self._shake, recording))
            await self._until(recording.keep, partial(beside, live, mounting, alive))
        finally:
            self.pulse.watch(None)
            await recording.end()

    async def _until(
        self, keep: Callable[[], Awaitable[None]], main: Callable[[], Awaitable[None]]
    ) -> None:
        """The main task, ended where what it lives on cannot be kept. Raises what either raises."""
        trouble: list[MirrorError] = []

        async def keeping() -> None:
            try:
                await keep()
            except MirrorError as error:
                trouble.append(error)
                self.stop(again=self._again)
                scope.cancel()

        with trio.CancelScope() as scope:
            await beside(main, keeping)
        if trouble:
            raise trouble[0]

    async def _live(
        self, recording: Recording, ready: trio.Event, troubles: Sequence[Exception | None]
    ) -> None:
        async with trio.open_nursery() as nursery:
            for life, trouble in zip(self._lives, troubles, strict=True):
                nursery.start_soon(life, recording, ready, trouble)

    async def _watch(self, ready: trio.Event, recorder: Recorder) -> None:
        """Until the journal is removed. Raises RecordRemoved."""
        await beside(self._removed.wait, partial(self._tend, ready, recorder))
        recorder.check()

    async def _tend(self, ready: trio.Event, recorder: Recorder) -> None:
        """Tell when everything is watched; then keep the journal small, for as long as it grows."""
        self.pulse.watch(recorder.watcher)
        if recorder.watcher.is_lost:  # for as long as a drive is away
            notify("READY=1")
        await trio.to_thread.run_sync(recorder.watcher.ready.wait, abandon_on_cancel=True)
        said = self._lives[0].target.said
        if recorder.watcher.continued:
            said("watching goes on where the process before ended")
        for line in self.conditions[0].unwatched():
            said(line)
        self._ready(ready)
        while True:
            await self._moved.wait()
            await trio.sleep(RETAIN_SECONDS)
            self._moved = trio.Event()
            await trio.to_thread.run_sync(recorder.retain, abandon_on_cancel=True)

    def _ready(self, ready: trio.Event) -> None:
        if not ready.is_set():
            notify("READY=1")
            ready.set()

    def _shake(self, recording: Recording, places: set[str]) -> None:
        """Other things are mounted in these places by now."""
        recording.rouse()
        for life in self._lives:
            if places & {self._source, life.target.destination}:
                life.shake()

    def _hangs(self) -> None:
        """The service manager is about to kill us; let people know why."""
        hanging = ", ".join(self.pulse.hanging()) or f"watching {self._source}"
        self._lives[0].target.said(f"no sign of life: {hanging}")

    def _ring(self) -> None:
        self._moved.set()
        for life in self._lives:
            life.ring()
