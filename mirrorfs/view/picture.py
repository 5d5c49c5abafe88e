"""One plan, laid over what lies there now: everything the view shows, at one moment.

Law: immutable but for what lies on the disks. Answers may read a directory, so they are asked for
in threads; `Picture.sits_still` tells which never do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mirrorfs.core.guard import Refusal
from mirrorfs.core.options import Options
from mirrorfs.core.plan import Action, Plan, Verb
from mirrorfs.core.preview import Preview, Shown, Side, Untouched
from mirrorfs.core.tree import Entry, Kind, TreeError, Trouble
from mirrorfs.view.places import VERBS, Area, Place, fixed
from mirrorfs.view.trees import Trees

DIRECTORY_MODE = 0o755
_NOTHING: Mapping[str, Entry] = {}


@dataclass(frozen=True)
class Picture:
    """``why`` is what was compared for the plan; ``made_ns`` when, wall clock; ``bare``: the
    destination is yet to be made; ``owner`` the (uid, gid) that directories have which only the
    view makes up."""

    plan: Plan
    why: str
    refusal: Refusal | None
    options: Options
    trees: Trees
    made_ns: int
    bare: bool = False
    owner: tuple[int, int] = field(default=(0, 0))

    @cached_property
    def preview(self) -> Preview:
        return Preview(self.plan.actions, self.options)

    @property
    def made_up(self) -> Entry:
        """A directory that stands on no disk."""
        uid, gid = self.owner
        return Entry(Kind.DIRECTORY, 0, self.made_ns, DIRECTORY_MODE, uid, gid)

    def sits_still(self, place: Place) -> bool:
        """Whether the answers about a place come from the plan alone."""
        return place.area is not Area.AFTER or self.preview.made_up(place.path)

    def look(self, place: Place) -> Shown | None:
        """What is at a place; documents are not the picture's. Raises TreeError, MirrorError."""
        if place.area is Area.AFTER:
            return self._after(place.path)
        if fixed(place) is not None or not place.path:
            return self._made_up()
        directory, _, name = place.path.rpartition("/")
        actions = self.preview.pending(VERBS[place.area], directory)
        if name not in actions:
            return None
        return self._pending(actions[name])

    def list(self, place: Place) -> dict[str, Shown]:
        """What a directory of the view holds, without documents. Raises TreeError, MirrorError."""
        if place.area is Area.AFTER:
            return self._listed_after(place.path)
        if (names := fixed(place)) is not None:
            return {
                name: self._made_up()
                for name, below in names.items()
                if below.area is not Area.DOCUMENT
            }
        actions = self.preview.pending(VERBS[place.area], place.path)
        return {name: self._pending(action) for name, action in actions.items()}

    def reasons(self, place: Place) -> tuple[Action, ...]:
        """The actions that concern a place: in ``pending`` those of its verb alone."""
        if place.area is Area.AFTER:
            return self.preview.reasons(place.path)
        if (verb := VERBS.get(place.area)) is None:
            return ()
        return tuple(
            action
            for action in self.preview.reasons(place.path)
            if action.verb is verb and action.path == place.path
        )

    def _after(self, path: str) -> Shown | None:
        shown = self.preview.where(path)
        if shown is None:
            return None
        if isinstance(shown, Shown):
            return shown
        if self.bare:
            return None if shown.path else self._made_up()
        entry = self.trees.look(Side.DESTINATION, shown.path)
        return None if entry is None else Shown(entry, Side.DESTINATION, shown.path)

    def _listed_after(self, path: str) -> dict[str, Shown]:
        place = self.preview.where(path)
        if place is None:
            return {}
        now = _NOTHING
        if not self.bare and (isinstance(place, Untouched) or place.side is Side.DESTINATION):
            try:
                now = self.trees.list(Side.DESTINATION, place.path).entries
            except TreeError as error:
                if error.trouble is not Trouble.ABSENT:
                    raise
        return self.preview.after(path, now)

    def _pending(self, action: Action | None) -> Shown:
        """What stands for an action: what is there now, but for what is new."""
        if action is None:
            return self._made_up()
        if action.verb is Verb.CREATE and action.want is not None:
            side = Side.NEITHER if action.want.is_directory else Side.SOURCE
            return Shown(action.want.yet_to_be(), side, action.path)
        place = action.origin if action.verb is Verb.RENAME else action.path
        if action.expect is None:  # a plan that does not say what it found
            return self._made_up()
        return Shown(action.expect, Side.DESTINATION, place)

    def _made_up(self) -> Shown:
        return Shown(self.made_up, Side.NEITHER, "")
