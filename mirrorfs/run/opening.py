"""The mirror of a target, opened as often as it was let go of.

Law: every opening asks for the same; only what may be made, and what is taken for granted, differs.
"""

from contextlib import suppress
from typing import Any

from mirrorfs.apply.flow import Flow
from mirrorfs.core.record import record
from mirrorfs.drives import asleep, describe, located
from mirrorfs.errors import DriveAway, FatalError
from mirrorfs.mirror.mirror import Mirror
from mirrorfs.mirror.overlap import overlap
from mirrorfs.mirror.preflight import refuse_state
from mirrorfs.run.stoppable import Watching
from mirrorfs.run.target import Target
from mirrorfs.state import State


@record
class Opening:
    """What `Mirror` is opened with. ``others``: whose destinations it must keep away from."""

    source: str
    target: Target
    state: State
    listener: Watching
    others: tuple[Target, ...] = ()

    def check(self) -> None:
        """Before anything is made, also of the state. Raises FatalError. Of a drive that is away it
        is asked when that is back."""
        target = self.target
        for name, tree in (("source", self.source), ("destination", target.destination)):
            with suppress(DriveAway):
                refuse_state(self.state.home, name, located(tree), target.filter)

    def is_asleep(self) -> bool:
        """Whether to open it would mount something."""
        return asleep(self.source) or asleep(self.target.destination)

    def drives(self) -> dict[str, Any]:
        """What is to be said of the roots while their drives are away, for those that have any."""
        places = {"source": self.source, "destination": self.target.destination}
        told = {name: describe(place) for name, place in places.items()}
        return {name: found._asdict() for name, found in told.items() if found.uuid or found.label}

    def now(self, *, create: bool = False, adopt: bool = False, dry: bool = False) -> Mirror:
        """Raises as `Mirror` does, and FatalError for a destination that is another one's, too."""
        target = self.target
        for other in self.others:
            with suppress(DriveAway):
                _refuse_overlap(target, other)
        mirror = Mirror(
            self.source,
            target.destination,
            options=target.options,
            filter=target.filter,
            settings=target.settings,
            listener=self.listener,
            state=self.state,
            create=create,
            adopt=adopt,
            dry=dry,
            fsync=target.fsync,
            recipe=target.recipe,
        )
        listener, figures = self.listener, self.listener.figures
        if dry:
            mirror.destination.meter = Flow(listener.check, pace=target.pace)
        else:
            mirror.destination.meter = Flow(
                listener.go_on, heard=figures.moved, large=figures.large, pace=target.pace
            )
        return mirror


def _refuse_overlap(one: Target, other: Target) -> None:
    """Raises FatalError unless the outer one leaves the inner one alone."""
    found = overlap(located(other.destination), located(one.destination))
    if found is None:
        return
    outer = other if found.destination_in_source else one
    if found.inner and not (outer.filter.descends(found.inner) or outer.options.delete_excluded):
        return
    raise FatalError(
        f"the destinations {one.destination} and {other.destination} overlap",
        remedy="what one mirror brings there the other would remove: choose a directory elsewhere, "
        "or exclude the inner one",
    )
