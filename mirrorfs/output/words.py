"""rclone's words for what is done to a path: before (skipped), after (done), and when it failed."""

from typing import NamedTuple

from mirrorfs.core.compare import TIME_DIFFERS
from mirrorfs.core.plan import Action, Stage, Verb
from mirrorfs.core.reconcile import CONTENT_CHANGES
from mirrorfs.core.tree import Kind

# The reasons that `mirrorfs.core` gives for a change of times alone.
TIMES = (TIME_DIFFERS, CONTENT_CHANGES)


class Words(NamedTuple):
    """``kind`` names the action (`Skipped copy as …`), ``done`` is a sentence, ``fail`` goes after
    `Failed to`."""

    kind: str
    done: str
    fail: str


_FILES = {
    Verb.CREATE: Words("copy", "Copied (new)", "copy"),
    Verb.UPDATE: Words("copy", "Copied (replaced existing)", "copy"),
    Verb.DELETE: Words("delete", "Deleted", "delete"),
}
_BACKED_UP = Words("move into backup dir", "Moved into backup dir", "move into backup dir")
_DIRECTORIES = {
    Verb.CREATE: Words("make directory", "Making directory", "make directory"),
    Verb.DELETE: Words("remove directory", "Removing directory", "remove directory"),
}
_FILE_TIME = Words(
    "update modification time",
    "Updated modification time in destination",
    "set modification time",
)
_FILE_REST = Words("update metadata", "Updated metadata in destination", "set metadata")
_DIRECTORY_TIME = Words(
    "set directory modification time",
    "Set directory modification time",
    "set directory modification time",
)
_DIRECTORY_REST = Words(
    "update directory metadata", "Updated directory metadata", "set directory metadata"
)


def words(action: Action, *, backups: bool = False) -> Words:
    """How an action is spoken of. The path it is said of is `subject`. ``backups``: what is deleted
    is kept elsewhere."""
    directory = is_directory(action)
    if backups and action.verb is Verb.DELETE and not directory:
        return _BACKED_UP
    if action.stage is Stage.LINKS:
        return Words(f"link to {action.origin}", f'Linked to "{action.origin}"', "link")
    if action.verb is Verb.RENAME:
        return Words(f"move to {action.path}", f'Renamed from "{action.origin}"', "move")
    if action.verb is Verb.ATTRIBUTES:
        if directory:
            return _DIRECTORY_TIME if action.reason in TIMES else _DIRECTORY_REST
        return _FILE_TIME if action.reason in TIMES else _FILE_REST
    table = _DIRECTORIES if directory else _FILES
    return table.get(action.verb) or _FILES[action.verb]


def subject(action: Action) -> str:
    """The path a planned action is announced under: what exists now; the root is `.`."""
    return (action.origin if action.verb is Verb.RENAME else action.path) or "."


def is_directory(action: Action) -> bool:
    entry = action.want or action.expect
    return entry is not None and entry.kind is Kind.DIRECTORY


def is_transfer(action: Action) -> bool:
    """Whether content is copied (a link or a special file counts as a file, as in rclone)."""
    if action.stage is Stage.CONTENT:
        return action.verb is not Verb.DELETE
    written = action.verb in (Verb.CREATE, Verb.UPDATE) and action.stage is not Stage.LINKS
    return written and not is_directory(action)


def size_of(action: Action) -> int | None:
    """Bytes, for files only."""
    entry = action.want or action.expect
    return entry.size if entry is not None and entry.kind is Kind.FILE else None
