"""The two halves of a rename, matched by the kernel's cookie.

Law: pairing is an optimisation. A half that stays alone is a name that went, or one that came, and
both are looked at; so nothing is wrong when a pair is missed.

The halves are neighbours in the queue, but one in a hundred reads ends between them; and the kernel
does not promise that they are neighbours. So a first half waits a few milliseconds, across reads.
"""

from typing import NamedTuple

from mirrorfs.watch.watches import Node


class Half(NamedTuple):
    """A name that went: ``node`` is its watch if it is a watched directory, out of the tree for
    now.
    """

    parent: Node
    name: str
    is_directory: bool
    node: Node | None
    deadline: float


class Halves:
    """The first halves that wait for their second."""

    def __init__(self) -> None:
        self._waiting: dict[int, Half] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def hold(self, cookie: int, half: Half) -> None:
        self._waiting[cookie] = half

    def match(self, cookie: int) -> Half | None:
        return self._waiting.pop(cookie, None)

    def deadline(self) -> float:
        """When the oldest half has waited long enough."""
        return next(iter(self._waiting.values())).deadline

    def expired(self, now: float) -> list[Half]:
        """Those that have waited long enough; they no longer wait."""
        late = [cookie for cookie, half in self._waiting.items() if half.deadline <= now]
        return [self._waiting.pop(cookie) for cookie in late]
