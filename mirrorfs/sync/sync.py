"""One pass: read a scope of both trees, decide, weigh, apply.

Law: replay and full comparison are this same pass over different scopes. New files are copied while
reading goes on; what touches anything that exists waits until everything was read and the guards
have weighed it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from mirrorfs.apply.apply import Applier, limited
from mirrorfs.apply.quota import Quota
from mirrorfs.core.approval import Touch, identify, touches
from mirrorfs.core.bulk import Bulk
from mirrorfs.core.doubt import Doubts
from mirrorfs.core.filter import Filter
from mirrorfs.core.fold import Hint
from mirrorfs.core.guard import Before, Refusal, refuse
from mirrorfs.core.links import LinkedNames
from mirrorfs.core.options import Options
from mirrorfs.core.order import Order
from mirrorfs.core.plan import DELETE_FIRST, DELETE_LAST, Action, Notice, Outcome, Plan, Stage, Verb
from mirrorfs.core.reconcile import gather
from mirrorfs.core.record import field, mutable, replace
from mirrorfs.core.report import Report
from mirrorfs.core.scope import Scope
from mirrorfs.core.tree import Failure, Trouble
from mirrorfs.core.walk import Batch, Heard, nobody, told
from mirrorfs.errors import FatalError
from mirrorfs.sync.decide import Deciding
from mirrorfs.sync.listener import Listener
from mirrorfs.sync.mounted import MountedSource, apart
from mirrorfs.sync.rooted import rooted
from mirrorfs.sync.settings import Settings
from mirrorfs.trees.base import Destination, Tree

Choose = Callable[[list[Action]], list[Action]]
Keep = Callable[[Refusal, list[Action]], Refusal]
Waits = Callable[[int], bool]


class _Asked(NamedTuple):
    """What the guards are to know; see `Pass.run`."""

    before: Before
    approved: Collection[Touch] | None
    waits: Waits


@mutable
class _Work:
    """What one reading gave that is still to be done: ``ready`` touches nothing that exists."""

    report: Report
    later: list[Action]
    ready: list[Action] = field(default_factory=list)


class Pass:
    """Reads, decides and applies; made once for a pair of trees and run as often as wanted.

    ``names``: what is known of the source's hard links; kept up to date; ``mounted``: the same for
    the file systems mounted in it. ``keep`` is called with a plan that was refused, and answers
    what became of it. ``doubts``: what is to be written again (`mirrorfs.core.doubt`).
    """

    def __init__(
        self,
        source: Tree,
        destination: Destination,
        *,
        options: Options,
        filter: Filter,
        settings: Settings = Settings(),  # noqa: B008  (frozen)
        elsewhere: Sequence[Tree] = (),
        quota: Quota | None = None,
        names: LinkedNames | None = None,
        mounted: MountedSource | None = None,
        keep: Keep = lambda refusal, actions: refusal,
        listener: Listener | None = None,
        doubts: Callable[[], Doubts] = Doubts,
    ) -> None:
        self._deciding = Deciding(
            source,
            destination,
            options=options,
            filter=filter,
            settings=settings,
            elsewhere=elsewhere,
            quota=quota,
            names=names,
            mounted=mounted,
            doubts=doubts,
        )
        self._source = self._deciding.source
        self._destination = self._deciding.destination
        self._names, self._mounted = self._deciding.names, self._deciding.mounted
        self._settings = settings
        self._full = False  # as the last run found the destination
        self._order = None if settings.order is None else Order(settings.order)
        self._quota = quota or Quota()
        self._keep = keep
        self._listener = listener or Listener()

    def plan(self, scope: Scope, hints: Iterable[Hint] = (), heard: Heard = nobody) -> Plan:
        """What a run would do; ``heard`` may raise. Raises as `run` does."""
        self._deciding.begin()
        hints = tuple(hints)
        renames, rules = self._deciding.renames(scope, hints)
        walk = told(self._deciding.walk(scope, renames, rules), heard)
        with rooted():
            plan = self._mounted.settle(gather(walk, renames.actions, self._stages))
        if self._names.blind:
            notice = self._blind()
            plan = self.plan(Scope.everything(), hints, heard)
            return plan._replace(notices=(notice, *plan.notices))
        return plan

    def weigh(
        self,
        plan: Plan,
        before: Before,
        *,
        whole: bool,
        approved: Collection[Touch] | None = None,
    ) -> Refusal | None:
        """What the guards say of a plan; ``whole``: it was made from all of both trees. Raises as
        `run` does."""
        plan = plan._replace(destination_entries=max(plan.destination_entries, before.entries))
        if not whole:
            with rooted():
                whole = self._emptied(plan.actions)
            if whole:
                plan = plan._replace(source_entries=0)
        return refuse(plan, self._settings.limits, before, whole=whole, approved=approved)

    def run(
        self,
        scope: Scope,
        hints: Iterable[Hint] = (),
        *,
        before: Before = Before(),  # noqa: B008  (frozen)
        approved: Collection[Touch] | None = None,
        waits: Waits = lambda lost: False,
        choose: Choose | None = None,
    ) -> Report:
        """Make the destination equal within the scope.

        ``before`` is for the guards, which a small scope does not tell everything;
        ``approved``: take exactly this away, or nothing; ``waits`` is asked, where many are to be
        removed, whether there may be more to come: then nothing that exists is touched yet;
        ``choose`` may leave actions out (they are withheld). What concerns a path is in the report,
        and whether a limit ended the run early.
        Raises DirectoryMissing, TemporaryError, PermanentError for a root that cannot be read.
        """
        self._quota.begin()
        report, hints = Report(), tuple(hints)
        asked = _Asked(before, approved, waits)
        self._run(report, scope, hints, asked, choose)
        if self._names.blind:
            notice = self._blind()
            report.notices.append(notice)
            self._listener.planned(Batch("", notices=[notice]))
            report.entries = report.kept = 0
            self._run(report, Scope.everything(), hints, asked, choose)
        report.limit = self._quota.reached()
        self._full = any(failure.trouble is Trouble.FULL for failure in report.failures.values())
        return report

    @property
    def _stages(self) -> Sequence[Stage]:
        """Where the last run found the destination full, this one makes room first."""
        return DELETE_FIRST if self._settings.delete_first or self._full else DELETE_LAST

    def _run(
        self,
        report: Report,
        scope: Scope,
        hints: Iterable[Hint],
        asked: _Asked,
        choose: Choose | None,
    ) -> None:
        """Adds to the report. What waits until everything was read is left undone where the names
        of a file turn out to be unknown: then everything is to be read."""
        self._deciding.begin()
        self._mounted.remember()
        report.whole = scope.is_everything
        renames, rules = self._deciding.renames(scope, hints)
        together = bool(renames.actions or choose)
        if self._streams(together) and not self._listener.each:
            rules.kinds = self._deciding.kinds
        work = _Work(report, list(renames.actions))
        with rooted(), self._applier(report) as applier:
            self._read(work, applier, self._deciding.walk(scope, renames, rules), together)
            if report.limit is not None or self._names.blind:
                return
            self._leave_shaken(work, applier)
            if self._waits(work, asked):
                report.waits = True  # nothing is said of what is left: it is looked at again
                applier.run([] if together else work.ready)
            elif (refusal := self._refusal(work, scope, asked)) is None:
                self._carry_out(work, applier, choose)
            else:
                self._hold(refusal, work, applier, together)

    def _applier(self, report: Report) -> Applier:
        return Applier(
            self._source,
            self._destination,
            transfers=self._settings.transfers,
            ignore_errors=self._settings.ignore_errors,
            stages=self._stages,
            order=self._order,
            quota=self._quota,
            listener=lambda outcomes: self._hear(report, outcomes),
            copied=lambda bulk: self._hear_bulk(report, bulk),
        )

    def _streams(self, together: bool) -> bool:
        """Whether new files are copied while reading goes on."""
        return not (together or self._settings.check_first or self._order or self._full)

    def _read(self, work: _Work, applier: Applier, walk: Iterator[Batch], together: bool) -> None:
        """Read and decide everything; what is ready is done meanwhile, unless all is to be done
        together. A limit of the user's ends it: what was not read is not known then."""
        streams = self._streams(together)
        for batch in walk:
            self._count(work.report, applier, batch)
            if not streams:
                work.ready += batch.ready
            elif batch.ready:
                applier.submit(batch.ready)
            for bulk in batch.bulks:
                applier.copy(bulk)
            if batch.settles:
                applier.settle()
            work.later += batch.later
            if (limit := self._quota.reached()) is not None:
                applier.settle()
                applier.withhold([*work.ready, *work.later], limited(limit))
                work.report.withheld.add("")
                work.report.limit = limit
                return
        applier.settle()

    def _leave_shaken(self, work: _Work, applier: Applier) -> None:
        """Keep away from where something was mounted or unmounted while it was read."""
        if not (shaken := self._mounted.shaken()):
            return
        work.report.blame(shaken.values())
        applier.blame(len(shaken))
        work.ready, left = apart(work.ready, shaken)
        work.later, more = apart(work.later, shaken)
        applier.withhold([*left, *more], next(iter(shaken.values())))

    def _refusal(self, work: _Work, scope: Scope, asked: _Asked) -> Refusal | None:
        """What the guards say of everything that is still to be done."""
        report = work.report
        plan = Plan((*work.ready, *work.later), (), (), report.entries, report.kept)
        return self.weigh(plan, asked.before, whole=scope.is_everything, approved=asked.approved)

    def _waits(self, work: _Work, asked: _Asked) -> bool:
        """A disaster comes in pieces: whether to wait for the rest of one, to see it whole."""
        limits = self._settings.limits
        if asked.approved is not None or limits.share >= 1:
            return False
        lost = asked.before.gone + sum(action.verb is Verb.DELETE for action in work.later)
        return lost > limits.share_floor and asked.waits(lost)

    def _hold(self, refusal: Refusal, work: _Work, applier: Applier, together: bool) -> None:
        actions = [*work.ready, *work.later] if together else work.later
        refusal = replace(refusal, digest=identify(touches(actions)))
        work.report.refusal = self._keep(refusal, actions)
        self._leave(work, applier, together, refusal.message)

    def _leave(self, work: _Work, applier: Applier, together: bool, why: str) -> None:
        """Nothing that exists is touched; new files are copied where nobody was to be asked."""
        if not together:
            applier.run(work.ready)
            work.ready = []
        applier.withhold([*work.ready, *work.later], Failure("", Trouble.LIMIT, why))

    def _carry_out(self, work: _Work, applier: Applier, choose: Choose | None) -> None:
        actions = [*work.ready, *work.later]
        chosen = choose(actions) if choose else actions
        if len(chosen) != len(actions):
            kept = set(chosen)
            left = [action for action in actions if action not in kept]
            applier.withhold(left, Failure("", Trouble.LIMIT, "left out by the user"))
        applier.run(chosen)

    def _blind(self) -> Notice:
        return Notice(
            self._names.blind,
            "everything is compared: the file has other names, and they are not known",
        )

    def _emptied(self, actions: Iterable[Action]) -> bool:
        """Whether the removals leave nothing of the source, as far as a small scope cannot tell."""
        if not any(action.verb is Verb.DELETE and "/" not in action.path for action in actions):
            return False
        return not self._source.read("").entries

    def _count(self, report: Report, applier: Applier, batch: Batch) -> None:
        self._listener.planned(batch)
        report.count(batch)
        if batch.failures:
            applier.blame(len(batch.failures))

    def _hear_bulk(self, report: Report, bulk: Bulk) -> None:
        report.copied(bulk)
        self._listener.copied(bulk)

    def _hear(self, report: Report, outcomes: Sequence[Outcome]) -> None:
        report.hear(outcomes)
        self._listener.done(outcomes)
        if self._settings.stop_when_full:
            for outcome in outcomes:
                if outcome.failure is not None and outcome.failure.trouble is Trouble.FULL:
                    raise FatalError(
                        f"the destination is full: {outcome.action.path}",
                        remedy="make room, then run it again",
                    )
