"""Which names of the destination must be one file, and which must not: hard links, as in rsync -H.

Law: a group is the names of one source file that are in the mirror. Where one of them is right on
the destination it leads, else the first that is to be written; every other name is made a further
name of the leader's file. A file of the destination never serves two files of the source: setting
the attributes of one would set the other's.

What is to be written waits here until the group is whole (as many names as the file has) or the
walk is over; what is right is decided at once, so only changes and one record per group are held.
"""

from collections.abc import Iterator

from mirrorfs.core.links import Inode
from mirrorfs.core.plan import Action, Stage, Verb
from mirrorfs.core.record import field, mutable
from mirrorfs.core.tree import Entry, Kind

Decided = tuple[Action, bool]  # and whether it waits until everything was read


@mutable
class Group:
    """``place``: the leader's file on the destination, where that is right already."""

    leader: str = ""
    place: Inode | None = None
    met: int = 0
    held: list[Decided] = field(default_factory=list)


class Sharing:
    """Of one walk; ``whole``: over everything."""

    def __init__(self) -> None:
        self.whole = True
        self._groups: dict[Inode, Group] = {}
        self._serves: dict[Inode, Inode] = {}  # file of the destination → file of the source

    def keep(self, path: str, want: Entry, have: Entry) -> Action | None:
        """What must be done although the content is right; ``None`` when it may stay as it is."""
        source, place = (want.device, want.inode), (have.device, have.inode)
        if have.links > 1:
            # Of a part of the tree not all names are seen that may share the file.
            stranger = not self.whole and have.links > want.links
            if stranger or self._serves.setdefault(place, source) != source:
                reason = "it must not share its content with another name"
                return Action(Verb.UPDATE, Stage.CONTENT, path, want, have, reason)
        if want.links == 1:
            return None
        group = self._groups.setdefault(source, Group())
        group.met += 1
        if not group.leader:
            group.leader, group.place = path, place
        if group.place == place:
            return None
        reason = f"another name of {group.leader}"
        return Action(Verb.UPDATE, Stage.LINKS, path, want, have, reason, group.leader)

    def put(self, action: Action, waits: bool) -> Iterator[Decided]:
        """Decide who is written and who is linked, as far as that can be told now."""
        want = action.want
        if want is None or want.kind is Kind.DIRECTORY or want.links == 1:
            yield action, waits
            return
        group = self._groups.setdefault((want.device, want.inode), Group())
        group.met += 1
        group.held.append((action, waits))
        if group.met >= want.links:
            yield from _decided(group)

    def rest(self) -> Iterator[Decided]:
        """What is left when the walk is over."""
        for group in self._groups.values():
            yield from _decided(group)


def _decided(group: Group) -> Iterator[Decided]:
    held, group.held = group.held, []
    for action, waits in held:
        if group.leader:
            reason = f"another name of {group.leader}"
            linked = action._replace(stage=Stage.LINKS, origin=group.leader, reason=reason)
            yield linked, True
        else:
            group.leader = action.path
            yield action, waits
