"""Keeps the plans of one mirror that are refused, for as long as they are what there is to do.

Law: the same plan is kept once, under one id. What a person discarded, a service does not bring
back. A plan that cannot be kept is refused all the same.
"""

import os
from collections.abc import Callable
from contextlib import suppress

from mirrorfs.core.approval import Touch
from mirrorfs.core.guard import Kept, Refusal
from mirrorfs.core.plan import Action
from mirrorfs.core.record import replace
from mirrorfs.errors import MirrorError, StateError
from mirrorfs.hold.file import HoldFile
from mirrorfs.hold.held import Held
from mirrorfs.state import make


class Keeper:
    """``directory`` is the mirror's state directory; ``describe`` says of a refusal what is to be
    remembered with it, ``check`` raises MirrorError where nothing may be written."""

    def __init__(
        self,
        directory: str,
        describe: Callable[[Refusal], Held],
        check: Callable[[], None],
    ) -> None:
        self._directory = directory
        self._describe = describe
        self._check = check
        self._file = HoldFile(directory)
        self._keeps = os.path.lexists(self._file.path)

    def keep(self, refusal: Refusal, actions: list[Action]) -> Refusal:
        """The refusal with the id under which its plan is kept now, or with why it is not."""
        held = self._describe(refusal)
        with suppress(StateError):
            before = self._file.load()
            if before is not None and held.is_as(before):
                if not before.discarded:
                    return replace(refusal, plan=before.id)
                if held.recipe is not None and held.recipe.command == "run":
                    return replace(
                        refusal, unkept=f"{before.id} was discarded; `mirrorfs sync` makes it again"
                    )
        try:
            self._check()
            make(self._directory)
            self._file.store(held, actions)
        except MirrorError as error:
            return replace(refusal, unkept=str(error))
        self._keeps = True
        return replace(refusal, plan=held.id)

    def kept(self) -> Kept | None:
        """What is held, or was discarded by a person and is still what there is to do."""
        if not self._keeps:
            return None
        with suppress(StateError):
            if (held := self._file.load()) is not None:
                return Kept(held.danger, held.totals.delete, held.entries, held.gone)
        return None

    def approval(self, plan: str, fingerprint: str) -> frozenset[Touch]:
        """What a held plan takes away, by its id. Raises UsageError; StateError where it was made
        with another filter or other options."""
        held = self._file.kept(plan)
        if held.fingerprint != fingerprint:
            raise StateError(
                f"the plan {plan} was made with another filter or other options",
                remedy="run the command again that it comes from, for a new plan",
            )
        return self._file.touched(held)

    def discard(self, plan: str) -> None:
        """Raises UsageError, StateError, TemporaryError."""
        self._file.discard(plan)

    def settle(self) -> None:
        """What was held is out of date: the mirror is right without it."""
        if self._keeps:
            self._file.remove()
            self._keeps = False
