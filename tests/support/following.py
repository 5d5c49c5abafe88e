"""`run` without its shell: a recorder and a follower in this process, a cycle when asked for.

Law: what is right after `catch_up` is right because of what the journal held: nothing is compared
but what its records say.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from support.process import until
from support.walker import differences

from mirrorfs.core.filter import EVERYTHING, Filter
from mirrorfs.core.guard import Limits
from mirrorfs.core.options import Options, archive
from mirrorfs.mirror.follow import Follower
from mirrorfs.mirror.leftout import Extent
from mirrorfs.mirror.mirror import Mirror
from mirrorfs.mirror.noticing import Noticing
from mirrorfs.mirror.reading import Reading
from mirrorfs.mirror.record import Recorder
from mirrorfs.mirror.replay import watcher_answers
from mirrorfs.state import State
from mirrorfs.sync.settings import Settings


class Following:
    """A context manager; ``options`` are `Mirror`'s, ``pace`` the watcher's."""

    def __init__(
        self,
        source: Path,
        destination: Path,
        state: Path,
        *,
        filter: Filter = EVERYTHING,
        one_file_system: bool = False,
        adopt: bool = False,
        backend: str = "inotify",
        **watching: Any,
    ) -> None:
        self.source, self.destination = source, destination
        self._state = State(str(state))
        self._filter = filter
        self._one_file_system = one_file_system
        self._adopt = adopt
        self._watching = {"noticing": Noticing(backend), **watching}
        self._opened = ExitStack()
        self.cycles: list[Any] = []  # (reading, report) of each

    def __enter__(self) -> Self:
        enter = self._opened.enter_context
        options = archive(Options(one_file_system=self._one_file_system))
        place = str(self.source)
        self.mirror = enter(
            Mirror(
                place,
                str(self.destination),
                options=options,
                filter=self._filter,
                settings=Settings(limits=Limits()),
                state=self._state,
                adopt=self._adopt,
            )
        )
        self.recorder = enter(
            Recorder(
                place,
                state=self._state,
                extents=[Extent(self._filter, self._one_file_system)],
                **self._watching,
            )
        )
        assert self.recorder.watcher.ready.wait(60)
        self.follower = Follower(self.mirror)
        self.cycles = [self.follower.start()]
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    @property
    def first(self) -> Reading:
        """What the first cycle had to look at."""
        reading: Reading = self.cycles[0][0]
        return reading

    def answers(self) -> bool:
        """Whether everything changed before now stands in the journal."""
        return watcher_answers(self.mirror.readings.journal, self._state.cookies(str(self.source)))

    def barrier(self) -> None:
        """Until everything changed before now stands in the journal."""
        until(self.answers, "the watcher's answer")

    def catch_up(self) -> None:
        """Apply everything changed before now."""
        self.barrier()
        while (done := self.follower.cycle()) is not None:
            self.cycles.append(done)
        self.follower.vouch()

    def assert_equal(self) -> None:
        """Zero differences after one barrier, nothing owed, nothing done by hand."""
        self.catch_up()
        assert differences(self.source, self.destination) == []
        assert self.follower.owed == {}
