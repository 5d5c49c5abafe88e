"""A tree spoken of in another tree's spelling (`mirrorfs.core.spelling`).

Law: paths are translated on the way in and back on the way out; nothing else happens here. As long
as no name differs, calls pass through as they are.
"""

from collections.abc import Callable, Collection, Sequence

from mirrorfs.core.plan import Action, Outcome, Status
from mirrorfs.core.spelling import Spelling
from mirrorfs.core.tree import Entry, Identity, Listing, join, split
from mirrorfs.trees.base import Content, Destination, Tree


class Respelled(Tree):
    """A reader that finds names however the tree spells them."""

    def __init__(self, tree: Tree, spelling: Spelling) -> None:
        self.capabilities = tree.capabilities
        self._tree = tree
        self._spelling = spelling

    def identity(self) -> Identity:
        return self._tree.identity()

    def begin(self) -> None:
        self._spelling.forget()
        self._tree.begin()

    def root(self) -> Entry:
        return self._tree.root()

    def read(
        self, path: str, names: Collection[str] | None = None, *, bare: bool = False
    ) -> Listing:
        return self._tree.read(self._spelling.actual(path), names, bare=bare)

    def open(self, path: str) -> Content:
        return self._tree.open(self._spelling.actual(path))

    def close(self) -> None:
        self._tree.close()


class _Source(Tree):
    """The source for one batch whose paths are the destination's."""

    def __init__(self, source: Tree, paths: dict[str, str]) -> None:
        self.capabilities = source.capabilities
        self._source = source
        self._paths = paths

    def identity(self) -> Identity:
        return self._source.identity()

    def root(self) -> Entry:
        return self._source.root()

    def read(
        self, path: str, names: Collection[str] | None = None, *, bare: bool = False
    ) -> Listing:
        return self._source.read(self._paths.get(path, path), names, bare=bare)

    def open(self, path: str) -> Content:
        return self._source.open(self._paths.get(path, path))

    def close(self) -> None:
        """The source is not ours to close."""


class RespelledDestination(Respelled, Destination):
    """A destination whose names may be spelled in another way than the plan's."""

    def __init__(self, tree: Destination, spelling: Spelling) -> None:
        super().__init__(tree, spelling)
        self._inner = tree
        self.unlocked = tree.unlocked

    def create_directories(self, actions: Sequence[Action]) -> list[Outcome]:
        return self._each(actions, self._inner.create_directories)

    def transfer(self, actions: Sequence[Action], source: Tree) -> list[Outcome]:
        if self._spelling.is_alike:
            return self._inner.transfer(actions, source)

        def transfer(there: Sequence[Action]) -> list[Outcome]:
            paths = {
                action.path: original.path
                for action, original in zip(there, actions, strict=True)
                if action is not original
            }
            return self._inner.transfer(there, _Source(source, paths) if paths else source)

        return self._each(actions, transfer)

    def copies(self, source: Tree) -> bool:
        return self._inner.copies(source)

    def copy(self, path: str, names: Sequence[str], source: Tree) -> list[int]:
        if self._spelling.actual(path) != path:
            return super().copy(path, names, source)
        return self._inner.copy(path, names, source)

    def link(self, actions: Sequence[Action], source: Tree) -> list[Outcome]:
        """Where names are matched no links are planned: as many files."""
        return self.transfer(actions, source)

    def rename(self, actions: Sequence[Action]) -> list[Outcome]:
        """One by one: a directory that gets its right name changes where the next one lies."""
        outcomes = []
        for action in actions:
            directory, name = split(action.path)
            there = action._replace(
                path=join(self._spelling.actual(directory), name),
                origin=self._spelling.actual(action.origin),
            )
            outcome = self._inner.rename([there])[0]
            if outcome.status is Status.DONE:
                self._spelling.mended(action.path)
            outcomes.append(_back(action, outcome))
        return outcomes

    def set_attributes(self, actions: Sequence[Action]) -> list[Outcome]:
        return self._each(actions, self._inner.set_attributes)

    def delete(self, actions: Sequence[Action]) -> list[Outcome]:
        return self._each(actions, self._inner.delete)

    def check(self) -> None:
        self._inner.check()

    @property
    def life(self) -> str:
        return self._inner.life

    @property
    def unflushed(self) -> bool:
        return self._inner.unflushed

    def flush(self) -> None:
        self._inner.flush()

    def sweep(self) -> int:
        return self._inner.sweep()

    def unswept(self) -> set[str]:
        return self._inner.unswept()

    def _each(
        self, actions: Sequence[Action], verb: Callable[[Sequence[Action]], list[Outcome]]
    ) -> list[Outcome]:
        if self._spelling.is_alike:
            return verb(actions)
        there = [self._there(action) for action in actions]
        outcomes = verb(there)
        return [_back(action, outcome) for action, outcome in zip(actions, outcomes, strict=True)]

    def _there(self, action: Action) -> Action:
        path = self._spelling.actual(action.path)
        return action if path == action.path else action._replace(path=path)


def _back(action: Action, outcome: Outcome) -> Outcome:
    if outcome.action is action:
        return outcome
    failure = outcome.failure
    if failure is not None and failure.path == outcome.action.path:
        failure = failure._replace(path=action.path)
    return outcome._replace(action=action, failure=failure)
