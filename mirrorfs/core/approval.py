"""What an approval covers: whatever a plan removes, replaces or renames on the destination.

Law: pure; two plans are the same to who approves them when they take the same things away. What is
new, the attributes of what stays, and what takes a replaced file's place do not count: nothing is
lost by them. One thing more or one less is another plan.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from mirrorfs.core.plan import Action, Verb
from mirrorfs.core.tree import Entry, Kind

ID_LENGTH = 8
SHOWN = 3


class Touch(NamedTuple):
    """One thing that is taken away, and the version of it that was seen. ``origin`` is a rename's
    old name. Of a directory only the kind and the inode count: its time moves with what comes."""

    verb: str
    path: str
    origin: str
    kind: int
    size: int
    mtime_ns: int
    inode: int
    target: str


class Drift(NamedTuple):
    """How what is now to be taken away differs from what was approved: so many things ``more`` and
    ``fewer``, ``changed`` are the same paths in another version or way; ``paths`` are some of
    them."""

    more: int
    fewer: int
    changed: int
    paths: tuple[str, ...]

    def __str__(self) -> str:
        counts = [
            f"{count} {word}"
            for word in ("more", "fewer", "changed")
            if (count := getattr(self, word))
        ]
        rest = self.more + self.fewer + self.changed - len(self.paths)
        return f"{', '.join(counts)}: {', '.join(self.paths)}" + (", …" if rest > 0 else "")


def touches(actions: Iterable[Action]) -> Iterator[Touch]:
    """What these actions take away."""
    for action in actions:
        if action.verb in (Verb.DELETE, Verb.UPDATE, Verb.RENAME):
            seen = action.expect or Entry(Kind.FILE)
            is_directory = seen.kind is Kind.DIRECTORY
            yield Touch(
                action.verb.value,
                action.path,
                action.origin if action.verb is Verb.RENAME else "",
                int(seen.kind),
                seen.size,
                0 if is_directory else seen.mtime_ns,
                seen.inode,
                seen.target,
            )


def identify(touched: Iterable[Touch]) -> str:
    """32 hexadecimal digits that stand for what is taken away, in whatever order; their first
    `ID_LENGTH` are the plan's id."""
    each = sorted(_digest(touch) for touch in touched)
    return hashlib.blake2b(b"".join(each), digest_size=16).hexdigest()


def drift(approved: Collection[Touch], present: Iterable[Touch]) -> Drift | None:
    """``None`` when exactly the same things are taken away."""
    now = set(present)
    before = set(approved)
    gone, come = before - now, now - before
    if not gone and not come:
        return None
    left, new = {touch.path for touch in gone}, {touch.path for touch in come}
    changed = left & new
    some = tuple(sorted(new - changed) + sorted(left - changed) + sorted(changed))[:SHOWN]
    return Drift(len(new - changed), len(left - changed), len(changed), some)


def _digest(touch: Touch) -> bytes:
    return hashlib.blake2b(repr(touch).encode(), digest_size=16).digest()
