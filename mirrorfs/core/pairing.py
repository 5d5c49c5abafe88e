"""Pair the names of one directory on both sides and decide what becomes of each.

Law: everything decided here follows from the two listings, the options and the filter. What
cannot be decided before the whole directory was walked is left to the frame.

What can be true of a name: only in the source (appear), only in the destination (vanish), on both
sides (equal or differ), or of two kinds that cannot replace each other in one step (room must be
made).
"""

from collections.abc import Sequence

from mirrorfs.core.compare import Difference, Verdict, in_doubt, type_changed
from mirrorfs.core.plan import Action, Notice, Stage, Verb
from mirrorfs.core.rules import Rules, nothing_spared
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Entry, Failure, Kind, Listing, Trouble, join
from mirrorfs.core.walk import Batch, Frame, attributes

NEW = "new in the source"
_new = tuple.__new__


class Pairing:
    """One directory's names. After `pair`, ``batch`` holds what was decided and ``children`` the
    directories to walk next."""

    def __init__(self, frame: Frame, rules: Rules, batch: Batch) -> None:
        self._frame = frame
        self._rules = rules
        self._batch = batch
        self._unsure: list[tuple[str, Entry, Entry, Difference]] = []
        self._equal: list[str] = []
        self.children: list[Frame] = []

    def pair(self, theirs: Listing, ours: Listing) -> None:
        """Decide every name that stands in either listing."""
        wanted, found = theirs.entries, ours.entries
        rules, frame = self._rules, self._frame
        compare, file = rules.compare, Kind.FILE
        plain = rules.plain and not rules.doubts
        shares = rules.sharing is not None
        batch = self._batch
        equal = self._equal.append
        short = plain and not rules.unknown and rules.spare is nothing_spared
        put = (batch.later if frame.waits else batch.ready).append
        create, content, made = Verb.CREATE, Stage.CONTENT, False
        for name in sorted(wanted.keys() | found.keys()):
            want, have = wanted.get(name), found.get(name)
            if plain and want and have and want.kind is file and have.kind is file:
                # The one case that is common enough to deserve a short way: a file on both sides.
                if difference := compare(want, have):
                    self._differ(name, want, have, difference)
                elif shares and (want.links > 1 or have.links > 1):
                    self._right(name, want, have)
                else:
                    equal(name)
                continue
            path = join(frame.path, name)
            if short and want and not have and want.kind is file and name not in ours.failures:
                # The one that a first sync consists of.
                if not made:
                    frame.make(batch)
                    frame.touched = made = True
                created = _new(Action, (create, content, path, want, None, NEW, ""))
                if want.links == 1:
                    put(created)
                else:
                    rules.put(batch, created, waits=frame.waits)
                continue
            if rules.unknown and (failure := rules.unknown.get(path)):
                frame.shelters = True
                self._batch.failures.append(failure)
                continue
            if want and (rules.crosses(want) or not rules.includes(path, want)):
                if have and not rules.options.delete_excluded:
                    frame.shelters = True
                    continue
                want = None
            if want and (why := rules.invisible(want)):
                self._batch.notices.append(Notice(path, why))
                want = None
            if name in ours.failures or name in theirs.failures:
                frame.shelters = True
            elif want and have:
                self._both(name, path, want, have)
            elif want:
                self._appear(path, want)
            elif have:
                self._vanish(path, have)
        for failure in theirs.failures.values():
            if rules.may_include(failure):
                self._batch.report(failure)
        if ours.failures:
            frame.shelters = True
            self._batch.failures += ours.failures.values()
        if self._unsure:
            self._settle()
        if self._equal:
            batch.equal = [*batch.equal, *self._equal]

    def respell(self, names: Sequence[str], theirs: Listing, ours: Listing) -> None:
        """Give names of the destination the source's spelling."""
        for name in names:
            want, have = theirs.entries[name], ours.entries[name]
            path = join(self._frame.path, name)
            if self._rules.includes(path, want) and not self._rules.invisible(want):
                assert self._rules.spelling is not None
                origin = join(self._frame.path, self._rules.spelling.name(path))
                self._frame.touched = True
                reason = "spelled differently in the source"
                rename = Action(Verb.RENAME, Stage.RENAME, path, want, have, reason, origin)
                self._batch.later.append(rename)

    def _both(self, name: str, path: str, want: Entry, have: Entry) -> None:
        wants_directory = want.kind is Kind.DIRECTORY
        if wants_directory and have.kind is Kind.DIRECTORY:
            scope = self._frame.scope.below(name)
            if scope is None and self._rules.spelling is not None:
                scope = self._rules.spelling.below(self._frame.scope, name)
            assert scope is not None, "only names of the scope are read"
            child = Frame(path, scope, self._frame, want, have, marked=self._frame.marked)
            if difference := self._rules.compare(want, have):
                child.timed = True
                self._batch.later.append(attributes(path, want, have, difference.reason))
            self.children.append(child)
        elif wants_directory:
            self._make_room(path, want, have)
        elif have.kind is Kind.DIRECTORY:
            self._replace_directory(path, want, have)
        elif difference := self._rules.differ(path, want, have):
            self._differ(name, want, have, difference)
        else:
            self._right(name, want, have)

    def _appear(self, path: str, want: Entry) -> None:
        """In the source only."""
        if want.kind is Kind.DIRECTORY:
            self.children.append(self._new_directory(path, want))
            return
        if self._rules.spare(path, want):
            return
        frame = self._frame
        frame.make(self._batch)
        frame.touched = True
        action = Action(Verb.CREATE, Stage.CONTENT, path, want, None, NEW)
        self._rules.put(self._batch, action, waits=frame.waits)

    def _new_directory(self, path: str, want: Entry) -> Frame:
        create = Action(Verb.CREATE, Stage.DIRECTORIES, path, want, None, NEW)
        frame = self._frame
        return Frame(path, Scope.everything(), frame, want, create=[create], waits=frame.waits)

    def _vanish(self, path: str, have: Entry) -> None:
        """In the destination only."""
        rules, frame = self._rules, self._frame
        if (
            not rules.options.delete
            or frame.marked
            or rules.invisible(have)
            or not (rules.options.delete_excluded or rules.includes(path, have))
        ):
            frame.shelters = True
            return
        stage = Stage.DELETE if frame.doomed is None else frame.doomed
        if have.kind is Kind.DIRECTORY:
            self.children.append(Frame(path, Scope.everything(), frame, None, have, doomed=stage))
            return
        frame.touched = True
        if rules.options.backups_beside:
            frame.shelters = True
        self._batch.later.append(
            Action(Verb.DELETE, stage, path, None, have, "gone from the source")
        )

    def _make_room(self, path: str, want: Entry, have: Entry) -> None:
        """A directory in the source, something else in the destination."""
        if not self._may_remove(path, have):
            return
        child = self._new_directory(path, want)
        child.waits = True
        room = Action(Verb.DELETE, Stage.ROOM, path, None, have, "makes room for a directory")
        child.create.insert(0, room)
        self.children.append(child)

    def _replace_directory(self, path: str, want: Entry, have: Entry) -> None:
        """A directory in the destination, something else in the source."""
        if not self._may_remove(path, have):
            return
        after = Action(
            Verb.CREATE, Stage.CONTENT, path, want, None, "takes the place of a directory"
        )
        self.children.append(
            Frame(
                path,
                Scope.everything(),
                self._frame,
                None,
                have,
                after=after,
                doomed=Stage.ROOM,
            )
        )

    def _may_replace(self, path: str) -> bool:
        """``copy`` never deletes, not even to make room."""
        if self._rules.options.delete:
            return True
        return self._blocked(
            path, "the destination holds another kind of thing here, and copy never deletes"
        )

    def _may_remove(self, path: str, have: Entry) -> bool:
        """The same where a directory is involved: a rule may exclude one kind and not the other."""
        if not self._may_replace(path):
            return False
        if self._rules.options.delete_excluded:
            return True
        if not self._frame.marked and self._rules.includes(path, have):
            return True
        return self._blocked(
            path,
            "excluded content of the destination stands in the way (--delete-excluded removes it)",
        )

    def _blocked(self, path: str, message: str) -> bool:
        self._frame.shelters = True
        self._batch.failures.append(Failure(path, Trouble.UNSUPPORTED, message))
        return False

    def _differ(self, name: str, want: Entry, have: Entry, difference: Difference) -> None:
        """On both sides, and not equal."""
        frame, batch = self._frame, self._batch
        path = join(frame.path, name)
        match difference.verdict:
            case Verdict.UNSURE:
                self._unsure.append((name, want, have, difference))
            case Verdict.ATTRIBUTES:
                self._right(name, want, have, attributes(path, want, have, difference.reason))
            case Verdict.CONTENT:
                if difference is type_changed and not self._may_replace(path):
                    return
                if difference is not in_doubt and self._rules.spare(path, want):
                    return
                frame.touched = True
                update = Action(Verb.UPDATE, Stage.CONTENT, path, want, have, difference.reason)
                self._rules.put(batch, update, waits=True)
            case Verdict.REFUSED:
                batch.failures.append(Failure(path, Trouble.LIMIT, difference.reason))
            case Verdict.KEPT:
                batch.kept.append(Notice(path, difference.reason))

    def _right(self, name: str, want: Entry, have: Entry, action: Action | None = None) -> None:
        """On both sides, of equal content; ``action`` is what is left to do. It may still have to
        become another name of a file, or cease to be one."""
        frame, sharing = self._frame, self._rules.sharing
        several = want.links > 1 or have.links > 1
        if action is not None and have.links > (1 if sharing is None else want.links):
            # One of its names is none of the mirror's business, and would change with it; so it
            # cannot lead the others either.
            frame.touched = True
            reason = f"{action.reason}, and it has other names"
            update = Action(Verb.UPDATE, Stage.CONTENT, action.path, want, have, reason)
            self._rules.put(self._batch, update, waits=True)
            return
        if sharing is not None and several and want.kind is not Kind.DIRECTORY:
            path = join(frame.path, name)
            if (instead := sharing.keep(path, want, have)) is not None:
                frame.touched = True
                if instead.stage is Stage.LINKS:
                    self._batch.later.append(instead)
                else:
                    self._rules.put(self._batch, instead, waits=True)
                return
        if action is None:
            self._equal.append(name)
        else:
            self._batch.later.append(action)

    def _settle(self) -> None:
        """Let the content decide where the entries cannot."""
        unsure, self._unsure = self._unsure, []
        answers = self._rules.same_content(self._frame.path, [name for name, *_ in unsure])
        for name, want, have, difference in unsure:
            same = answers[name]
            if isinstance(same, Failure):
                self._batch.report(same)
                continue
            decided: Difference | None
            if same:
                decided = difference.otherwise
            elif self._rules.options.immutable:
                decided = Difference(Verdict.REFUSED, "immutable file modified")
            else:
                decided = Difference(Verdict.CONTENT, difference.reason)
            if decided is not None:
                self._differ(name, want, have, decided)
            else:
                self._right(name, want, have)
