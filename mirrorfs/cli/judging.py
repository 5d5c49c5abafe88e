"""What is wrong with a configuration although each value is right; and what looks wrong here.

Law: a file that `run`, `sync` or `plan` would refuse is wrong. What depends on the machine as it is
now, a drive that is not there, is a warning.
"""

import os
from collections.abc import Iterator
from itertools import combinations

from mirrorfs.cli.parse import parse
from mirrorfs.cli.settings import Mirroring, mirroring
from mirrorfs.cli.texts import read_text
from mirrorfs.config import Configuration, Problem, Target
from mirrorfs.config.place import DRIVES
from mirrorfs.core.filter import Filter
from mirrorfs.errors import MirrorError
from mirrorfs.overlap import overlap
from mirrorfs.preflight import refuse_backups, refuse_overlap, refuse_state, require_source
from mirrorfs.state import State

Doubt = tuple[Problem, bool]  # and whether the file is wrong


def doubts(found: Configuration) -> Iterator[Doubt]:
    """All there are, the file's own first."""
    made: list[tuple[Target, Mirroring]] = []
    for target in found.targets:
        try:
            made.append((target, _made("sync", target)))
        except MirrorError as error:
            yield _problem(found, "", error), True
            continue
        try:
            _made("run", target)
        except MirrorError as error:
            yield _problem(found, "", error), False
    if not found.source.startswith(DRIVES):
        try:
            require_source(found.source)
        except MirrorError as error:
            yield _problem(found, "source", error), False
    for target, mirrored in made:
        yield from _places(found, target, mirrored.filter)
    for one, other in combinations(found.targets, 2):
        if _is_path(one) and _is_path(other) and overlap(one.destination, other.destination):
            what = f"{one.destination} and {other.destination} are one directory, or one lies in "
            what += "the other"
            remedy = "choose another place for one of them"
            yield Problem(found.file, 0, "destination", what, remedy), True


def _made(command: str, target: Target) -> Mirroring:
    flags = parse(command, [], os.environ, target.layer()).flags
    return mirroring(command, flags, read_text, now_ns=0, draw=0)


def _places(found: Configuration, target: Target, filter: Filter) -> Iterator[Doubt]:
    if found.source.startswith(DRIVES) or not _is_path(target):
        return
    flags = parse("sync", [], os.environ, target.layer()).flags
    try:
        refuse_overlap(found.source, target.destination, filter)
        home = State.find(flags.state.state_dir).home
        for name, tree in (("source", found.source), ("destination", target.destination)):
            refuse_state(home, name, tree, filter)
        if backups := flags.deleting.backup_dir:
            excluded = flags.filtering.delete_excluded
            trees = (found.source, target.destination)
            refuse_backups(backups, *trees, filter, delete_excluded=excluded)
    except MirrorError as error:
        yield _problem(found, "destination", error), True
    parent = os.path.dirname(target.destination.rstrip("/"))
    if not os.path.isdir(target.destination) and not os.path.isdir(parent):
        what = f"neither {target.destination} nor {parent} is there"
        remedy = "is its drive mounted? mirrorfs makes the directory, and those above it"
        yield Problem(found.file, 0, "destination", what, remedy), False


def _is_path(target: Target) -> bool:
    return not target.destination.startswith(DRIVES)


def _problem(found: Configuration, key: str, error: MirrorError) -> Problem:
    return Problem(found.file, 0, key, str(error), error.remedy)
