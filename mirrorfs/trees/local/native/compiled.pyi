from collections.abc import Sequence

from mirrorfs.core.quick import Quick, Terms
from mirrorfs.core.tree import Entry
from mirrorfs.trees.local.quick.plain import Bounds
from mirrorfs.trees.local.small import Terms as Manner
from mirrorfs.watch.sift import Sifted

EDITION: int

def look(
    source: int,
    destination: int,
    names: Sequence[str],
    agreed: Terms,
    within: Bounds,
    *,
    threads: int,
    most: int,
) -> list[Quick | None]: ...
def kinds(directory: int) -> tuple[list[str], list[str]]: ...
def copy(
    source: int,
    target: int,
    names: Sequence[str],
    temporaries: Sequence[str] | None,
    terms: Manner,
) -> list[int]: ...
def look_at(
    directory: int, names: Sequence[str], prefix: str, device: int, *, xattrs: bool
) -> tuple[dict[str, Entry], list[str]]: ...
def rename(
    directory: int, to: int, names: Sequence[str], others: Sequence[str], seen: Sequence[Entry]
) -> list[bool]: ...
def remove(directory: int, names: Sequence[str], seen: Sequence[Entry]) -> list[bool]: ...
def sift(data: bytes, cookies: int) -> Sifted: ...
