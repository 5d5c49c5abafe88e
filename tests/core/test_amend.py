"""A plan that is amended shows the same future as one made anew."""

from hypothesis import assume, given
from support.history import History, histories
from support.mirroring import ARCHIVE, full, mirror

from mirrorfs.core.amend import amend
from mirrorfs.core.filter import EVERYTHING
from mirrorfs.core.fold import fold
from mirrorfs.core.preview import Preview, Shown, Side
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Kind, join
from mirrorfs.trees.memory import MemoryTree


def future(preview, destination, directory=""):
    """Every path with what will be there, and where its content comes from."""
    place = preview.where(directory)
    new = isinstance(place, Shown) and place.side is Side.NEITHER
    now = {} if new else destination.read(place.path).entries
    for name, shown in preview.after(directory, now).items():
        path = join(directory, name)
        entry = shown.entry._replace(inode=0, ctime_ns=0, device=0, links=1)
        yield path, (entry, shown.side if entry.kind is Kind.FILE else None, shown.path)
        if entry.is_directory:
            yield from future(preview, destination, path)


@given(before=histories, pending=histories, history=histories)
def test_amended_or_made_anew(before, pending, history):
    source, destination = MemoryTree(ARCHIVE), MemoryTree(ARCHIVE)
    past = History(source).play(before)
    assume(not full(source, destination, ARCHIVE, EVERYTHING).failures)
    past.play(pending)
    plan = mirror(source, destination, ARCHIVE, EVERYTHING).plan(Scope.everything())
    past.changes.clear()
    folded = fold(past.play(history).changes)
    assume(not folded.hints and not folded.scope.is_everything)

    part = mirror(source, destination, ARCHIVE, EVERYTHING).plan(folded.scope)
    amended = amend(plan, folded.scope, part)
    assume(amended is not None)
    anew = mirror(source, destination, ARCHIVE, EVERYTHING).plan(Scope.everything())

    shown = dict(future(Preview(amended.actions, ARCHIVE), destination))
    assert shown == dict(future(Preview(anew.actions, ARCHIVE), destination))
    assert {action.path for action in anew.actions} <= {action.path for action in amended.actions}
