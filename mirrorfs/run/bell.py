"""What wakes a run that has nothing to do: a change, or somebody who asks it to hurry.

Law: what rings while nobody waits is heard by who waits next, unless `listen` was called since.
"""

import trio


class Bell:
    """``hurried``: everything that waits is to be looked at at once, until somebody has;
    ``shaken``: the roots are, because something was mounted or unmounted there."""

    def __init__(self) -> None:
        self._rung = trio.Event()
        self.hurried = False
        self.shaken = False

    def ring(self) -> None:
        self._rung.set()

    def hurry(self) -> None:
        self.hurried = True
        self.ring()

    def shake(self) -> None:
        self.shaken = True
        self.ring()

    def listen(self) -> None:
        """What rang before now is known."""
        self._rung = trio.Event()

    async def wait(self) -> None:
        await self._rung.wait()

    async def gather(self, seconds: float) -> None:
        """Changes do not end it, and ring on afterwards; being asked to hurry does, and so do
        mounts."""
        rang = False
        with trio.move_on_after(seconds):
            while not (self.hurried or self.shaken):
                await self.wait()
                rang = True
                self.listen()
        if rang:
            self.ring()

    async def pause(self, seconds: float) -> None:
        """Changes do not end it, being asked to hurry does, and so do mounts."""
        until = trio.current_time() + seconds
        while not (self.hurried or self.shaken) and trio.current_time() < until:
            self.listen()
            with trio.move_on_at(until):
                await self.wait()
        self.hurried = self.shaken = False
