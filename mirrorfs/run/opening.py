"""The mirror of a run, opened as often as it was let go of.

Law: every opening asks for the same; only what may be made, and what is taken for granted, differs.
"""

from dataclasses import dataclass

import trio

from mirrorfs.core.filter import Filter
from mirrorfs.core.options import Options
from mirrorfs.errors import Locked
from mirrorfs.flow import Flow
from mirrorfs.hold import Recipe
from mirrorfs.mirror import Mirror
from mirrorfs.pace import Pace
from mirrorfs.preflight import LOOK_SECONDS
from mirrorfs.settings import Settings
from mirrorfs.state import State
from mirrorfs.stoppable import Watching


@dataclass(frozen=True, slots=True)
class Opening:
    """What `Mirror` is opened with."""

    source: str
    destination: str
    options: Options
    filter: Filter
    settings: Settings
    state: State
    fsync: str
    pace: Pace | None
    recipe: Recipe | None
    listener: Watching

    @property
    def fingerprint(self) -> str:
        """Of what is mirrored, and how."""
        return f"{self.options.fingerprint()}-{self.filter.fingerprint()}"

    def now(self, *, create: bool = False, adopt: bool = False, dry: bool = False) -> Mirror:
        """Raises as `Mirror` does."""
        mirror = Mirror(
            self.source,
            self.destination,
            options=self.options,
            filter=self.filter,
            settings=self.settings,
            listener=self.listener,
            state=self.state,
            create=create,
            adopt=adopt,
            dry=dry,
            fsync=self.fsync,
            recipe=self.recipe,
        )
        mirror.destination.meter = Flow(self.listener.go_on, pace=self.pace)
        return mirror

    async def when_free(self, seconds: float, *, create: bool, adopt: bool) -> Mirror:
        """Waits so many seconds for another process to release the destination. Raises Locked."""
        until = trio.current_time() + seconds
        while True:
            try:
                return self.now(create=create, adopt=adopt)
            except Locked:
                if trio.current_time() >= until:
                    raise
            await trio.sleep(LOOK_SECONDS)
