"""A run as the command line or a file wants it, and anew when the file wants something else.

Law: what is read again is checked before anything is ended. What is wrong with it is said, in the
log and in the status, and what ran before goes on.

RACE: the run that ends has written down all it was told of. The next one takes over its watch where
it leaves out the same; where not it begins a new one, which compares.
"""

import signal
import sys
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Self

import trio

from mirrorfs.apply.pace import Pace
from mirrorfs.cli.invocation import Call
from mirrorfs.cli.mirroring import read_settings
from mirrorfs.cli.mount import make_view, told
from mirrorfs.cli.settings import NANOSECONDS, Mirroring, noticing, pace
from mirrorfs.cli.toggling import toggling
from mirrorfs.cli.voice import Voice
from mirrorfs.config.changes import changes
from mirrorfs.core.record import record
from mirrorfs.errors import MirrorError
from mirrorfs.mirror.noticing import Noticing
from mirrorfs.output.bridge import bridge
from mirrorfs.output.escape import printable
from mirrorfs.output.promfile import PrometheusFile, refuse_inside
from mirrorfs.output.statusline import StatusLine
from mirrorfs.run import Condition, Run, Target
from mirrorfs.service.beside import beside
from mirrorfs.service.fdstore import Onward
from mirrorfs.service.notify import notify
from mirrorfs.state import State
from mirrorfs.status.status import Phase

if TYPE_CHECKING:
    from mirrorfs.view.live import View

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


@record
class Wanted:
    """What a run is to be: checked, and nothing is opened yet. One call for each destination."""

    calls: list[Call]
    made: list[Mirroring]
    paces: list[Pace]
    noticing: Noticing

    @classmethod
    def of(cls, calls: list[Call]) -> Self:
        """Raises MirrorError."""
        made = [read_settings(call) for call in calls]
        paces = [pace(call.flags, call.log.notice) for call in calls]
        return cls(calls, made, paces, noticing(calls[0].flags))

    def is_as(self, other: Self) -> bool:
        """Whether both are told the same, files of rules included."""
        return self._told() == other._told()

    def _told(self) -> list[object]:
        return [
            (call.places, call.words, made.recipe and made.recipe.texts)
            for call, made in zip(self.calls, self.made, strict=True)
        ]


class Serving:
    """An async callable: until it is told to end. ``abandoned``: something did not end in time, and
    the process is to end without waiting for it. Raises MirrorError."""

    def __init__(self, calls: list[Call]) -> None:
        self._log, self._named = calls[0].log, calls[0].named
        bridge(self._log)
        self._wanted = Wanted.of(calls)
        self._keeper = Onward()
        self._mirrors: Run | None = None
        self._scope = trio.CancelScope()
        self._stopping = False
        self._wrong = ""  # with the file as it is now
        self.abandoned = False

    async def __call__(self) -> None:
        """Raises MirrorError as `Run` does."""
        trouble: Exception | None = None
        async with trio.open_nursery() as nursery:
            await nursery.start(self._obey)
            if self._named is not None:
                file = self._named.directory.file(self._named.name)
                nursery.start_soon(changes, file, self._changed)
            try:
                await self._keep()
            except Exception as error:
                trouble = error  # raised outside: a nursery would wrap it in a group
            nursery.cancel_scope.cancel()
        if trouble is not None:
            raise trouble

    async def _obey(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        with trio.open_signal_receiver(*SIGNALS) as signals:
            task_status.started()
            async for number in signals:
                if number == signal.SIGHUP:
                    self._reload()
                elif number == signal.SIGUSR1:
                    if self._mirrors is not None:
                        self._mirrors.hurry()
                else:
                    self._stopping = True
                    self._end()

    def _reload(self) -> None:
        """Somebody asked for it, and is told when it is done."""
        if self._named is None:
            self._log.notice("SIGHUP: there is no configuration to read again")
            return
        _tell_of_reloading()
        if not self._changed(asked=True):
            if not self._wrong:
                self._log.notice("the configuration was read again: it is as it was")
            notify("READY=1")

    def _changed(self, *, asked: bool = False) -> bool:
        """Look at the file again; whether another run begins, which says when it is ready."""
        assert self._named is not None
        try:
            old = self._wanted.calls[0]
            wanted = Wanted.of(
                [
                    Call(
                        old.command, one.places, one.flags, old.log, one.words, old.named, one.typed
                    )
                    for one in self._named.expanded()
                ]
            )
        except MirrorError as error:
            self._refuse(error)
            return False
        before, self._wrong = self._wrong, ""
        if wanted.is_as(self._wanted):
            if before:
                self._log.notice("the configuration is again what runs")
                self._say_what_is_wrong()
            return False
        self._log.notice("the configuration has changed, and is taken up")
        if not asked:
            _tell_of_reloading()
        if wanted.noticing != self._wanted.noticing:
            self._keeper.let_go()
        self._wanted = wanted
        self._end(again=True)
        return True

    def _refuse(self, error: MirrorError) -> None:
        """The file is not taken up."""
        wrong = printable(f"{error}" + (f" ({error.remedy})" if error.remedy else ""))
        if wrong != self._wrong:
            self._log.error(f"the configuration is not taken up, what ran before goes on: {wrong}")
        self._wrong = wrong
        self._say_what_is_wrong()

    def _say_what_is_wrong(self) -> None:
        for condition in self._mirrors.conditions if self._mirrors is not None else ():
            condition.status.configuration = self._wrong
            if condition.status.phase is not Phase.STARTING:  # else nothing is there to say it
                condition.show()

    def _end(self, *, again: bool = False) -> None:
        """End the run that goes on, at the next batch or piece of content."""
        if self._mirrors is not None:
            self._mirrors.stop(again=again)
        self._scope.cancel()

    async def _keep(self) -> None:
        """One run after the other, while another one is wanted."""
        good: Wanted | None = None
        while not self._stopping:
            wanted = self._wanted
            try:
                await self._serve(wanted)
            except MirrorError as error:
                began = self._mirrors is not None and self._mirrors.began
                if good is None or good is wanted or began:
                    raise
                self._refuse(error)
                self._wanted = good
                continue
            if self._wanted is wanted:
                return
            good = wanted

    async def _serve(self, wanted: Wanted) -> None:
        self._mirrors = None  # what fails before there is one has not begun
        calls = wanted.calls
        source = calls[0].places[0]
        state = State.find(calls[0].flags.state.state_dir)
        keeper = self._keeper.of(state.source(source)) if self._named is not None else None
        with ExitStack() as stack, trio.CancelScope() as self._scope:
            targets = [
                _target(call, made, limit, stack, several=len(calls) > 1)
                for call, made, limit in zip(calls, wanted.made, wanted.paces, strict=True)
            ]
            mirrors = self._mirrors = Run(
                source, targets, state=state, noticing=wanted.noticing, keeper=keeper
            )
            self._say_what_is_wrong()
            views = [
                partial(_show, call, mirrors, condition, _view(call, made, point))
                for call, made, condition in zip(
                    calls, wanted.made, mirrors.conditions, strict=True
                )
                if (point := call.flags.viewing.mount)
            ]
            files = _files(calls, mirrors, state)
            stack.enter_context(toggling(*wanted.paces))
            line = stack.enter_context(StatusLine(mirrors.news, self._log, sys.stderr))
            try:
                await beside(mirrors, line.keep_drawing, *views, *(one.keep for one in files))
            finally:
                self.abandoned |= mirrors.abandoned
                if self._wanted is wanted:
                    for one in files:
                        one.end()


def _tell_of_reloading() -> None:
    """Until ready is said again. The manager wants to know which request this answers."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def _target(call: Call, made: Mirroring, limit: Pace, stack: ExitStack, *, several: bool) -> Target:
    """What is wanted of one destination; its reports are open as long as the stack is."""
    destination = call.places[1]
    voice = stack.enter_context(Voice(call.flags, call.log, destination, lasting=True))
    name = f"{destination}: " if several else ""
    return Target(
        destination,
        options=made.options,
        filter=made.filter,
        settings=made.settings,
        fsync=call.flags.copying.fsync,
        adopt=call.flags.deleting.adopt,
        wait=call.flags.state.wait / NANOSECONDS,
        audit_interval=call.flags.state.audit_interval / NANOSECONDS,
        pace=limit,
        recipe=made.recipe,
        history_size=call.flags.looking.history_size,
        listener=voice.listener,
        said=lambda line: call.log.notice(printable(f"{name}{line}")),
    )


def _files(calls: list[Call], mirrors: Run, state: State) -> list[PrometheusFile]:
    """For each file that is named: of the mirrors that name it. Raises SettingError, FatalError."""
    wanted: dict[str, list[tuple[Condition, str]]] = {}
    for call, condition in zip(calls, mirrors.conditions, strict=True):
        if file := call.flags.looking.prometheus_file:
            refuse_inside(file, [place for each in calls for place in each.places])
            wanted.setdefault(file, []).append((condition, state.mirror(*call.places)))
    said = calls[0].log.notice
    return [
        PrometheusFile(file, conditions, home=state.home, news=mirrors.news, said=said)
        for file, conditions in wanted.items()
    ]


def _view(call: Call, made: Mirroring, point: str) -> "View":
    source, destination = call.places
    return make_view(call, point, source, destination, made.options, made.filter, made.settings)


async def _show(call: Call, mirrors: Run, condition: Condition, view: "View") -> None:
    """The view, once the source is being recorded. Whatever ends it, the mirror goes on."""
    while condition.status.phase is Phase.STARTING:
        await mirrors.news.news.wait()
    try:
        await told(view, call)
    except MirrorError as error:
        remedy = f" ({error.remedy})" if error.remedy else ""
        call.log.error(printable(f"the plan is not shown: {error}{remedy}"))
