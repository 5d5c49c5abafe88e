"""What one read of the queue comes to: the names of each directory once, and what is rare.

Law: nothing is lost and nothing is decided here. Which of the plain events of a name there were
says enough; every other event is handed on as it came, in its order. What is compiled answers as
`plain` does.
"""

from collections.abc import Callable
from typing import TypeVar

from mirrorfs.trees.local import native
from mirrorfs.watch.inotify import (
    ATTRIB,
    CLOSE_WRITE,
    CREATE,
    DELETE,
    HEADER,
    MODIFY,
    Event,
)

Names = dict[int, dict[bytes, None]]
"""watch descriptor → names in its directory."""

Sifted = tuple[int, Names, Names, dict[int, dict[bytes, bool]], list[Event]]
"""(how many events, finished, touched, open, rare).

*finished*: closed after writing, or deleted. *touched*: attributes changed, and not open then.
*open*: created or written to (True), and not finished. *rare*: all other events, and the names that
came to the directory of cookies. No event of *rare* leaves its name in *open*.
"""

N = TypeVar("N", dict[bytes, None], dict[bytes, bool])
Sift = Callable[[bytes, int], Sifted]
"""Of what one read returned; the second is the watch of the directory of cookies, 0: none. Raises
ValueError when the last event is cut; the kernel cuts none."""


def plain(data: bytes, cookies: int) -> Sifted:
    """See `Sift`."""
    unpack = HEADER.unpack_from
    finished: Names = {}
    touched: Names = {}
    open_: dict[int, dict[bytes, bool]] = {}
    rare: list[Event] = []
    at, end, count, current = 0, len(data), 0, 0
    raw = name = b""
    done: dict[bytes, None] = {}
    opened: dict[bytes, bool] = {}
    while at < end:
        if end - at < 16:
            raise ValueError("an event is cut")
        wd, mask, cookie, length = unpack(data, at)
        at += 16
        padded = data[at : at + length]
        at += length
        count += 1
        if padded != raw:  # the events of a file are often next to each other
            raw = padded
            name = raw.rstrip(b"\0")
        if wd != current or count == 1:
            current = wd
            done = finished.setdefault(wd, {})
            opened = open_.setdefault(wd, {})
        if mask == CLOSE_WRITE or mask == DELETE:  # noqa: SIM109  # half the cost
            opened.pop(name, None)
            done[name] = None
        elif mask == MODIFY:
            if name not in done:
                opened[name] = True
        elif mask == CREATE and wd != cookies:
            if name not in done:
                opened.setdefault(name, False)
        elif mask == ATTRIB:
            if name not in opened:
                touched.setdefault(wd, {})[name] = None
        else:
            opened.pop(name, None)
            rare.append((wd, mask, cookie, name))
    if at != end:
        raise ValueError("an event is cut")
    return count, _some(finished), touched, _some(open_), rare


def _some(names: dict[int, N]) -> dict[int, N]:
    return {wd: each for wd, each in names.items() if each}


_compiled = native.load()
sift: Sift = plain if _compiled is None else _compiled.sift
