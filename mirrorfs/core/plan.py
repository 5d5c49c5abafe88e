"""A plan: what would make the destination equal, as plain data that can be printed, kept and
mounted.

Law: an action holds no handle and no callback. It says what it wants, what it expects to find (the
entry the plan saw on the destination, ``None`` for nothing), and why; applying verifies the
expectation before it replaces or removes.

Actions of one stage are independent of each other and may run in any order, except where the
stage says "parents first" or "deepest first". The stages run in the order of `Stage`, or in that of
`DELETE_FIRST`.
"""

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum, StrEnum
from typing import NamedTuple

from mirrorfs.core.tree import Entry, Failure


class Verb(StrEnum):
    """What an action does to its path."""

    __hash__ = str.__hash__  # an enum's own is not C, and this is a key for every action

    CREATE = "create"  # nothing is there; afterwards ``want`` is
    UPDATE = "update"  # something else than a directory is there; replaced in one step
    DELETE = "delete"  # a file, a link or an empty directory goes
    RENAME = "rename"  # ``origin`` becomes ``path``, whatever lies below comes along
    ATTRIBUTES = "attributes"  # the content is right; mode, times, owner or xattrs are not


class Stage(IntEnum):
    """When an action runs. Why this order: nothing is removed before its replacement can be
    written, except where another kind of thing must make room; directory times come last, because
    every
    change inside a directory moves them."""

    __hash__ = int.__hash__

    SHELTER = 0  # directories that a rename needs as its new parent; parents first
    RENAME = 1
    ROOM = 2  # removals that make room for another kind; deepest first
    DIRECTORIES = 3  # parents first
    CONTENT = 4  # files, links, special files: created or replaced
    LINKS = 5  # further names of files that are right by then
    ATTRIBUTES = 6  # of everything but directories
    DELETE = 7  # deepest first
    DIRECTORY_ATTRIBUTES = 8


DELETE_LAST: tuple[Stage, ...] = tuple(Stage)
# Renames stay in front of it: what is deleted was read as it lies after them.
DELETE_FIRST = (
    Stage.SHELTER,
    Stage.RENAME,
    Stage.ROOM,
    Stage.DELETE,
    Stage.DIRECTORIES,
    Stage.CONTENT,
    Stage.LINKS,
    Stage.ATTRIBUTES,
    Stage.DIRECTORY_ATTRIBUTES,
)


class Action(NamedTuple):
    """One step. ``reason`` is for people; ``origin`` is a rename's old name, or the file of which
    ``path`` becomes another name (`Stage.LINKS`)."""

    verb: Verb
    stage: Stage
    path: str
    want: Entry | None
    expect: Entry | None
    reason: str
    origin: str = ""


class Status(StrEnum):
    """What became of an action."""

    DONE = "done"
    DRIFT = "drift"  # the destination held something else; nothing was done
    FAILED = "failed"
    SKIPPED = "skipped"  # withheld: an earlier error, a guard, a limit, the user's answer


class Outcome(NamedTuple):
    """What became of one action; ``moved`` is the bytes of content read and written."""

    action: Action
    status: Status
    failure: Failure | None = None
    moved: int = 0


class Notice(NamedTuple):
    """Something the user should know about a path that leads to no action (a fifo that is left
    out).
    """

    path: str
    message: str


class Totals(NamedTuple):
    """What a plan amounts to. ``bytes`` of content to transfer, ``freed`` bytes of files to
    delete.
    """

    create: int = 0
    update: int = 0
    delete: int = 0
    rename: int = 0
    attributes: int = 0
    bytes: int = 0
    freed: int = 0


class Plan(NamedTuple):
    """Everything that is to be done, in order, and what stood in the way of knowing more.

    ``entries`` is how many entries of source and destination were looked at; the guards weigh the
    deletions against it.
    """

    actions: tuple[Action, ...]
    failures: tuple[Failure, ...] = ()
    notices: tuple[Notice, ...] = ()
    source_entries: int = 0
    destination_entries: int = 0

    def stages(self) -> Iterator[tuple[Stage, list[Action]]]:
        """Stage by stage, in the order they must run; empty ones are left out."""
        return in_stages(self.actions)

    def totals(self) -> Totals:
        return totals(self.actions)


def in_stages(
    actions: Iterable[Action], order: Sequence[Stage] = DELETE_LAST
) -> Iterator[tuple[Stage, list[Action]]]:
    """The actions by stage, in the order the stages run, each in the order its stage asks for."""
    by_stage: dict[Stage, list[Action]] = {}
    for action in actions:
        by_stage.setdefault(action.stage, []).append(action)
    for stage in order if len(by_stage) > 1 else by_stage:
        if (batch := by_stage.get(stage)) is None:
            continue
        if stage in (Stage.SHELTER, Stage.DIRECTORIES):
            batch.sort(key=lambda action: action.path.count("/"))
        elif stage in (Stage.ROOM, Stage.DELETE):
            batch.sort(key=lambda action: action.path.count("/"), reverse=True)
        yield stage, batch


def totals(actions: Iterable[Action]) -> Totals:
    counts = dict.fromkeys(Verb, 0)
    moved = freed = 0
    for action in actions:
        counts[action.verb] += 1
        if action.stage is Stage.CONTENT and action.want is not None:
            moved += action.want.size
        elif action.verb is Verb.DELETE and action.expect is not None:
            freed += action.expect.size
    return Totals(**{verb.value: count for verb, count in counts.items()}, bytes=moved, freed=freed)
