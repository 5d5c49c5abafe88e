"""Reconcile two trees within a scope: read them pair by pair and say what would make them equal.

Law: one walk serves every case. A replay, a subtree, a full comparison differ only in the scope they
are given. At no time is more held than the directories between the root and the place of reading.

Strategy, for each directory of the scope:
1. read it on both sides (only the names of the scope, unless the scope is deep here);
2. decide name by name; a directory that exists on one side only is read deeply there, or its
   children would be missed;
3. descend; when all below is done, decide what could not be known before: whether a directory goes
   (it stays while it shelters something that must not go), and whether its times must be restored.

A directory of the source that cannot be read has unknown children, not absent ones: nothing below it
is touched.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from mirrorfs.core.compare import Difference, Verdict, comparer, type_changed
from mirrorfs.core.filter import Filter
from mirrorfs.core.options import Links, Options
from mirrorfs.core.plan import Action, Notice, Plan, Stage, Verb
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import (
    Entry,
    Failure,
    Kind,
    Listing,
    Reader,
    TreeError,
    Trouble,
    join,
)

SameContent = Callable[[str, Sequence[str]], dict[str, bool | Failure]]


class Batch(NamedTuple):
    """What one directory gave. ``ready``: nothing existing is touched and nothing must happen
    before, but the batches before this one; ``later``: waits until everything was read and weighed.
    """

    path: str
    ready: list[Action]
    later: list[Action]
    failures: list[Failure]
    notices: list[Notice]
    source_entries: int
    destination_entries: int


@dataclass(slots=True)
class _Frame:
    """A directory being walked, on the side(s) where it exists."""

    path: str
    scope: Scope
    parent: "_Frame | None"
    want: Entry | None = None  # the source's directory
    found: Entry | None = None  # the destination's
    create: list[Action] = field(default_factory=list)  # to be done before anything inside
    after: Action | None = None  # what takes the place once the destination's directory is gone
    doomed: Stage | None = None  # the destination's directory goes, in this stage
    shelters: bool = False  # holds something of the destination that must stay
    touched: bool = False  # names inside come or go: its time must be restored
    timed: bool = False  # its attributes are being set anyway
    waits: bool = False  # something must make room first
    entered: bool = False


class Reconciler:
    """One walk over two trees; see the module's strategy. ``same_content`` answers, for names in a
    directory whose entries cannot tell, whether the contents are equal."""

    def __init__(
        self,
        source: Reader,
        destination: Reader,
        *,
        options: Options,
        filter: Filter,
        same_content: SameContent,
    ) -> None:
        self._source = source
        self._destination = destination
        self._options = options
        self._filter = filter
        self._same_content = same_content
        self._compare = comparer(options)
        self._plain = filter.is_everything

    def walk(self, scope: Scope) -> Iterator[Batch]:
        """The decisions, directory by directory, parents before children. Raises TreeError for a root
        that cannot be read."""
        root = _Frame("", scope, None, self._source.root(), self._destination.root())
        assert root.want is not None and root.found is not None
        batch = Batch("", [], [], [], [], 0, 0)
        if self._options.empty_directories and (difference := self._compare(root.want, root.found)):
            root.timed = True
            batch.later.append(_attributes("", root.want, root.found, difference.reason))
        yield batch
        stack = [root]
        while stack:
            frame = stack[-1]
            if frame.entered:
                stack.pop()
                yield from self._leave(frame)
            else:
                frame.entered = True
                children, batch = self._enter(frame)
                yield batch
                stack.extend(reversed(children))

    def _enter(self, frame: _Frame) -> tuple[list[_Frame], Batch]:
        batch = Batch(frame.path, [], [], [], [], 0, 0)
        names = frame.scope.names()
        theirs = Listing({})
        if frame.want is not None:
            try:
                theirs = self._source.read(frame.path, names)
            except TreeError as error:
                frame.shelters = True
                self._report(batch, error.failure)
                return [], batch
            if self._filter.markers and self._marked(frame, theirs):
                self._exclude(frame)
                return [], batch
        ours = Listing({})
        if frame.found is not None:
            try:
                ours = self._destination.read(frame.path, names)
            except TreeError as error:
                frame.shelters = True
                if error.trouble is not Trouble.ABSENT or frame.want is not None:
                    batch.failures.append(error.failure)
                return [], batch
        if self._options.empty_directories:
            self._flush_creates(frame, batch)
        children = self._pair(frame, theirs, ours, batch)
        return children, batch._replace(
            source_entries=len(theirs.entries), destination_entries=len(ours.entries)
        )

    def _pair(self, frame: _Frame, theirs: Listing, ours: Listing, batch: Batch) -> list[_Frame]:
        """Decide every name of a directory; the directories to descend into are returned."""
        children: list[_Frame] = []
        unsure: list[tuple[str, Entry, Entry, Difference]] = []
        wanted, found = theirs.entries, ours.entries
        compare, plain = self._compare, self._plain
        directory = Kind.DIRECTORY
        for name in sorted(wanted.keys() | found.keys()):
            want, have = wanted.get(name), found.get(name)
            if (
                plain
                and want is not None
                and have is not None
                and want.kind is Kind.FILE
                and have.kind is Kind.FILE
            ):
                difference = compare(want, have)
                if difference is not None:
                    self._differ(frame, name, want, have, difference, batch, unsure)
                continue
            path = join(frame.path, name)
            if want is not None and not self._wants(path, want, batch):
                if not self._is_ignored(want):
                    if have is not None and not self._options.delete_excluded:
                        frame.shelters = True
                        continue
                want = None
            if want is None:
                if have is not None:
                    if name in theirs.failures:
                        frame.shelters = True
                    else:
                        self._vanish(frame, name, path, have, batch, children)
                continue
            if name in ours.failures:
                batch.failures.append(ours.failures[name])
                frame.shelters = True
            elif have is None:
                self._appear(frame, path, name, want, batch, children)
            elif want.kind is directory and have.kind is directory:
                child = _Frame(path, _scope(frame, name), frame, want, have, waits=frame.waits)
                if difference := compare(want, have):
                    child.timed = True
                    batch.later.append(_attributes(path, want, have, difference.reason))
                children.append(child)
            elif want.kind is directory:
                self._make_room(frame, path, name, want, have, batch, children)
            elif have.kind is directory:
                self._replace_directory(frame, path, name, want, have, batch, children)
            elif difference := compare(want, have):
                self._differ(frame, name, want, have, difference, batch, unsure)
        for failure in theirs.failures.values():
            self._report(batch, failure)
        if unsure:
            self._settle(frame, unsure, batch)
        return children

    # What can be true of one name

    def _wants(self, path: str, want: Entry, batch: Batch) -> bool:
        """Whether the source's entry is part of the mirror."""
        kind = want.kind
        if kind is Kind.DIRECTORY:
            return self._plain or self._filter.descends(path)
        if not self._plain and not self._filter.includes(
            path, size=want.size if kind is Kind.FILE else -1, mtime_ns=want.mtime_ns
        ):
            return False
        if kind is Kind.SYMLINK and self._options.links is Links.SKIP:
            batch.notices.append(Notice(path, "Can't follow symlink without -L/--copy-links"))
            return False
        if kind > Kind.SYMLINK and not self._options.specials:
            batch.notices.append(Notice(path, "Can't transfer non file/directory"))
            return False
        return True

    def _is_ignored(self, entry: Entry) -> bool:
        """Links and special files that are not mirrored do not exist, on either side (rclone)."""
        if entry.kind is Kind.SYMLINK:
            return self._options.links is Links.SKIP
        return entry.kind > Kind.SYMLINK and not self._options.specials

    def _appear(
        self,
        frame: _Frame,
        path: str,
        name: str,
        want: Entry,
        batch: Batch,
        children: list[_Frame],
    ) -> None:
        """In the source only."""
        if want.kind is Kind.DIRECTORY:
            children.append(self._new_directory(frame, path, want))
            return
        self._flush_creates(frame, batch)
        frame.touched = True
        action = Action(Verb.CREATE, Stage.CONTENT, path, want, None, "new in the source")
        (batch.later if frame.waits else batch.ready).append(action)

    def _new_directory(self, frame: _Frame, path: str, want: Entry) -> _Frame:
        create = Action(Verb.CREATE, Stage.DIRECTORIES, path, want, None, "new in the source")
        return _Frame(path, Scope.everything(), frame, want, create=[create], waits=frame.waits)

    def _make_room(
        self,
        frame: _Frame,
        path: str,
        name: str,
        want: Entry,
        have: Entry,
        batch: Batch,
        children: list[_Frame],
    ) -> None:
        """A directory in the source, something else in the destination."""
        if not self._may_delete(path, have, batch, frame):
            return
        child = self._new_directory(frame, path, want)
        child.waits = True
        child.create.insert(
            0, Action(Verb.DELETE, Stage.ROOM, path, None, have, "makes room for a directory")
        )
        children.append(child)

    def _replace_directory(
        self,
        frame: _Frame,
        path: str,
        name: str,
        want: Entry,
        have: Entry,
        batch: Batch,
        children: list[_Frame],
    ) -> None:
        """A directory in the destination, something else in the source."""
        if not self._may_delete(path, have, batch, frame):
            return
        child = _Frame(path, Scope.everything(), frame, None, have, doomed=Stage.ROOM)
        child.after = Action(
            Verb.CREATE, Stage.CONTENT, path, want, None, "takes a directory's place"
        )
        children.append(child)

    def _may_delete(self, path: str, have: Entry, batch: Batch, frame: _Frame) -> bool:
        """``copy`` never deletes, not even to make room."""
        if self._options.delete:
            return True
        frame.shelters = True
        batch.failures.append(
            Failure(
                path,
                Trouble.UNSUPPORTED,
                "another kind of thing is in the way at the destination, and copy never deletes",
            )
        )
        return False

    def _vanish(
        self,
        frame: _Frame,
        name: str,
        path: str,
        have: Entry,
        batch: Batch,
        children: list[_Frame],
    ) -> None:
        """In the destination only."""
        options = self._options
        if not options.delete or self._is_ignored(have):
            frame.shelters = True
            return
        stage = frame.doomed or Stage.DELETE
        if have.kind is Kind.DIRECTORY:
            if not (self._plain or options.delete_excluded or self._filter.descends(path)):
                frame.shelters = True
                return
            children.append(_Frame(path, Scope.everything(), frame, None, have, doomed=stage))
            return
        if not (self._plain or options.delete_excluded) and not self._filter.includes(
            path, size=have.size if have.kind is Kind.FILE else -1, mtime_ns=have.mtime_ns
        ):
            frame.shelters = True
            return
        frame.touched = True
        reason = "gone from the source" if stage is Stage.DELETE else "makes room"
        batch.later.append(Action(Verb.DELETE, stage, path, None, have, reason))

    def _differ(
        self,
        frame: _Frame,
        name: str,
        want: Entry,
        have: Entry,
        difference: Difference,
        batch: Batch,
        unsure: list[tuple[str, Entry, Entry, Difference]],
    ) -> None:
        """On both sides, and not equal."""
        path = join(frame.path, name)
        match difference.verdict:
            case Verdict.UNSURE:
                unsure.append((name, want, have, difference))
            case Verdict.ATTRIBUTES:
                batch.later.append(_attributes(path, want, have, difference.reason))
            case Verdict.CONTENT:
                if difference is type_changed and not self._may_delete(path, have, batch, frame):
                    return
                frame.touched = True
                batch.later.append(
                    Action(Verb.UPDATE, Stage.CONTENT, path, want, have, difference.reason)
                )
            case Verdict.REFUSED:
                batch.failures.append(Failure(path, Trouble.LIMIT, difference.reason))
            case Verdict.KEPT:
                batch.notices.append(Notice(path, f"kept: {difference.reason}"))

    def _settle(
        self,
        frame: _Frame,
        unsure: list[tuple[str, Entry, Entry, Difference]],
        batch: Batch,
    ) -> None:
        """Let the content decide where the entries cannot."""
        answers = self._same_content(frame.path, [name for name, *_ in unsure])
        for name, want, have, difference in unsure:
            same = answers[name]
            if isinstance(same, Failure):
                self._report(batch, same)
                continue
            decided: Difference | None = difference._replace(verdict=Verdict.CONTENT)
            if same:
                decided = difference.otherwise
            elif self._options.immutable:
                decided = Difference(Verdict.REFUSED, "immutable file modified")
            if decided is not None:
                self._differ(frame, name, want, have, decided, batch, [])

    # Leaving a directory

    def _leave(self, frame: _Frame) -> Iterator[Batch]:
        """What only the whole directory can tell."""
        parent = frame.parent
        actions: list[Action] = []
        failures: list[Failure] = []
        if frame.doomed is not None and frame.found is not None and parent is not None:
            if frame.shelters:
                parent.shelters = True
                if frame.after is not None:
                    failures.append(
                        Failure(
                            frame.path,
                            Trouble.UNSUPPORTED,
                            "the destination's directory cannot be replaced: it holds content "
                            "that is excluded (--delete-excluded removes it)",
                        )
                    )
            else:
                parent.touched = True
                reason = "gone from the source" if frame.after is None else "makes room"
                actions.append(
                    Action(Verb.DELETE, frame.doomed, frame.path, None, frame.found, reason)
                )
                if frame.after is not None:
                    actions.append(frame.after)
        elif (
            frame.want is not None
            and frame.touched
            and not frame.timed
            and self._options.directory_times
            and (frame.path or self._options.empty_directories)
        ):
            actions.append(_attributes(frame.path, frame.want, frame.found, "its content changes"))
        if actions or failures:
            yield Batch(frame.path, [], actions, failures, [], 0, 0)

    def _flush_creates(self, frame: _Frame, batch: Batch) -> None:
        """Plan the directories that must exist before something is put into this one."""
        if not frame.create:
            return
        waiting: list[_Frame] = []
        climbing: _Frame | None = frame
        while climbing is not None and climbing.create:
            waiting.append(climbing)
            climbing = climbing.parent
        if climbing is not None:
            climbing.touched = True
        for made in reversed(waiting):
            (batch.later if made.waits else batch.ready).extend(made.create)
            made.create = []
            made.touched = True

    def _report(self, batch: Batch, failure: Failure) -> None:
        """Something of the source that vanished while we looked is normal on a live tree."""
        if failure.trouble is Trouble.ABSENT:
            batch.notices.append(Notice(failure.path, "vanished while it was looked at"))
        else:
            batch.failures.append(failure)

    # Directories excluded by a marker file inside them (--exclude-if-present)

    def _marked(self, frame: _Frame, theirs: Listing) -> bool:
        present = theirs.entries
        if not frame.scope.deep:
            present = self._source.read(frame.path, self._filter.markers).entries
        return self._filter.marked(present)

    def _exclude(self, frame: _Frame) -> None:
        frame.create = []
        frame.shelters = True


def reconcile(
    source: Reader,
    destination: Reader,
    scope: Scope,
    *,
    options: Options,
    filter: Filter,
    same_content: SameContent,
) -> Plan:
    """The whole plan at once; for callers that want to see everything before anything moves."""
    walk = Reconciler(
        source, destination, options=options, filter=filter, same_content=same_content
    ).walk(scope)
    return gather(walk)


def gather(batches: Iterator[Batch]) -> Plan:
    """All batches as one plan."""
    actions: list[Action] = []
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
    ordered = [action for _, stage in Plan(tuple(actions)).stages() for action in stage]
    return Plan(
        tuple(ordered), tuple(failures), tuple(notices), source_entries, destination_entries
    )


def _scope(frame: _Frame, name: str) -> Scope:
    below = frame.scope.below(name)
    assert below is not None, "only names of the scope are read"
    return below


def _attributes(path: str, want: Entry, found: Entry | None, reason: str) -> Action:
    stage = Stage.DIRECTORY_ATTRIBUTES if want.kind is Kind.DIRECTORY else Stage.ATTRIBUTES
    return Action(Verb.ATTRIBUTES, stage, path, want, found, reason)
