"""Reconcile two trees within a scope: read them pair by pair and say what would make them equal.

Law: one walk serves every case. A replay, a subtree, a full comparison differ only in the scope
they are given. At no time is more held than the directories between the root and the place of
reading.

Strategy, for each directory of the scope:
1. read it on both sides (only the names of the scope, unless the scope is deep here);
2. decide name by name; a directory that exists on one side only is read deeply there, or its
   children would be missed;
3. descend; when all below is done, decide what could not be known before: whether a directory goes
   (it stays while it shelters something that must not go), and whether its times must be restored.

Names of one file are looked at together (`mirrorfs.core.links`): what the walk did not meet of them
is walked right after it.

What bulk copies left (`mirrorfs.core.bulk`) is walked as soon as that is known.

A directory of the source that cannot be read has unknown children, not absent ones: nothing below
it is touched.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence

from mirrorfs.core.bulk import Bulk, Bulking, bulks
from mirrorfs.core.checking import Checking
from mirrorfs.core.pairing import Pairing
from mirrorfs.core.plan import DELETE_LAST, Action, Notice, Plan, Stage, Verb, in_stages
from mirrorfs.core.quick import Quick
from mirrorfs.core.rules import Rules
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Failure, Listing, Reader, TreeError, Trouble, join
from mirrorfs.core.walk import VANISHED, Batch, Frame, attributes

# A directory's times are to be restored after what happens in it; by itself it does not differ.
CONTENT_CHANGES = "its content changes"


class Reconciler:
    """One walk over two trees; see the module's strategy."""

    def __init__(self, source: Reader, destination: Reader, rules: Rules) -> None:
        self._source = source
        self._destination = destination
        self._options = rules.options
        self._markers = rules.filter.markers
        self._rules = rules
        self._checking = Checking(rules)
        self._bulking = Bulking(rules)
        self._bulks: deque[tuple[Frame, Bulk]] = deque()  # on their way

    def walk(self, scope: Scope, touched: Collection[str] = ()) -> Iterator[Batch]:
        """The decisions, directory by directory, parents before children.

        ``touched``: directories in which renames planned before will come or go. Raises TreeError
        for a root that cannot be read.
        """
        names = self._rules.names
        names.begin(whole=scope.is_everything)
        if self._rules.sharing is not None:
            self._rules.sharing.whole = scope.is_everything
        timed: set[str] = set()
        for batch in self._walk(scope, touched):
            timed.update(action.path for action in batch.later if _is_timed(action))
            yield batch
        while others := names.others():
            for batch in self._walk(Scope.of(others), ()):
                # The directories on the way there may have been walked before.
                batch.later = [
                    action
                    for action in batch.later
                    if not (_is_timed(action) and action.path in timed)
                ]
                timed.update(action.path for action in batch.later if _is_timed(action))
                yield batch
        names.end()
        if (sharing := self._rules.sharing) is not None and not names.blind:
            batch = Batch("")
            for action, waits in sharing.rest():
                (batch.later if waits else batch.ready).append(action)
            yield batch

    def _walk(self, scope: Scope, touched: Collection[str]) -> Iterator[Batch]:
        root = Frame("", scope, None, self._source.root(), self._destination.root())
        if self._options.one_file_system and root.want is not None:
            self._rules.device = root.want.device
        yield self._compare_roots(root)
        yield from self._descend(root, touched)
        while self._bulks:
            yield Batch("", settles=True)
            yield from self._left()

    def _left(self) -> Iterator[Batch]:
        """What was left of the bulks that are settled."""
        while self._bulks and self._bulks[0][1].settled:
            frame, bulk = self._bulks.popleft()
            self._bulking.heard(bulk)
            self._rules.names.saw(bulk.path, bulk.names, {})
            if bulk.left:
                scope = Scope.of(bulk.left)
                yield from self._descend(
                    Frame(bulk.path, scope, None, frame.want, timed=True, again=True)
                )

    def _descend(self, top: Frame, touched: Collection[str] = ()) -> Iterator[Batch]:
        stack = [top]
        while stack:
            if not top.again:
                yield from self._left()
            frame = stack[-1]
            if frame.entered:
                stack.pop()
                batch = Batch(frame.path)
                self._leave(frame, batch)
                if batch.later or batch.failures:
                    yield batch
            else:
                frame.entered = True
                frame.touched = frame.touched or frame.path in touched
                batch = Batch(frame.path)
                quick = self._checking.of(stack)
                stack.extend(reversed(self._enter(frame, batch, quick)))
                yield batch

    def _compare_roots(self, root: Frame) -> Batch:
        """The root's own attributes belong to a mirror, and not to rclone's kind of sync."""
        batch = Batch("")
        assert root.want is not None
        assert root.found is not None
        difference = self._rules.compare(root.want, root.found)
        if difference and self._options.empty_directories:
            root.timed = True
            batch.later.append(attributes("", root.want, root.found, difference.reason))
        return batch

    def _enter(self, frame: Frame, batch: Batch, quick: Quick | None) -> list[Frame]:
        if not frame.scope.deep and any(frame.scope.below(name) for name in self._markers):
            # Without its marker the directory is part of the mirror again, with all it holds.
            frame.scope = Scope.everything()
        names = wanted = frame.scope.names()
        spelling = self._rules.spelling
        if spelling is not None and names is not None and not frame.again and spelling.loose(names):
            names = None  # what is asked for may stand there under another spelling
        if quick is not None:
            names, batch.equal = [*quick.fresh, *quick.rest], quick.equal
            batch.source_entries = batch.destination_entries = len(quick.equal) + quick.left_out
            if not names and not quick.theirs:
                self._rules.names.saw(frame.path, None, {})
                return []
        theirs = ours = Listing({})
        told = False
        files: Sequence[str] = ()
        opens = self._rules.filter.descends(frame.path)
        if frame.want is not None and not opens and not self._options.delete_excluded:
            # As deep as --max-depth goes: the directory is part of the mirror, nothing in it is.
            frame.shelters = True
            if self._options.empty_directories:
                frame.make(batch)
            return []
        if frame.want is not None and opens:
            try:
                if (found := self._bulking.of(frame, quick)) is not None:
                    files, names = found
                    wanted = names if quick is None else None
                told = names is not None and not names and (quick is not None or bool(files))
                if not told:
                    theirs = self._source.read(frame.path, names)
                marked = self._marked(self._source, frame, theirs)
            except TreeError as error:
                if not frame.path:
                    raise
                frame.shelters = True
                batch.report(error.failure)
                return []
            if marked:
                frame.shelters = True
                return []
        if frame.found is not None and not told:
            try:
                # What the source lacks can only go: of that no attributes are compared.
                bare = not theirs.entries and not self._rules.tracks
                ours = self._destination.read(frame.path, names, bare=bare)
                if not self._options.delete_excluded:
                    frame.marked |= self._marked(self._destination, frame, ours)
            except TreeError as error:
                if not frame.path:
                    raise
                if error.trouble is not Trouble.ABSENT or frame.want is not None:
                    frame.shelters = True
                    frame.after = None
                    batch.failures.append(error.failure)
                return []
            if frame.marked and frame.want is None:
                frame.shelters = True
                return []
        if quick is not None:
            theirs = theirs._replace(entries={**quick.theirs, **theirs.entries})
            ours = ours._replace(entries={**quick.ours, **ours.entries})
        if self._options.empty_directories:
            frame.make(batch)
        respelled: list[str] = []
        if spelling is not None and wanted is not None and names is None:
            theirs, ours = spelling.within(theirs, wanted), spelling.within(ours, wanted)
        self._rules.names.saw(frame.path, wanted, theirs.entries)
        if self._rules.lost is not None:
            batch.notices += self._rules.lost.notices(frame.path, theirs.entries)
        if spelling is not None and (matched := spelling.match(frame.path, theirs, ours)):
            theirs, ours, respelled, notices, sheltered = matched
            batch.notices += notices
            frame.shelters |= sheltered
        if frame.again:
            for name in names or ():
                if name not in theirs.entries and name not in theirs.failures:
                    batch.report(Failure(join(frame.path, name), Trouble.ABSENT, VANISHED))
        else:
            batch.source_entries += len(theirs.entries) + len(files)
        batch.destination_entries += len(ours.entries)
        pairing = Pairing(frame, self._rules, batch)
        if respelled and spelling is not None and spelling.fixes:
            pairing.respell(respelled, theirs, ours)
        pairing.pair(theirs, ours)
        if files:
            frame.make(batch)
            frame.touched = True
            batch.bulks = bulks(frame.path, files)
            self._bulks.extend((frame, bulk) for bulk in batch.bulks)
        return pairing.children

    def _marked(self, reader: Reader, frame: Frame, listing: Listing) -> bool:
        """Whether a marker file excludes the directory (--exclude-if-present)."""
        if not self._markers:
            return False
        present = listing.entries
        if not frame.scope.deep:
            present = reader.read(frame.path, self._markers).entries
        return self._rules.filter.marked(present)

    def _leave(self, frame: Frame, batch: Batch) -> None:
        """What only the whole directory can tell: whether it goes, and whether its times must be
        restored."""
        parent = frame.parent
        if frame.doomed is not None and parent is not None:
            if frame.shelters:
                parent.shelters = True
                if frame.after is not None:
                    batch.failures.append(
                        Failure(
                            frame.path,
                            Trouble.UNSUPPORTED,
                            "a directory of the destination stands in the way and holds "
                            "excluded content (--delete-excluded removes it)",
                        )
                    )
                return
            parent.touched = True
            reason = "makes room" if frame.after else "gone from the source"
            batch.later.append(
                Action(Verb.DELETE, frame.doomed, frame.path, None, frame.found, reason)
            )
            if frame.after is not None:
                self._rules.put(batch, frame.after, waits=True)
        elif parent is not None and (room := self._room_left(frame)):
            parent.touched = True
            batch.later.append(room)
        elif (
            frame.want is not None
            and frame.touched
            and not frame.timed
            and self._options.directory_times
            and (frame.path or self._options.empty_directories)
        ):
            batch.later.append(attributes(frame.path, frame.want, frame.found, CONTENT_CHANGES))

    def _room_left(self, frame: Frame) -> Action | None:
        """What was to make room for a directory that is not made, because nothing would be in it:
        it is gone from the source all the same."""
        if not frame.create or frame.create[0].verb is not Verb.DELETE or frame.shelters:
            return None
        room = frame.create[0]
        if room.expect is None or self._rules.invisible(room.expect):
            return None
        return room._replace(stage=Stage.DELETE, reason="gone from the source")


def _is_timed(action: Action) -> bool:
    return action.stage is Stage.DIRECTORY_ATTRIBUTES


def reconcile(source: Reader, destination: Reader, scope: Scope, rules: Rules) -> Plan:
    """The whole plan at once, for callers that want to see everything before anything moves."""
    return gather(Reconciler(source, destination, rules).walk(scope))


def gather(
    batches: Iterable[Batch],
    before: Iterable[Action] = (),
    order: Sequence[Stage] = DELETE_LAST,
) -> Plan:
    """All batches as one plan, its stages in ``order``; ``before``: actions decided earlier."""
    actions: list[Action] = list(before)
    failures: list[Failure] = []
    notices: list[Notice] = []
    source_entries = destination_entries = 0
    for batch in batches:
        actions += batch.ready
        actions += batch.later
        failures += batch.failures
        notices += batch.notices
        source_entries += batch.source_entries
        destination_entries += batch.destination_entries
    ordered = tuple(action for _, stage in in_stages(actions, order) for action in stage)
    return Plan(ordered, tuple(failures), tuple(notices), source_entries, destination_entries)
