from collections.abc import Sequence

from mirrorfs.trees.local.small import Terms

def copy(
    source: int, target: int, names: Sequence[str], temporaries: Sequence[str], agreed: Terms
) -> list[int]: ...
