"""What is mounted in the source while a pass looks at it.

Law: what was seen in a place where something was mounted or unmounted meanwhile may have been the
one or the other, so nothing is done there; the place is looked at again.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

from mirrorfs.core.filter import Filter
from mirrorfs.core.mounts import Mounted, Mounts, concerns, shaken
from mirrorfs.core.plan import Action, Plan
from mirrorfs.core.tree import Failure, Trouble
from mirrorfs.trees.base import Tree

Remember = Callable[[Mounts], None]


class MountedSource:
    """The mounts of one source, pass after pass. ``remember`` stores what is known of them; it is
    called before anything of a file system that is new is written. With ``one_file_system`` none is
    mirrored, and none remembered."""

    def __init__(
        self,
        source: Tree,
        filter: Filter,
        *,
        one_file_system: bool,
        mounts: Mounts | None = None,
        remember: Remember = lambda mounts: None,
    ) -> None:
        self._source = source
        self._takes = filter.descends
        self._learns = not one_file_system
        self._mounts = mounts or Mounts()
        self._remember = remember
        self._now: Mapping[str, Mounted] = {}
        self.unknown: Mapping[str, Failure] = {}

    def begin(self) -> None:
        """A pass begins: see which places are not what they were."""
        self._now = self._look()
        self.unknown = self._mounts.look(self._now, self._takes, learns=self._learns)

    def remember(self) -> None:
        """Something is about to be written."""
        if self._mounts.changed:
            self._remember(self._mounts)

    def shaken(self) -> dict[str, Failure]:
        """The places where something was mounted or unmounted since `begin`."""
        why = "something was mounted or unmounted here while it was looked at"
        changed = shaken(self._now, self._look())
        return {path: Failure(path, Trouble.STALE, why) for path in changed}

    def settle(self, plan: Plan) -> Plan:
        """The plan without what is to be done in such places."""
        if not (shaken := self.shaken()):
            return plan
        kept, _ = apart(plan.actions, shaken)
        return plan._replace(actions=tuple(kept), failures=(*plan.failures, *shaken.values()))

    def _look(self) -> Mapping[str, Mounted]:
        return self._source.mounted(self._mounts.known, self._takes)


def apart(actions: Sequence[Action], places: Collection[str]) -> tuple[list[Action], list[Action]]:
    """The actions that have nothing to do with the places, and those that do."""
    kept: list[Action] = []
    left: list[Action] = []
    for action in actions:
        (left if concerns(action.path, places) else kept).append(action)
    return kept, left
