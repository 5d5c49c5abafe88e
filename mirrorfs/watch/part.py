"""One part of the source: what serves it, and where it is.

Law: a part tells of itself with its own paths; `Member` alone knows where it lies in the whole.
"""

from collections.abc import Container
from typing import NamedTuple, Protocol

from mirrorfs.core.change import Change, Coverage, Dirty, Gap, Moved
from mirrorfs.core.tree import join


class Serving(NamedTuple):
    """What serves a part of the source. ``kind`` is the type of its file system, ``directories``
    how many are watched or scanned one by one, ``lag`` after how many seconds a change is reported
    of which no event tells; ``why`` is why it is not served better.
    """

    path: str
    backend: str
    kind: str
    directories: int
    lag: float
    why: str


class Part(Protocol):
    """What `Session` and `Polling` have in common."""

    name: str
    ready: bool
    continued: bool
    last_event: float | None
    lag: float

    @property
    def silence(self) -> str: ...
    @property
    def overflows(self) -> int: ...
    @property
    def events(self) -> int: ...
    @property
    def watched(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def failures(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def descriptors(self) -> dict[int, int]: ...
    def rest(self) -> float: ...
    def turn(self, awake: Container[int]) -> None: ...
    def poll(self) -> None: ...
    def look(self, path: str) -> None: ...
    def finish(self) -> None: ...
    def lose(self, why: str) -> None: ...
    def landed(self) -> None: ...
    def lost(self) -> None: ...
    def close(self) -> None: ...


class Member:
    """A part and where it is; ``late``: the rest was ready before it began."""

    part: Part

    def __init__(self, path: str, kind: str, *, late: bool) -> None:
        self.path = path
        self.kind = kind
        self.late = late
        self.why = ""

    @property
    def serving(self) -> Serving:
        part = self.part
        return Serving(self.path, part.name, self.kind, part.watched, part.lag, self.why)

    def under(self, path: str) -> str:
        """A path of the part, in the whole."""
        return join(self.path, path) if self.path and path else self.path or path

    def whole(self, change: Change) -> Change:
        """What the part says, said of the whole."""
        match change:
            case Dirty(path) | Gap(path) | Coverage(path):
                return change._replace(path=self.under(path))
            case Moved(origin, path):
                return Moved(self.under(origin), self.under(path))
            case _:
                return change
