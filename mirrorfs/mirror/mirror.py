"""One source, one destination, and what is remembered about them.

Law: the checkpoint moves only after what it vouches for is durable.
"""

import os
import time
from collections.abc import Callable, Collection
from typing import Self

from journal import JournalError
from mirrorfs.apply.quota import Quota
from mirrorfs.core.approval import Touch
from mirrorfs.core.filter import Filter
from mirrorfs.core.guard import Before, Refusal
from mirrorfs.core.mounts import Mounts
from mirrorfs.core.options import Options
from mirrorfs.core.plan import Action, Plan, Verb
from mirrorfs.core.report import Report
from mirrorfs.core.walk import Heard, nobody
from mirrorfs.drives import absolute
from mirrorfs.errors import TemporaryError
from mirrorfs.hold import Held, Keeper, Recipe
from mirrorfs.mirror.checkpoint import Checkpoint, CheckpointFile, MountsFile, NamesFile
from mirrorfs.mirror.flushing import Flushing
from mirrorfs.mirror.leftout import Extent
from mirrorfs.mirror.preflight import (
    is_home,
    refuse_backups,
    refuse_overlap,
    refuse_state,
    require_source,
)
from mirrorfs.mirror.reading import Reading, Readings
from mirrorfs.mirror.roots import Roots, sought
from mirrorfs.state import State, make, owner
from mirrorfs.sync.listener import Listener
from mirrorfs.sync.mounted import MountedSource
from mirrorfs.sync.settings import Settings
from mirrorfs.sync.sync import Pass, Waits
from mirrorfs.trees.local import LocalTree


class Mirror:
    """A context manager: holds the two ``roots``, and the destination's lock unless it only plans.
    They may be let go of between two calls, but for what is not vouched for yet.

    ``full``: compare everything even if a journal could vouch. ``dry``: change nothing; a
    destination that does not exist is then an empty one. ``create``: a destination that does
    not exist is made. ``wait``: so many seconds for another process to release it. ``adopt``:
    a file system that was mounted in the source and is not is gone for good. ``recipe``: how to
    make the same plan again, kept with one that is refused. Raises
    DirectoryMissing, FatalError (overlap), Locked.
    """

    def __init__(
        self,
        source: str,
        destination: str,
        *,
        options: Options,
        filter: Filter,
        settings: Settings | None = None,
        listener: Listener | None = None,
        state: State | None = None,
        full: bool = False,
        dry: bool = False,
        create: bool = True,
        adopt: bool = False,
        wait: float = 0,
        quota: Quota | None = None,
        fsync: str = "replace",
        recipe: Recipe | None = None,
    ) -> None:
        self.places = (source, destination)
        self._absolute = (absolute(source), absolute(destination))
        settings = settings or Settings()
        self._state = state or State.find()
        self._filter, self._excluded = filter, options.delete_excluded
        found = sought(self.places)
        paths = (found[0].path, found[1].path)
        self._recipe, self._home = recipe, is_home(paths[1])
        self._fingerprint = f"{options.fingerprint()}-{filter.fingerprint()}"
        if settings.compare_dest:
            self._fingerprint += f"-without {settings.compare_dest!a}"
        require_source(paths[0])
        if options.delete:
            refuse_overlap(paths[0], paths[1], filter)
        if settings.writing.backup is not None and settings.writing.backup.directory:
            backups, excluded = settings.writing.backup.directory, options.delete_excluded
            refuse_backups(backups, paths[0], paths[1], filter, delete_excluded=excluded)
        home = self._state.home
        if os.path.isdir(home):  # else nothing is kept; who is about to make it asks before
            self._refuse_state("destination", paths[1])
        self.roots = Roots(
            self.places,
            found,
            options,
            settings,
            owner=owner(source, destination),
            fsync=fsync,
            home=home,
            dry=dry,
            create=create,
            wait=wait,
        )
        self.source, self.destination = self.roots.source, self.roots.destination
        place = self._state.mirror(source, destination)
        self._flushing = Flushing(self.destination, place, listener or Listener(), dry)
        self.roots.woke = self._flushing.woke
        self.keeper = Keeper(place, self._describe, self._check_state)
        self._names_file = NamesFile(place)
        self._names = self._names_file.load()
        self._mounts_file = MountsFile(place)
        mounts = self._mounts_file.load()
        if adopt:
            mounts.forget()
        self._pass = Pass(
            self.source,
            self.destination,
            options=options,
            filter=filter,
            settings=settings,
            elsewhere=self.roots.elsewhere,
            quota=quota,
            names=self._names,
            mounted=MountedSource(
                self.source,
                filter,
                one_file_system=options.one_file_system,
                mounts=mounts,
                remember=self._remember,
            ),
            keep=self.keeper.keep,
            listener=self._flushing,
            doubts=lambda: self._flushing.doubts,
        )
        self.readings = Readings(
            self._state,
            source,
            (self.source, self.destination),
            self._fingerprint,
            Extent(filter, options.one_file_system).left_out,
            # What another directory holds is in no journal.
            full=full or bool(settings.compare_dest),
        )
        self._file = CheckpointFile(place)
        self._why = ""
        self.checkpoint = self._file.load()
        self.entries = self.checkpoint.entries if self.checkpoint else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._flushing.close()
        self.roots.close()

    def reading(self) -> Reading:
        """Decide what to look at. Raises as `Readings.next` does."""
        self.roots.wake()
        return self.readings.next(self.checkpoint, self._flushing.doubts.paths)

    def _remember(self, mounts: Mounts) -> None:
        """Where nobody ever watched no state is kept. Raises TemporaryError."""
        if not self.readings.recorded:
            return
        make(self._state.mirror(*self.places))
        try:
            self._mounts_file.store(mounts)
        except JournalError as error:
            raise TemporaryError(
                f"what is mounted in the source cannot be remembered: {error}",
                remedy="give the state directory's disk some room",
            ) from error

    def plan(self, reading: Reading | None = None, *, heard: Heard = nobody) -> Plan:
        """What a sync would do; ``heard`` is told of each directory that was read."""
        reading = reading or self.reading()
        self.roots.wake()
        return self._pass.plan(reading.scope, reading.hints, heard)

    def weigh(self, plan: Plan, *, whole: bool) -> Refusal | None:
        """Why a sync would hold a plan; ``None`` when it would not. See `Pass.weigh`."""
        return self._pass.weigh(plan, self.before(), whole=whole)

    def synchronise(
        self,
        reading: Reading | None = None,
        choose: Callable[[list[Action]], list[Action]] | None = None,
        *,
        approved: Collection[Touch] | None = None,
    ) -> Report:
        """Make the destination equal, and move the checkpoint when that is durable."""
        reading = reading or self.reading()
        report = self.apply(reading, choose, approved=approved)
        if report.refusal is None and reading.cursor is not None:
            self.vouch(self.next_checkpoint(reading, report))
        elif report.refusal is None and self._flushing.doubts:
            self._flushing.flush(report.unfinished())
        return report

    def apply(
        self,
        reading: Reading,
        choose: Callable[[list[Action]], list[Action]] | None = None,
        *,
        gone: int = 0,
        approved: Collection[Touch] | None = None,
        waits: Waits = lambda lost: False,
        settles: bool = True,
    ) -> Report:
        """Carry a reading out without moving the checkpoint. ``gone``: how many entries the
        destination lost a moment ago. ``approved``: take exactly this away, or nothing. ``waits``:
        see `Pass.run`. ``settles``: if nothing is refused, a plan held before is out of date."""
        self._why = reading.why
        self.roots.wake()
        with self._flushing.writing(reading.scope, vouched=reading.cursor is not None):
            report = self._pass.run(
                reading.scope,
                reading.hints,
                before=self.before(gone, settles=settles),
                approved=approved,
                waits=waits,
                choose=choose,
            )
        unfinished = approved is not None and report.errors
        if settles and not (report.refusal or report.limit or report.waits or unfinished):
            self.keeper.settle()
        if report.whole:
            self.entries = report.kept
        self.entries += report.done[Verb.CREATE] - report.done[Verb.DELETE]
        self.destination.sweep()
        report.withheld |= self.destination.unswept()
        return report

    def approval(self, plan: str) -> Collection[Touch]:
        """What a held plan takes away. Raises as `Keeper.approval` does."""
        return self.keeper.approval(plan, self._fingerprint)

    def before(self, gone: int = 0, *, settles: bool = True) -> Before:
        """What the guards are to know; ``gone`` and ``settles`` as for `apply`."""
        known = self.checkpoint
        return Before(
            first=known is None,
            changed=known is not None and known.fingerprint != self._fingerprint,
            home=self._home,
            entries=self.entries,
            gone=gone,
            kept=self.keeper.kept() if settles else None,
        )

    def _describe(self, refusal: Refusal) -> Held:
        return Held(
            refusal.digest,
            refusal.danger.value,
            refusal.message,
            refusal.totals,
            time.time_ns(),
            self._absolute,
            self.source.identity(),
            self.destination.identity(),
            self._fingerprint,
            self._why,
            refusal.entries,
            refusal.gone,
            self._recipe,
        )

    def _check_state(self) -> None:
        """Raises FatalError where the state lies in a tree."""
        for name, tree in (("source", self.source), ("destination", self.destination)):
            if isinstance(tree, LocalTree):
                self._refuse_state(name, tree.path)

    def _refuse_state(self, name: str, place: str) -> None:
        excluded = self._excluded and name == "destination"
        refuse_state(self._state.home, name, place, self._filter, delete_excluded=excluded)

    def next_checkpoint(self, reading: Reading, report: Report) -> Checkpoint:
        """What may be vouched for after an applied reading, once the destination is flushed."""
        before = self.checkpoint
        whole = report.whole or before is None
        return Checkpoint(
            self._absolute,
            self.source.identity(),
            self.destination.identity(),
            self._fingerprint,
            reading.cursor,
            report.owed(),
            time.time_ns() if whole or before is None else before.compared_ns,
            self.entries,
        )

    def vouch(self, checkpoint: Checkpoint) -> None:
        """Make the destination durable, then what is known of hard links (a name the checkpoint
        vouches for must not be missing there), then the checkpoint. Raises TemporaryError."""
        self._flushing.flush(checkpoint.retry)
        make(self._state.mirror(*self.places))
        try:
            self._names_file.store(self._names)
            self._file.store(checkpoint)
        except JournalError as error:
            raise TemporaryError(
                f"the checkpoint cannot be stored: {error}",
                remedy="give the state directory's disk some room; until then changes are kept",
            ) from error
        self.checkpoint = checkpoint
