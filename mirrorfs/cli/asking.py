"""-i: ask before each change (rclone's questions and answers).

Law: what depends on a refused change is not done either. Directories come and go with what is in
them: only those that are mirrored for their own sake are asked about.
"""

import sys
from collections.abc import Iterable

from mirrorfs.core.plan import Action, Stage, Verb, in_stages
from mirrorfs.core.tree import is_within
from mirrorfs.errors import MirrorError
from mirrorfs.output.escape import printable
from mirrorfs.output.narrator import Narrator
from mirrorfs.output.words import is_directory, subject

MENU = """\
y) Yes, this is OK (default)
n) No, skip this
s) Skip all {kind} operations with no more questions
!) Do all {kind} operations with no more questions
q) Exit {name} now."""


class Asking:
    """Called with all actions of a run, answers with those the user wants."""

    def __init__(self, narrator: Narrator, empty_directories: bool) -> None:
        self._narrator = narrator
        self._empty_directories = empty_directories
        self._always: dict[str, bool] = {}

    def __call__(self, actions: list[Action]) -> list[Action]:
        """Raises SystemExit for q; MirrorError when standard input ends too early."""
        refused: list[Action] = []
        chosen: list[Action] = []
        for _, stage in in_stages(actions):
            for action in stage:
                if self._asks(action) and not self._wanted(action):
                    self._narrator.skipped(action, "--interactive")
                    refused.append(action)
                else:
                    chosen.append(action)
        return self._consistent(chosen, refused)

    def _asks(self, action: Action) -> bool:
        if action.stage is Stage.DIRECTORY_ATTRIBUTES or action.stage is Stage.SHELTER:
            return False
        if action.verb is Verb.CREATE and is_directory(action):
            return self._empty_directories
        return not (action.verb is Verb.DELETE and is_directory(action))

    def _wanted(self, action: Action) -> bool:
        kind = self._narrator.words(action).kind
        if action.verb is Verb.RENAME:
            kind = "move"
        if kind in self._always:
            return self._always[kind]
        _say(f'mirrorfs: {kind} "{printable(subject(action))}"?')
        _say(MENU.format(kind=kind, name="mirrorfs"))
        answer = _answer()
        if answer == "q":
            raise SystemExit(0)  # rclone: q is no failure
        if answer in "s!":
            self._always[kind] = answer == "!"
            doing = "Doing" if answer == "!" else "Skipping"
            _say(f"{doing} all {kind} operations from now on without asking")
        return answer in "y!"

    def _consistent(self, chosen: list[Action], refused: list[Action]) -> list[Action]:
        """Without what a refused change was the condition of."""
        if not refused:
            return chosen
        blocked = [a.path for a in refused if a.stage in (Stage.ROOM, Stage.RENAME)]
        kept = _ancestors(action.path for action in refused if action.verb is Verb.DELETE)
        kept |= _ancestors(action.origin for action in refused if action.verb is Verb.RENAME)
        wanted = [
            action
            for action in chosen
            if not (action.verb is Verb.DELETE and action.path in kept)
            and not any(is_within(action.path, path) for path in blocked)
        ]
        filled = _ancestors(action.path for action in wanted if not (is_directory(action)))
        missing = {
            action.path
            for action in wanted
            if action.stage is Stage.DIRECTORIES
            and not self._empty_directories
            and action.path not in filled
        }
        return [action for action in wanted if action.path not in missing]


def _ancestors(paths: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for path in paths:
        while (path := path.rpartition("/")[0]) and path not in found:
            found.add(path)
    return found


def _answer() -> str:
    while True:
        sys.stdout.write("y/n/s/!/q> ")
        sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            raise MirrorError("Failed to read line: EOF", remedy="-i needs somebody to answer")
        answer = line.strip().lower() or "y"
        if answer in ("y", "n", "s", "!", "q"):
            return answer
        _say("This value must be a single character, one of the following: y, n, s, !, q.")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
