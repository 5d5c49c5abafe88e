"""What is wrong with a configuration although each value is right; and what looks wrong here.

Law: a file that `sync` would refuse wherever it runs is wrong. What depends on the machine as it is
now, a drive that is away, is a warning, and so is what `run` alone would refuse.
"""

import os
from collections.abc import Iterator
from itertools import combinations

from mirrorfs.cli.flags import Flags
from mirrorfs.cli.parse import parse
from mirrorfs.cli.settings import mirroring
from mirrorfs.cli.texts import read_text
from mirrorfs.config import Configuration, Problem, Target
from mirrorfs.core.filter import Filter
from mirrorfs.drives import located
from mirrorfs.errors import MirrorError
from mirrorfs.mirror.overlap import overlap
from mirrorfs.mirror.preflight import refuse_backups, refuse_overlap, refuse_state, require_source
from mirrorfs.state import State

Doubt = tuple[Problem, bool]  # and whether the file is wrong


def doubts(found: Configuration) -> Iterator[Doubt]:
    """All there are."""
    source = ""
    try:
        source = located(found.source)
        require_source(source)
    except MirrorError as error:
        yield _problem(found, "source", error), False
    places = []
    for target in found.targets:
        try:
            flags, filter = _made("sync", target)
        except MirrorError as error:
            yield _problem(found, "", error), True
            continue
        try:
            _made("run", target)
        except MirrorError as error:
            yield _problem(found, "", error), False
        try:
            place = located(target.destination)
        except MirrorError as error:
            yield _problem(found, "destination", error), False
            continue
        places.append(place)
        yield from _away(found, target, place)
        try:
            _refuse(source or found.source, place, flags, filter)
        except MirrorError as error:
            yield _problem(found, "destination", error), True
    for one, other in combinations(places, 2):
        if overlap(one, other):
            what = f"{one} and {other} are one directory, or one lies in the other"
            remedy = "choose another place for one of them"
            yield Problem(found.file, 0, "destination", what, remedy), True


def _made(command: str, target: Target) -> tuple[Flags, Filter]:
    flags = parse(command, [], os.environ, target.layer()).flags
    return flags, mirroring(command, flags, read_text, now_ns=0, draw=0).filter


def _refuse(source: str, place: str, flags: Flags, filter: Filter) -> None:
    """Raises FatalError for what overlaps."""
    refuse_overlap(source, place, filter)
    home = State.find(flags.state.state_dir).home
    for name, tree in (("source", source), ("destination", place)):
        refuse_state(home, name, tree, filter)
    if backups := flags.deleting.backup_dir:
        excluded = flags.filtering.delete_excluded
        refuse_backups(backups, source, place, filter, delete_excluded=excluded)


def _away(found: Configuration, target: Target, place: str) -> Iterator[Doubt]:
    parent = os.path.dirname(place.rstrip("/"))
    if place == target.destination and not (os.path.isdir(place) or os.path.isdir(parent)):
        what = f"neither {place} nor {parent} is there"
        remedy = "is its drive mounted? mirrorfs makes the directory, and those above it"
        yield Problem(found.file, 0, "destination", what, remedy), False


def _problem(found: Configuration, key: str, error: MirrorError) -> Problem:
    return Problem(found.file, 0, key, str(error), error.remedy)
