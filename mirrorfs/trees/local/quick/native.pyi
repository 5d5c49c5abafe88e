from collections.abc import Sequence

from mirrorfs.core.quick import Quick, Terms

def look(
    source: int,
    destination: int,
    names: Sequence[str],
    agreed: Terms,
    *,
    threads: int,
    most: int,
) -> list[Quick | None]: ...
