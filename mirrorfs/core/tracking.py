"""Recognise renamed files in a plan (--track-renames): a file that is new here and one of the same
content that is gone there become one rename.

Law: nothing is renamed whose content was not compared. rclone trusts a hash, or only a time or a
name (--track-renames-strategy); here those say which pairs are worth comparing.
"""

from collections.abc import Callable, Collection, Iterable, Iterator

from mirrorfs.core.compare import Difference, Verdict, comparer
from mirrorfs.core.options import Options
from mirrorfs.core.plan import Action, Stage, Verb
from mirrorfs.core.record import replace
from mirrorfs.core.tree import Entry, Failure, Kind, split
from mirrorfs.core.walk import Batch, attributes

Same = Callable[[str, str], bool | Failure]  # (path in the source, path in the destination)

LOOKS = 16  # comparisons for one new file: many files of one size must not cost their square


def tracked(
    batches: Iterable[Batch], options: Options, strategy: Collection[str], same: Same
) -> Iterator[Batch]:
    """The same batches, all that is to be done at their end: it takes the whole plan to know."""
    actions: list[Action] = []
    for batch in batches:
        actions += batch.ready
        actions += batch.later
        batch.ready, batch.later = [], []
        yield batch
    yield Batch("", later=track(actions, options, strategy, same))


def track(
    actions: list[Action], options: Options, strategy: Collection[str], same: Same
) -> list[Action]:
    """The actions, with a rename for each pair; ``strategy``: what must agree besides content,
    ``modtime``, ``leaf``, or ``hash`` (which content implies)."""
    pool = _Pool(options, strategy)
    for action in actions:
        if action.verb is Verb.DELETE and action.stage is Stage.DELETE:
            pool.add(action)
    room = {action.path for action in actions if action.stage is Stage.ROOM}
    renames: dict[str, Action] = {}
    for action in actions:
        if action.verb is Verb.CREATE and action.stage is Stage.CONTENT:
            if room and not room.isdisjoint(_upwards(action.path)):
                continue  # renames come before removals that make room
            if (origin := pool.take(action, same)) is not None:
                renames[action.path] = origin
    if not renames:
        return actions
    return list(_renamed(actions, renames, _Attributes(options)))


def _renamed(
    actions: Iterable[Action], renames: dict[str, Action], attribute: "_Attributes"
) -> Iterator[Action]:
    gone = {origin.path for origin in renames.values()}
    parents = {parent for path in renames for parent in _upwards(split(path)[0])}
    for action in actions:
        if action.stage is Stage.DIRECTORIES and action.path in parents:
            yield action._replace(stage=Stage.SHELTER)
        elif action.stage is Stage.CONTENT and action.path in renames:
            have = renames[action.path].expect
            assert action.want is not None
            assert have is not None
            yield Action(
                Verb.RENAME,
                Stage.RENAME,
                action.path,
                action.want,
                have,
                "renamed in the source",
                renames[action.path].path,
            )
            if reason := attribute.differ(action.want, have):
                yield attributes(action.path, action.want, have, reason)
        elif not (action.verb is Verb.DELETE and action.path in gone):
            yield action


class _Attributes:
    """What is left to set once a file has its new name. The flags that keep an existing file from
    being touched do not concern a new one."""

    def __init__(self, options: Options) -> None:
        self._compare = comparer(
            replace(
                options,
                size_only=False,
                checksum=False,
                ignore_times=False,
                ignore_size=False,
                ignore_existing=False,
                update=False,
                immutable=False,
            )
        )

    def differ(self, want: Entry, have: Entry) -> str:
        """Why attributes must be set; "" for no reason. Content is equal."""
        difference: Difference | None = self._compare(want, have)
        if difference is not None and difference.verdict is Verdict.UNSURE:
            difference = difference.otherwise
        return difference.reason if difference is not None else ""


class _Pool:
    """The files that go, by what is likely to find the right one first."""

    def __init__(self, options: Options, strategy: Collection[str]) -> None:
        self._links = options.hard_links
        self._window = options.modify_window_ns
        self._by_time = "modtime" in strategy
        self._by_leaf = "leaf" in strategy
        self._known: dict[tuple[object, ...], dict[str, Action]] = {}

    def add(self, action: Action) -> None:
        have = action.expect
        # A second name of the same file would change with it.
        if have is not None and have.kind is Kind.FILE and have.links <= 1:
            for key in _keys(action.path, have):
                self._known.setdefault(key, {})[action.path] = action

    def take(self, action: Action, same: Same) -> Action | None:
        """The file that goes and is this new one; it is not found twice."""
        want = action.want
        if want is None or want.kind is not Kind.FILE or (self._links and want.links > 1):
            return None  # one of several names becomes a link
        looked: set[str] = set()
        for key in _keys(action.path, want):
            for path, candidate in self._known.get(key, {}).items():
                if path in looked or not self._may_be(action.path, want, candidate):
                    continue
                if len(looked) == LOOKS:
                    return None
                looked.add(path)
                if same(action.path, path) is True:
                    self._remove(candidate)
                    return candidate
        return None

    def _may_be(self, path: str, want: Entry, candidate: Action) -> bool:
        have = candidate.expect
        assert have is not None
        if self._by_leaf and split(path)[1] != split(candidate.path)[1]:
            return False
        return not self._by_time or abs(want.mtime_ns - have.mtime_ns) < self._window

    def _remove(self, action: Action) -> None:
        assert action.expect is not None
        for key in _keys(action.path, action.expect):
            del self._known[key][action.path]


def _keys(path: str, entry: Entry) -> tuple[tuple[object, ...], ...]:
    """What is looked up, the likeliest first."""
    size, time, leaf = entry.size, entry.mtime_ns, split(path)[1]
    return (size, time, leaf), (size, time, None), (size, None, leaf), (size, None, None)


def _upwards(path: str) -> Iterator[str]:
    """The path and its parents, without the root."""
    while path:
        yield path
        path = split(path)[0]
