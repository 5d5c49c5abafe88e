"""What to watch, and how."""

from collections.abc import Callable
from typing import NamedTuple

from mirrorfs.watch.settle import Pace


class Task(NamedTuple):
    """Absolute paths, and which directories to leave out (asked with root-relative paths; True:
    not to be descended).
    """

    root: str
    cookies: str | None
    exclude: Callable[[str], bool] | None
    one_file_system: bool
    pace: Pace
