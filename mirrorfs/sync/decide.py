"""What a pass makes of two trees: the renames that hold, then directory by directory the rest.

Law: nothing is written here. Whoever carries it out does so with this ``source`` and this
``destination``, which may stand for what was given: files lent by other trees, names spelled in
another way.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from mirrorfs.apply.quota import Quota
from mirrorfs.core.doubt import Doubts
from mirrorfs.core.elsewhere import Elsewhere
from mirrorfs.core.filter import Filter
from mirrorfs.core.fold import Hint
from mirrorfs.core.links import LinkedNames
from mirrorfs.core.lost import Lost
from mirrorfs.core.options import Options
from mirrorfs.core.reconcile import Reconciler
from mirrorfs.core.renames import Relocated, Renames, plan_renames
from mirrorfs.core.rules import Rules
from mirrorfs.core.scope import Scope
from mirrorfs.core.spelling import Spelling
from mirrorfs.core.tracking import tracked
from mirrorfs.core.tree import Entry, Failure, Kind, join
from mirrorfs.core.walk import Batch
from mirrorfs.sync.mounted import MountedSource
from mirrorfs.sync.rooted import rooted
from mirrorfs.sync.settings import Settings
from mirrorfs.sync.shortcuts import kinds, looks
from mirrorfs.trees.base import Destination, Tree
from mirrorfs.trees.lending import Lending
from mirrorfs.trees.respelled import RespelledDestination


class Deciding:
    """Of one pass; see `mirrorfs.sync.sync.Pass` for what it is given. ``kinds`` tells the names of
    new directories by kind, where their files may be copied in bulk."""

    def __init__(
        self,
        source: Tree,
        destination: Destination,
        *,
        options: Options,
        filter: Filter,
        settings: Settings,
        elsewhere: Sequence[Tree],
        quota: Quota | None,
        names: LinkedNames | None,
        mounted: MountedSource | None,
        doubts: Callable[[], Doubts],
    ) -> None:
        self._lending = Lending(source) if settings.copy_dest else None
        self.source: Tree = self._lending or source
        self._look = looks(source, destination, options)
        by_kind = kinds(self.source, destination, settings, quota)
        self._spelling = Spelling.of(destination.capabilities.possible(options))
        if self._spelling is not None:
            destination = RespelledDestination(destination, self._spelling)
        loose = self._spelling is not None and self._spelling.folds
        self.kinds = None if loose or elsewhere else by_kind
        self.destination = destination
        self._places = elsewhere
        self._options = destination.capabilities.possible(options)
        self._lost = Lost(options, self._options, destination.capabilities.owner)
        self._elsewhere = Elsewhere(
            elsewhere, self._options, source.same_content, whole=self._lending is None
        )
        self._filter = filter
        self._settings = settings
        self.names = names or LinkedNames()
        one_file_system = options.one_file_system
        self.mounted = mounted or MountedSource(source, filter, one_file_system=one_file_system)
        self._doubts = doubts

    def begin(self) -> None:
        """Forget what was seen before. Raises DirectoryMissing, TemporaryError, PermanentError for
        a root that is not in its place."""
        self.source.begin()
        self.destination.begin()
        for place in self._places:
            place.begin()
        self.mounted.begin()

    def renames(self, scope: Scope, hints: Iterable[Hint]) -> tuple[Renames, Rules]:
        """The renames that hold, and the rules for the rest; content is compared where it lies
        before the renames."""
        view = Relocated(self.destination)

        def same_content(path: str, names: Sequence[str]) -> dict[str, bool | Failure]:
            if (view := renames.view).moves(path):
                paths = {name: join(path, name) for name in names}
                return {
                    name: self.source.same_file(here, self.destination, view.actual(here))
                    for name, here in paths.items()
                }
            return self.source.same_content(path, names, self.destination)

        rules = Rules(self._options, self._filter, same_content, names=self.names)
        rules.spelling = self._spelling
        rules.lost = self._lost
        rules.unknown = self.mounted.unknown
        rules.doubts = self._doubts()
        if self._places:
            rules.spare = self._spare
        rules.look = self._look
        rules.tracks = self._settings.track_renames is not None
        renames = Renames((), view, frozenset())
        with rooted():
            renames = plan_renames(hints, scope, self.source, view, rules)
        if renames.actions:
            rules.look = None  # names lie elsewhere until then
        self.names.rename(
            {
                action.origin: action.path
                for action in renames.actions
                if action.origin and action.want and action.want.kind is Kind.DIRECTORY
            }
        )
        return renames, rules

    def walk(self, scope: Scope, renames: Renames, rules: Rules) -> Iterator[Batch]:
        walk = Reconciler(self.source, renames.view, rules).walk(scope, renames.touched)
        strategy = self._settings.track_renames
        if strategy is None or renames.actions or rules.doubts or not self._options.delete:
            return walk

        def same(path: str, place: str) -> bool | Failure:
            return self.source.same_file(path, self.destination, place)

        return tracked(walk, self._options, strategy, same)

    def _spare(self, path: str, want: Entry) -> bool:
        """Whether a name is held elsewhere and left out; a file to be taken from there is not."""
        if self._lending is None:
            return self._elsewhere.find(path, want) is not None
        if want.kind is Kind.FILE and (found := self._elsewhere.find(path, want)) is not None:
            self._lending.lend(path, want, *found)
        return False
