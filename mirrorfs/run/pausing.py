"""The pause of one target: asked for, kept, waited out.

Law: whoever asked for a pause is answered when nothing of the destination is held any more, and
not before. It is looked for again and again: a file that somebody removed ends it, too.
"""

import time

import trio

from mirrorfs.errors import TemporaryError
from mirrorfs.mirror.paused import Pause, PauseFile, resume_command

LOOK_SECONDS = 60.0  # no longer: a machine that slept, a clock that was set


class Pausing:
    """``directory``: the mirror's state; ``home``: that of all; ``destination``: for those who are
    told how to end it."""

    def __init__(self, directory: str, destination: str, home: str) -> None:
        self._file = PauseFile(directory)
        self.remedy = f"`{resume_command(destination, home)}` ends it"
        self._pause = self._file.load()
        self._paused = self._resumed = trio.Event()

    @property
    def wanted(self) -> Pause | None:
        """The pause that is in force, or about to be."""
        if self._pause is not None and self._pause.left() <= 0:
            self._pause = None
        return self._pause

    def begin(self, until_ns: int, reason: str) -> None:
        """Raises StateError, TemporaryError."""
        pause = Pause(time.time_ns(), until_ns, reason)
        self._file.store(pause)
        if self._pause is None:
            self._paused = trio.Event()
        else:
            self._resumed.set()  # to be waited out anew: it has another end
        self._pause = pause

    async def begun(self) -> Pause:
        """What is in force, when nothing of the destination is held any more."""
        pause = self._pause
        await self._paused.wait()
        assert pause is not None
        return pause

    def end(self) -> None:
        """Raises TemporaryError."""
        self._file.remove()
        self._pause = None
        self._resumed.set()

    async def wait(self) -> None:
        """Nothing of the destination is held: until the pause ends, or becomes another one."""
        self._resumed = trio.Event()
        self._paused.set()
        pause = self._pause
        while pause is not None and self._pause is pause:
            with trio.move_on_after(min(LOOK_SECONDS, max(0.0, pause.left()))):
                await self._resumed.wait()
            if self._pause is pause and self._file.load() is None:
                self._pause = None

    def refuse(self) -> None:
        """Raises TemporaryError while it is paused."""
        if (pause := self.wanted) is not None:
            raise TemporaryError(f"it is {pause.said()}", remedy=self.remedy)
