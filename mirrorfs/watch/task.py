"""What to watch, and how."""

from collections.abc import Callable
from typing import NamedTuple

from mirrorfs.watch.kept import Keeper
from mirrorfs.watch.settle import Pace

BACKENDS = ("auto", "fanotify", "inotify", "poll")


class Task(NamedTuple):
    """Absolute paths, and which directories to leave out (asked with root-relative paths; True:
    not to be descended). ``backend`` is one of `BACKENDS`; ``keeper`` keeps the watch for the next
    process.
    """

    root: str
    cookies: str | None
    exclude: Callable[[str], bool] | None
    one_file_system: bool
    pace: Pace
    backend: str
    keeper: Keeper | None = None
