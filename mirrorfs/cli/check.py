"""Compare the files of SRC and DST by size and content; change nothing.

Times, modes and owners are not compared. --size-only looks at sizes only, --one-way ignores files
that only DST has. Exits with 1 when there is a difference.
"""

import os
from collections.abc import Iterator

from mirrorfs.cli.invocation import Call
from mirrorfs.cli.mirroring import one_file, read_settings
from mirrorfs.cli.settings import only_file
from mirrorfs.cli.voice import Voice
from mirrorfs.core.options import Options
from mirrorfs.core.plan import Action, Verb
from mirrorfs.core.reconcile import Reconciler
from mirrorfs.core.record import replace
from mirrorfs.core.rules import Rules
from mirrorfs.core.scope import Scope
from mirrorfs.core.spelling import Spelling
from mirrorfs.core.tree import TreeError, join
from mirrorfs.core.walk import Batch
from mirrorfs.drives import absolute, located
from mirrorfs.errors import DirectoryMissing, ExitCode, FatalError
from mirrorfs.output import reports
from mirrorfs.output.escape import printable
from mirrorfs.output.words import is_directory
from mirrorfs.state import owner
from mirrorfs.trees.base import Tree
from mirrorfs.trees.local import LocalTree
from mirrorfs.trees.memory import MemoryTree
from mirrorfs.trees.respelled import Respelled


def run(call: Call) -> int:
    source, destination = call.places
    made = read_settings(call)
    if (single := one_file(source)) is not None:
        source, name = single
        made = replace(made, filter=only_file(name))
    options = Options(
        links=made.options.links,
        one_file_system=made.options.one_file_system,
        normalise_names=made.options.normalise_names,
        fold_names=made.options.fold_names,
        checksum=True,
        size_only=made.options.size_only,
        ignore_size=made.options.ignore_size,
        times=False,
        directory_times=False,
    )
    mine = owner(source, destination)
    with (
        Voice(call.flags, call.log, absolute(destination)) as voice,
        LocalTree(located(source), options, owner=mine) as here,
        _destination(located(destination), options, mine) as there,
    ):
        reader: Tree = there
        if (spelling := Spelling.of(options)) is not None:
            reader = Respelled(there, spelling)
        rules = Rules(
            replace(options, delete=True),
            made.filter,
            lambda path, names: here.same_content(path, names, reader),
        )
        checking = _Checking(call, voice, (source, destination))
        rules.spelling = spelling
        try:
            for batch in Reconciler(here, reader, rules).walk(Scope.everything()):
                checking.hear(batch)
        except TreeError as error:
            raise FatalError(str(error)) from error
        return checking.verdict()


def _destination(path: str, options: Options, mine: str) -> Tree:
    """A directory that is not there holds nothing."""
    try:
        return LocalTree(path, options, owner=mine)
    except DirectoryMissing:
        if os.path.lexists(path):
            raise
        return MemoryTree()


class _Checking:
    """Sorts what is found into rclone's signs, and counts."""

    def __init__(self, call: Call, voice: Voice, places: tuple[str, str]) -> None:
        self._voice = voice
        self._log = call.log
        self._one_way = call.flags.checking.one_way
        self._here, self._there = (f"Local file system at {absolute(place)}" for place in places)
        self._matching = self._differing = self._errors = 0
        self._only_here = self._only_there = 0

    def hear(self, batch: Batch) -> None:
        for name in batch.equal:
            self._matching += 1
            path = join(batch.path, name)
            self._voice.reports.note(reports.MATCH, path)
            self._log.debug("OK", path)
        for path, message in batch.notices:
            self._log.notice(message, path)
        for failure in batch.failures:
            self._errors += 1
            self._voice.stats.errors += 1
            self._voice.reports.note(reports.ERROR, failure.path)
            self._log.error(printable(failure.message), failure.path)
        for action in _files(batch):
            self._differ(action)
        self._voice.stats.checks = self._matching + self._differing

    def _differ(self, action: Action) -> None:
        note, log = self._voice.reports.note, self._log
        match action.verb:
            case Verb.CREATE:
                self._only_here += 1
                note(reports.ONLY_SOURCE, action.path)
                log.error(f"file not in {printable(self._there)}", action.path)
            case Verb.DELETE:
                if not self._one_way:
                    self._only_there += 1
                    note(reports.ONLY_DESTINATION, action.path)
                    log.error(f"file not in {printable(self._here)}", action.path)
            case Verb.UPDATE:
                self._differing += 1
                note(reports.DIFFER, action.path)
                log.error(f"{action.reason}", action.path)
            case _:
                self._matching += 1
                note(reports.MATCH, action.path)

    def verdict(self) -> int:
        """Say the totals; the exit code."""
        differences = self._differing + self._only_here + self._only_there
        if self._only_there:
            self._log.notice(f"{self._only_there} files missing", self._here)
        if self._only_here:
            self._log.notice(f"{self._only_here} files missing", self._there)
        self._log.notice(f"{differences} differences found", self._there)
        if self._errors:
            self._log.notice(f"{self._errors} errors while checking", self._there)
        if self._matching:
            self._log.notice(f"{self._matching} matching files", self._there)
        self._voice.finish()
        if not (differences or self._errors):
            return 0
        what = f"{differences} differences found" if differences else f"{self._errors} errors"
        self._log.error(f"Failed to check: {what}")
        return ExitCode.UNCATEGORISED


def _files(batch: Batch) -> Iterator[Action]:
    for action in (*batch.ready, *batch.later):
        if not is_directory(action):
            yield action
